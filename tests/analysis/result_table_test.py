import numpy as np
import pytest

from tf_transfer.analysis import result_table
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED


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
    means = result_table.treatment_means(table, "top1_last")
    assert list(means.index) == ["base", "selffer", "transfer", "transfer-preserve1"] and list(means) == [0, 1, 2]
    expected = [[60, np.nan, np.nan], [np.nan, np.nan, 45], [np.nan, 40, 25], [np.nan, np.nan, 15]]
    np.testing.assert_allclose(means.to_numpy(), expected)


def test_diverged_runs_are_left_out_and_named(make_result):
    diverged = make_result("A1B", 0.0, seed=1, status=DIVERGED, loss_history=(None, None))
    table = result_files.table([make_result("A1B", 0.5), diverged])
    assert result_table.treatment_means(table, "top1_last").loc["transfer", 1] == pytest.approx(50)
    said = "A1B_random-0_seed-1 diverged (its loss or a weight was not a number)"
    assert result_table.warnings(table, "top1_last") == [said]


def test_a_run_that_never_left_chance(make_result):
    # Of 10 classes: chance is 10 %, and below 15 % a network is called chance.
    table = result_files.table([make_result("A1B", 0.149), make_result("A2B", 0.151)])
    assert result_table.warnings(table, "top1_last") == ["A1B_random-0_seed-0 never left chance (14.9 %)"]


def test_a_base_below_its_selffers_looks_under_trained(make_result):
    table = result_files.table([make_result("baseB", 0.5), make_result("B1B", 0.51), make_result("B2B", 0.531)])
    assert result_table.warnings(table, "top1_last") == [
        "baseB looks under-trained: B2B is 3.1 points above it; train longer, or read co-adaptation with care"
    ]


def test_each_base_is_judged_by_its_own_selffers(make_result):
    table = result_files.table(
        [make_result("baseA", 0.3), make_result("A1A", 0.4), make_result("baseB", 0.5), make_result("B1B", 0.5)]
    )
    (warning,) = result_table.warnings(table, "top1_last")
    assert warning.startswith("baseA looks under-trained: A1A is 10.0 points above it")


def test_nothing_to_warn_of(make_result):
    table = result_files.table([make_result("baseB", 0.5), make_result("B1B", 0.519), make_result("A1B", 0.6)])
    assert result_table.warnings(table, "top1_last") == []


def test_a_base_that_diverged_is_not_compared_with(make_result):
    base = make_result("baseB", 0.0, status=DIVERGED)
    table = result_files.table([base, make_result("B1B", 0.5)])
    assert result_table.warnings(table, "top1_last") == [
        "baseB_random-0_seed-0 diverged (its loss or a weight was not a number)",
        "B1B_random-0_seed-0 was copied from a base that diverged",
    ]
    assert result_table.treatment_means(result_files.table([base]), "top1_last").empty


def test_a_base_that_was_only_copied_from_is_no_yardstick(make_result):
    table = result_files.table([make_result("baseA", 0.1), make_result("baseB", 0.5), make_result("A1B", 0.4)])
    assert list(result_table.comparable(table)["treatment"]) == ["baseB", "A1B"]
    assert result_table.treatment_means(table, "top1_last").loc["base", 0] == 50
    both = result_files.table([make_result("baseA", 0.1), make_result("baseB", 0.5)])
    assert result_table.treatment_means(both, "top1_last").loc["base", 0] == 30


def test_families_have_bases_of_their_own(make_result):
    natural = {"split": "natural-man-made"}
    table = result_files.table([
        make_result("baseB", 0.6, **natural),
        make_result("A1B", 0.2, **natural),
        make_result("A1B", 0.1, images_per_class=20),
        make_result("A1B", 0.1, images_per_class=50),
        make_result("baseB", 0.3, images_per_class=10),  # nothing was transferred from or to it
        make_result("baseB", 0.5),
        make_result("A1B", 0.4),
        make_result("A1B", 0.3, split="random-1"),
    ])  # fmt: skip
    families = result_table.families(table)
    fewer = [f"random halves, {limit} images per class" for limit in (50, 20)]
    assert list(families) == ["random halves", *fewer, "natural/man-made"]
    assert [len(rows) for rows in families.values()] == [3, 1, 1, 2]
    assert sorted(result_table.main_family(table)["top1_last"]) == [0.3, 0.4, 0.5]


def test_without_comparable_rows_one_family_is_empty(make_result):
    diverged = result_files.table([make_result("A1B", status=DIVERGED)])
    assert [len(rows) for rows in result_table.families(diverged).values()] == [0]


def test_a_base_is_not_judged_by_the_selffers_of_another_family(make_result):
    table = result_files.table([
        make_result("baseB", 0.5),
        make_result("B1B", 0.5),
        make_result("baseB", 0.7, split="natural-man-made"),
        make_result("B1B", 0.8, split="natural-man-made"),
    ])  # fmt: skip
    (warning,) = result_table.warnings(table, "top1_last")
    assert warning.startswith("baseB looks under-trained: B1B is 10.0 points above it")
