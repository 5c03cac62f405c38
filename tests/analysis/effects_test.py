import dataclasses

import numpy as np
import pytest

from tests import simulation
from tf_transfer.analysis import averages, effects, published
from tf_transfer.analysis.intervals import MIN_GROUPS
from tf_transfer.results import result_files
from tf_transfer.results.contents import ImageResults


def estimate(results, **options):
    return effects.estimate_effects(result_files.table(results), "top1_last", **options)


def test_every_effect_is_a_difference_in_points(make_result):
    top1 = {"baseB": 0.5, "B2B": 0.47, "B2B+": 0.51, "A2B": 0.42, "A2B+": 0.53, "R2B": 0.2}
    rows = estimate([make_result(name, accuracy) for name, accuracy in top1.items()])
    assert rows.set_index("effect")["estimate"].round(6).to_dict() == {
        "co-adaptation": 3, "specialisation": 5, "transfer cost": 8, "recovery": 11, "boost over base": 3,
        "boost over BnB+": 2, "over random": 22,
    }  # fmt: skip
    assert tuple(rows) == effects.COLUMNS and rows["n"].tolist() == [2] * 7 and rows["layers"].tolist() == ["2"] * 7


def test_one_group_without_images_has_no_intervals(make_result):
    (row,) = estimate([make_result("baseB", 0.5), make_result("A1B", 0.4)]).to_dict("records")
    assert np.isnan([row["low"], row["high"], row["p"], row["p_holm"]]).all()
    assert (row["source_of_chance"], row["groups"], row["images"]) == ("none", 1, 0)


@pytest.mark.parametrize(
    "layers, ranges",
    [
        (range(1, 8), [[1, 2, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7], [5, 6, 7]]),  # as in Table 1
        ([1, 3, 5, 7], [[1, 3, 5, 7], [3, 5, 7], [5, 7]]),
        ([5, 7], [[5, 7]]),
        ([2], []),
        ([], []),
    ],
)
def test_ranges_of_layers(layers, ranges):
    assert effects.layer_ranges(layers) == ranges


def test_averages_take_the_layers_that_were_measured(make_result):
    top1 = {"baseB": 0.5, "A1B": 0.5, "A2B": 0.4, "A4B": 0.3}
    rows = estimate([make_result(name, accuracy) for name, accuracy in top1.items()])
    assert rows["layers"].tolist() == ["1", "2", "4", "1-4", "2-4"]
    assert rows["estimate"].tolist() == pytest.approx([0, 10, 20, 10, 15])
    assert rows["n"].isna().tolist() == [False] * 3 + [True] * 2


def test_networks_are_compared_image_by_image(make_result):
    # 10 points apart, and baseB gets each image right that A1B gets right.
    base = np.arange(1000) % 2 == 0
    results = [make_result("baseB", 0.5), make_result("A1B", 0.4)]
    correct = {"baseB_random-0_seed-0": base, "A1B_random-0_seed-0": base & (np.arange(1000) >= 200)}
    (row,) = estimate(results, images=ImageResults(correct)).itertuples()
    error = 100 * np.std([1] * 100 + [0] * 900, ddof=1) / 1000**0.5
    assert (row.images, row.groups, row.source_of_chance, row.group_error) == (1000, 1, "images", 0)
    assert row.image_error == pytest.approx(error)
    assert (row.low, row.high) == pytest.approx((10 - 1.962 * error, 10 + 1.962 * error), abs=1e-3)


def test_splits_are_the_groups_of_a_table_with_several(make_result):
    results = []
    for split, lost in ((0, 0.12), (1, 0.22)):
        results += [make_result("baseB", 0.5, split=f"random-{split}")]
        results += [make_result("A1B", 0.5 - lost, split=f"random-{split}")]
    (row,) = estimate(results).itertuples()
    assert (row.groups, row.source_of_chance, round(row.estimate, 6)) == (2, "splits", 17)
    assert row.group_error == pytest.approx(np.std([12, 22], ddof=1) / 2**0.5)


def test_published_scores_give_intervals_from_their_splits():
    table = averages.main_family(published.read_table())
    rows = effects.estimate_effects(table, published.METRIC).set_index(["effect", "layers"])
    # Of the paper's Figure 2: layers 4 and 5 are co-adapted, 1 and 7 are not.
    assert [rows.loc[("co-adaptation", n), "low"] > 1.5 for n in "1457"] == [False, True, True, False]
    assert rows.loc[("co-adaptation", "5"), "groups"] == 4 and rows.loc[("transfer cost", "5"), "groups"] == 8
    assert rows.loc[("transfer cost", "7"), "estimate"] == pytest.approx(8.3, abs=0.05)


def test_nothing_to_compare(make_result):
    assert estimate([make_result("baseB")]).empty


def null_setting(setting):
    """Without effects: few splits estimate those of their own networks, which therefore must not differ by chance."""
    return dataclasses.replace(setting, deviation=0.01 * (setting.splits >= MIN_GROUPS))


@pytest.mark.parametrize("splits, class_images", [(1, ()), (8, ()), (1, (150, 80, 40, 20, 10)), (8, (90, 40, 20, 10))])
def test_coverage_and_false_findings(splits, class_images):
    # 50 simulations of 7 correlated rows: both shares vary by 2 to 3 points. The slow test is more precise.
    setting = simulation.Setting(splits, layers=1, images=300, class_images=class_images)
    assert 0.91 <= simulation.repeat(setting, simulation.WITH_EFFECTS, times=50, seed=0).coverage <= 0.99
    assert simulation.repeat(null_setting(setting), simulation.WITHOUT_EFFECTS, times=50, seed=1).findings <= 0.10


@pytest.mark.slow
@pytest.mark.parametrize("splits", [1, 2, 4, 8])
@pytest.mark.parametrize("class_images", [(), simulation.CLASS_SIZES[1]], ids=["top-1", "per class"])
def test_coverage_and_false_findings_over_many_simulations(splits, class_images):
    setting = simulation.Setting(splits, layers=3, images=500, class_images=class_images)
    outcome = simulation.repeat(setting, simulation.WITH_EFFECTS, times=1000, seed=2)
    assert 0.93 <= outcome.coverage <= (0.97 if splits in (1, 8) else 0.99) and outcome.worst_coverage > 0.92
    null = simulation.repeat(null_setting(setting), simulation.WITHOUT_EFFECTS, times=1000, seed=3)
    assert null.findings <= 0.065
