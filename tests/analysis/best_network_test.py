import pandas as pd
import pytest

from tf_transfer.analysis.best_network import find_best


def rows(*estimates, error=0.1):
    """Rows of an effect at n = 1, 2, ..., each with so great a standard error between 100 groups."""
    return pd.DataFrame({
        "effect": "some", "n": range(1, len(estimates) + 1), "estimate": estimates, "group_error": error,
        "image_error": 0.0, "groups": 100, "images": 1000,
    })  # fmt: skip


def test_the_interval_is_wider_for_each_network_that_it_was_chosen_from():
    alone, among_four = find_best(rows()[:0], rows(2.0)), find_best(rows(9.0, 9.0), rows(1.0, 2.0))
    assert (alone.name, alone.gain, alone.among) == ("A1B+", 2.0, 1) and alone.low == pytest.approx(2 - 0.198, abs=1e-3)
    assert (among_four.name, among_four.gain, among_four.among) == ("A2B+", 2.0, 4)
    assert among_four.low < alone.low and among_four.high > alone.high


def test_a_frozen_network_gains_what_it_does_not_cost():
    best = find_best(rows(-1.0, 3.0), rows(0.5))
    assert (best.name, best.gain) == ("A1B", 1.0) and best.low == pytest.approx(1 - 0.244, abs=1e-3)


def test_a_sure_gain_goes_before_a_greater_one_that_may_be_none():
    unsure = pd.concat([rows(1.0), rows(0, 5.0, error=9)[1:]])
    assert find_best(rows()[:0], unsure).name == "A1B+"
    assert find_best(rows()[:0], rows()[:0]) is None
