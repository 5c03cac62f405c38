import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tf_transfer.analysis import mistakes
from tf_transfer.results.predictions import Predictions

NAMES = ("cat", "dog", "ship")


def predictions(labels, predicted):
    labels, predicted = np.array(labels, np.int32), np.array(predicted, np.int32)
    confidence = np.full(len(labels), 0.5, np.float32)
    return Predictions(labels, predicted, confidence, (labels != predicted).astype(np.int32))


CONFUSION = mistakes.confusion_matrix(predictions([0, 0, 0, 0, 1, 1, 2], [0, 1, 1, 2, 1, 0, 2]), 3)


def test_rows_are_classes_and_columns_what_they_were_taken_for():
    assert CONFUSION.tolist() == [[1, 2, 1], [1, 1, 0], [0, 0, 1]]


def test_the_worst_class_comes_first():
    rows = mistakes.class_accuracies(CONFUSION, NAMES)
    assert rows[["name", "right", "images", "taken_for", "times"]].to_numpy().tolist() == [
        ["cat", 1, 4, "dog", 2], ["dog", 1, 2, "cat", 1], ["ship", 1, 1, "", 0],
    ]  # fmt: skip
    assert rows["accuracy"].tolist() == [25, 50, 100] and (rows["high"] > rows["accuracy"] - 1e-9).all()


def test_a_class_without_images_has_no_accuracy():
    rows = mistakes.class_accuracies(mistakes.confusion_matrix(predictions([0, 2], [0, 1]), 3), NAMES)
    assert rows["name"].tolist() == ["ship", "cat"]


def test_pairs_that_are_confused_most_often():
    pairs = mistakes.confused_pairs(CONFUSION, NAMES, count=2)
    assert pairs.to_numpy().tolist() == [["cat", "dog", 2, 50.0], ["cat", "ship", 1, 25.0]]
    assert len(mistakes.confused_pairs(CONFUSION, NAMES, count=9)) == 3  # those never confused are left out
    assert mistakes.confused_pairs(np.diag([3, 4]), NAMES[:2], count=9).empty


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_s_interval_is_the_known_one(right, total):
    right = min(right, total)
    low, high = mistakes.wilson_interval([right], [total])
    known = stats.binomtest(right, total).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((known.low, known.high), abs=1e-9)
