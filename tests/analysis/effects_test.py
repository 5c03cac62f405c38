import numpy as np
import pytest

from tests import simulation
from tf_transfer.analysis import effects, published, result_table, transition
from tf_transfer.analysis.intervals import FEWEST_GROUPS
from tf_transfer.results import result_files
from tf_transfer.results.contents import ImageResults
from tf_transfer.results.result import DIVERGED


def estimate(invented, **options):
    return effects.estimate_effects(result_files.table(invented), "top1_last", **options)


def points(rows, layers):
    return rows[rows["layers"] == layers].set_index("effect")["estimate"].round(6).to_dict()


def all_kinds(make_result, **options):
    names = {"baseB": 0.5, "B2B": 0.47, "B2B+": 0.51, "A2B": 0.42, "A2B+": 0.53, "R2B": 0.2}
    return [make_result(name, top1, **options) for name, top1 in names.items()]


def test_every_effect_is_a_difference_in_points(make_result):
    rows = estimate(all_kinds(make_result))
    assert points(rows, "2") == {
        "co-adaptation": 3, "specialisation": 5, "transfer cost": 8, "recovery": 11, "boost over base": 3,
        "boost over BnB+": 2, "over random": 22,
    }  # fmt: skip
    assert tuple(rows) == effects.COLUMNS and rows["n"].tolist() == [2] * 7
    # One group, and no images: nothing tells how sure it is.
    assert rows[["low", "high", "p", "p_holm"]].isna().all(axis=None)
    assert set(rows["source_of_chance"]) == {"none"} and set(rows["groups"]) == {1} and set(rows["images"]) == {0}


def test_averages_over_layers_as_in_table_1():
    assert effects.layer_ranges(list(range(1, 8))) == [[1, 2, 3, 4, 5, 6, 7], [3, 4, 5, 6, 7], [5, 6, 7]]
    assert effects.layer_ranges([1, 3, 5, 7]) == [[1, 3, 5, 7], [3, 5, 7], [5, 7]]
    assert effects.layer_ranges([5, 7]) == [[5, 7]]
    assert effects.layer_ranges([2]) == effects.layer_ranges([]) == []


def test_an_average_takes_the_measured_layers(make_result):
    top1 = {"baseB": 0.5, "A1B": 0.5, "A2B": 0.4, "A4B": 0.3}
    rows = estimate([make_result(name, accuracy) for name, accuracy in top1.items()])
    assert rows["layers"].tolist() == ["1", "2", "4", "1-4", "2-4"]
    assert rows["estimate"].tolist() == pytest.approx([0, 10, 20, 10, 15])
    assert rows["n"].isna().tolist() == [False] * 3 + [True] * 2


def test_images_are_paired(make_result):
    # 10 points apart, and each image that A1B gets right, baseB gets right too.
    base = np.arange(1000) % 2 == 0
    invented = [make_result("baseB", 0.5), make_result("A1B", 0.4)]
    correct = {"baseB_random-0_seed-0": base, "A1B_random-0_seed-0": base & (np.arange(1000) >= 200)}
    (row,) = estimate(invented, images=ImageResults(correct)).itertuples()
    error = 100 * np.std([1] * 100 + [0] * 900, ddof=1) / 1000**0.5
    assert (row.images, row.groups, row.source_of_chance, row.group_error) == (1000, 1, "images", 0)
    assert row.image_error == pytest.approx(error)
    assert (row.low, row.high) == pytest.approx((10 - 1.962 * error, 10 + 1.962 * error), abs=1e-3)


def test_groups_are_splits_and_directions_and_their_seeds_are_averaged(make_result):
    invented = []
    for split, lost in ((0, 0.1), (1, 0.2)):
        for seed, more in ((0, 0.0), (1, 0.04)):
            options = {"split": f"random-{split}", "seed": seed}
            invented += [make_result("baseB", 0.5, **options), make_result("A1B", 0.5 - lost - more, **options)]
    (row,) = estimate(invented).itertuples()
    assert (row.groups, row.source_of_chance, round(row.estimate, 6)) == (2, "splits", 17)
    assert row.group_error == pytest.approx(np.std([12, 22], ddof=1) / 2**0.5)
    (row,) = estimate(invented[:4]).itertuples()
    assert (row.groups, row.source_of_chance, round(row.estimate, 6)) == (2, "seeds", 12)


def test_a_group_counts_only_where_both_networks_are_there(make_result):
    invented = [make_result("baseB"), make_result("A1B"), make_result("baseA"), make_result("B1A"), make_result("B2A")]
    rows = estimate(invented).set_index("layers")
    assert rows.loc["1", "groups"] == 2 and rows.loc["2", "groups"] == 1
    assert rows.loc["1", "source_of_chance"] == "directions"
    diverged = make_result("B1A", status=DIVERGED)
    assert estimate([*invented[:3], diverged])["groups"].tolist() == [1]


