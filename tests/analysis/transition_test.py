import numpy as np
import pytest

from tests import simulation
from tf_transfer.analysis import transition
from tf_transfer.results import result_files

LAYERS = np.arange(1, 5)


def test_crossover_is_the_layer_from_which_on_specialisation_costs_more():
    co_adaptation = np.array([[0, 6, 2, 0], [0, 0, 0, 0], [5, 5, 5, 5]])
    specialisation = np.array([[1, 0, 5, 10], [1, 1, 1, 1], [0, 9, 0, 5]])
    assert transition.crossover_layer(co_adaptation, specialisation, LAYERS).tolist() == [3, 1, np.inf]


def test_centre_and_spread_are_the_moments_of_what_each_layer_adds():
    # Half of the first comes with layer 3, half with layer 4; all of the second with layer 2; the third is none.
    centre, spread = transition.centre_and_spread(np.array([[0, 0, 5, 10], [0, 4, 4, 4], [1, 1, 1, 0]]), LAYERS)
    assert centre == pytest.approx([3.5, 2, np.nan], nan_ok=True)
    assert spread == pytest.approx([0.5, 0, np.nan], nan_ok=True)


@pytest.fixture
def results(make_result):
    """A base, selffers and transfers: co-adaptation 0, 6, 2, 0 points, specialisation 0, 0, 5, 10."""
    return {
        "base": [make_result("baseB", 0.5)],
        "selffer": [make_result(f"B{n}B", top1) for n, top1 in zip(LAYERS, (0.5, 0.44, 0.48, 0.5), strict=True)],
        "transfer": [make_result(f"A{n}B", top1) for n, top1 in zip(LAYERS, (0.5, 0.44, 0.43, 0.4), strict=True)],
    }


def find(*results):
    return transition.find_transition(result_files.table(sum(results, [])), "top1_last")


def test_one_group_without_images_gives_estimates_without_intervals(results):
    found = find(*results.values())
    assert found.layers == (1, 2, 3, 4) and (found.groups, found.source_of_chance) == (1, "none")
    locations = (found.crossover, found.centre, found.spread)
    assert [location.estimate for location in locations] == pytest.approx([3, 3.5, 0.5])
    assert np.isnan([end for location in locations for end in (location.low, location.high)]).all()


def test_without_specialisation_there_is_no_transition(results):
    none = find(results["base"], results["selffer"])
    assert (none.layers, none.groups) == ((), 0) and np.isnan(none.centre.estimate)
    at_layer_1 = find(results["base"], results["selffer"], results["transfer"][:1])
    assert at_layer_1.layers == (1,) and np.isnan(at_layer_1.centre.estimate)


def test_intervals_cover_the_true_transition():
    setting = simulation.Setting(splits=8, layers=5, images=1000)
    simulated = simulation.simulate(np.random.default_rng(0), setting, simulation.WITH_EFFECTS)
    found = transition.find_transition(simulated.table, simulation.METRIC, simulated.images)
    assert found.centre.low < found.centre.estimate < found.centre.high
    assert found.centre.low < 4.1 < found.centre.high  # layers 1 to 5 lose 0, 1, 3, 5, 10 points: mean 4.1
    assert found.crossover.low <= 4 <= found.crossover.high


@pytest.mark.slow
@pytest.mark.parametrize("splits", [1, 8])
def test_coverage(splits):
    setting = simulation.Setting(splits, layers=5, images=1000)
    assert simulation.repeat_transition(setting, simulation.WITH_EFFECTS, times=200, seed=0).min() >= 0.90
