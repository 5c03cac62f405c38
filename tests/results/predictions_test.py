import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.results.predictions import Predictions

LABELS = np.array([0, 1, 2, 2])
LOGITS = np.array([[2.0, 1, 0], [2, 1, 0], [2, 1, 0], [0, 0, 3]])


def test_logits_become_classes_confidence_and_ranks():
    made = Predictions.from_logits(LABELS, LOGITS)
    assert made.predicted.tolist() == [0, 0, 0, 2] and made.ranks.tolist() == [0, 1, 2, 0]
    np.testing.assert_allclose(made.confidence[:3], np.e**2 / (np.e**2 + np.e + 1), rtol=1e-6)
    assert made.correct.tolist() == [True, False, False, True]


def test_metrics_count_images_or_classes():
    made = Predictions.from_logits(LABELS, LOGITS)
    assert made.top1() == 0.5 and made.top5() == 1.0
    assert made.per_class_accuracy().tolist() == [1, 0, 0.5] and made.mean_per_class_accuracy() == 0.5
    constant = Predictions.from_logits(np.array([0] * 9 + [1]), np.tile([1.0, 0.0], (10, 1)))
    assert (constant.top1(), constant.mean_per_class_accuracy()) == (0.9, 0.5)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_a_rank_is_the_place_among_the_sorted_logits(seed, num_classes):
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(0, num_classes, 20), rng.integers(0, 3, (20, num_classes)).astype(np.float32)
    made = Predictions.from_logits(labels, logits)
    assert (made.correct == (logits.argmax(1) == labels)).all()
    assert (made.ranks < num_classes).all()
    assert ((made.ranks == 0) <= (logits[np.arange(20), labels] == logits.max(1))).all()


def test_a_network_that_has_diverged_still_has_predictions():
    made = Predictions.from_logits(np.array([0, 1, 1]), np.array([[np.nan] * 2, [np.inf, 1], [np.nan, 1]], np.float32))
    assert made.correct.tolist() == [True, False, False] and np.isfinite(made.confidence).all()


def test_batches_are_put_behind_each_other_and_read_back():
    halves = [Predictions.from_logits(LABELS[part], LOGITS[part]) for part in (slice(0, 3), slice(3, 4))]
    whole = Predictions.from_logits(LABELS, LOGITS)
    np.testing.assert_equal(Predictions.concatenate(halves).to_arrays(), whole.to_arrays())
    np.testing.assert_equal(Predictions.from_arrays(whole.to_arrays()).to_arrays(), whole.to_arrays())


@pytest.mark.parametrize("change", [
    {"labels": np.zeros(3, np.int32)}, {"confidence": np.zeros(4)}, {"ranks": np.full(4, -1, np.int32)},
])  # fmt: skip
def test_arrays_that_do_not_go_together_are_refused(change):
    arrays = Predictions.from_logits(LABELS, LOGITS).to_arrays()
    with pytest.raises(ValueError):
        Predictions.from_arrays(arrays | change)