def test_published_scores_give_intervals_from_their_splits():
    table = result_table.main_family(published.read_table())
    rows = effects.estimate_effects(table, published.METRIC).set_index(["effect", "layers"])
    # Of the paper's Figure 2: layers 4 and 5 are co-adapted, 1 and 7 are not.
    assert [rows.loc[("co-adaptation", n), "low"] > 1.5 for n in "1457"] == [False, True, True, False]
    assert rows.loc[("co-adaptation", "5"), "groups"] == 4 and rows.loc[("transfer cost", "5"), "groups"] == 8
    assert rows.loc[("transfer cost", "7"), "estimate"] == pytest.approx(8.3, abs=0.05)


def test_what_does_not_fit_together(make_result):
    invented = [make_result("baseB"), make_result("A1B")]
    with pytest.raises(ValueError, match="transfer n = 1 of B, random-0, seed 0 stands twice in the table"):
        estimate([*invented, invented[1]])
    with pytest.raises(ValueError, match=r"expected one training volume in the table, got \[0, 5\]"):
        estimate([*invented, make_result("A2B", images_per_class=5)])
    correct = {"baseB_random-0_seed-0": np.ones(9, bool), "A1B_random-0_seed-0": np.ones(8, bool)}
    with pytest.raises(ValueError, match="A1B_random-0_seed-0 was tested on 8 images, expected 9 as the others"):
        estimate(invented, images=ImageResults(correct))


def test_nothing_to_compare(make_result):
    assert estimate([make_result("baseB")]).empty


@pytest.mark.parametrize("splits", [1, 8])
def test_intervals_hold_the_truth_and_null_effects_are_not_found(splits):
    # 100 simulations of 7 rows, which depend on each other: both shares waver by 1 to 2 points. At length: see below.
    setting = simulation.Setting(splits, layers=1, images=300)
    known = simulation.repeat(setting, simulation.TRUE, times=100, seed=0)
    assert 0.92 <= known.coverage <= 0.98
    null = simulation.Setting(splits, layers=1, images=300, deviation=0.01 * (splits >= FEWEST_GROUPS))
    assert simulation.repeat(null, simulation.NULL, times=100, seed=1).found <= 0.10


@pytest.mark.slow
@pytest.mark.parametrize("splits", [1, 2, 4, 8])
def test_coverage_at_length(splits):
    setting = simulation.Setting(splits, layers=3, images=500)
    known = simulation.repeat(setting, simulation.TRUE, times=1000, seed=2)
    assert 0.93 <= known.coverage <= (0.97 if splits in (1, 8) else 0.99) and known.worst_coverage > 0.92
    null = simulation.Setting(splits, layers=3, images=500, deviation=0.01 * (splits >= FEWEST_GROUPS))
    assert simulation.repeat(null, simulation.NULL, times=1000, seed=3).found <= 0.065


def test_the_transition_of_a_clean_curve(make_result):
    # Specialisation 0, 0, 5, 10: half of it comes with layer 3, half with layer 4. Co-adaptation 0, 6, 2, 0.
    base = [make_result("baseB", 0.5)]
    selffer = [make_result(f"B{n}B", top1) for n, top1 in enumerate((0.5, 0.44, 0.48, 0.5), start=1)]
    transfer = [make_result(f"A{n}B", top1) for n, top1 in enumerate((0.5, 0.44, 0.43, 0.4), start=1)]
    found = transition.find_transition(result_files.table(base + selffer + transfer), "top1_last")
    assert found.layers == (1, 2, 3, 4) and (found.groups, found.source_of_chance) == (1, "none")
    assert [place.estimate for place in (found.crossover, found.centre, found.spread)] == pytest.approx([3, 3.5, 0.5])
    assert np.isnan([found.crossover.low, found.centre.low, found.spread.high]).all()
    nothing = transition.find_transition(result_files.table(base + selffer), "top1_last")
    assert nothing.groups == 0 and np.isnan(nothing.centre.estimate)
    same = transition.find_transition(result_files.table(base + selffer + transfer[:1]), "top1_last")
    assert same.layers == (1,) and np.isnan(same.centre.estimate)


def test_the_transition_has_an_interval():
    rng = np.random.default_rng(0)
    table, images, _ = simulation.simulate(rng, simulation.Setting(8, layers=5, images=1000), simulation.TRUE)
    found = transition.find_transition(table, "top1_last", images)
    assert found.centre.low < found.centre.estimate < found.centre.high
    assert found.centre.low < 3.9 < found.centre.high  # 0, 1, 3, 5, 10 points lost by layers 1 to 5: mean 4.1
    assert found.crossover.low <= 4 <= found.crossover.high
