import numpy as np
import pytest

from tf_transfer.analysis import averages
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED

NATURAL = {"split": "natural-man-made"}


def test_means_over_splits_seeds_and_directions(make_result):
    table = result_files.table([
        make_result("baseB", 0.5),
        make_result("baseA", 0.7),
        make_result("A1B", 0.4),
        make_result("B1A", 0.5),
        make_result("A1B", 0.3, seed=1),
        make_result("A1B", 0.4, split="random-1"),
        make_result("A2B", 0.25),
        make_result("B2B", 0.45),
        make_result("A2B-preserve1", 0.15),
    ])  # fmt: skip
    means = averages.treatment_means(table, "top1_last")
    assert list(means.index) == ["base", "selffer", "transfer", "transfer-preserve1"] and list(means) == [0, 1, 2]
    expected = [[60, np.nan, np.nan], [np.nan, np.nan, 45], [np.nan, 40, 25], [np.nan, np.nan, 15]]
    np.testing.assert_allclose(means.to_numpy(), expected)


def test_diverged_runs_do_not_count(make_result):
    diverged = make_result("A1B", 0.0, seed=1, status=DIVERGED, loss_history=(None, None))
    table = result_files.table([make_result("A1B", 0.5), diverged])
    assert averages.treatment_means(table, "top1_last").loc["transfer", 1] == pytest.approx(50)
    only_diverged = result_files.table([make_result("baseB", status=DIVERGED)])
    assert averages.treatment_means(only_diverged, "top1_last").empty


def test_a_base_that_was_only_copied_from_does_not_count(make_result):
    table = result_files.table([make_result("baseA", 0.1), make_result("baseB", 0.5), make_result("A1B", 0.4)])
    assert list(averages.comparable(table)["treatment"]) == ["baseB", "A1B"]
    assert averages.treatment_means(table, "top1_last").loc["base", 0] == 50


def test_bases_alone_all_count(make_result):
    both = result_files.table([make_result("baseA", 0.1), make_result("baseB", 0.5)])
    assert averages.treatment_means(both, "top1_last").loc["base", 0] == 30


def test_families_have_their_own_bases(make_result):
    table = result_files.table([
        make_result("baseB", 0.6, **NATURAL),
        make_result("A1B", 0.2, **NATURAL),
        make_result("A1B", 0.1, images_per_class=20),
        make_result("A1B", 0.1, images_per_class=50),
        make_result("baseB", 0.3, images_per_class=10),  # nothing was transferred from or to it
        make_result("baseB", 0.5),
        make_result("A1B", 0.4),
        make_result("A1B", 0.3, split="random-1"),
    ])  # fmt: skip
    families = averages.families(table)
    fewer = [f"random halves, {limit} images per class" for limit in (50, 20)]
    assert list(families) == ["random halves", *fewer, "natural/man-made"]
    assert [len(rows) for rows in families.values()] == [3, 1, 1, 2]
    assert sorted(averages.main_family(table)["top1_last"]) == [0.3, 0.4, 0.5]


def test_without_comparable_rows_one_family_is_empty(make_result):
    diverged = result_files.table([make_result("A1B", status=DIVERGED)])
    assert [len(rows) for rows in averages.families(diverged).values()] == [0]


def test_transfers_relative_to_the_mean_base_of_their_split_and_target(make_result):
    table = result_files.table([
        make_result("baseB", 0.5),
        make_result("baseB", 0.6, seed=1),
        make_result("A1B", 0.45),
        make_result("R1B", 0.15),
        make_result("B1B", 0.5),  # neither transfer nor random
        make_result("A1B", 0.4, split="random-1"),  # has no base
    ])  # fmt: skip
    relative = averages.relative_to_base(table, "top1_last").set_index("treatment")["relative"]
    assert relative.to_dict() == pytest.approx({"A1B": -10, "R1B": -40})
