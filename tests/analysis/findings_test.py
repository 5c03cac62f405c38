import numpy as np
import pandas as pd
import pytest

from tests import simulation
from tf_transfer.analysis import effects, findings, transition
from tf_transfer.analysis.findings import find_best_network
from tf_transfer.analysis.transition import Location, Transition


def rows(effect, *intervals, p_holm=0.001, groups=8, source="images, splits"):
    """Rows of an effect at layers 1, 2, ... from (low, high), the estimate in the middle between them."""
    low, high = np.array(intervals, float).T
    return pd.DataFrame({
        "effect": effect, "layers": [str(n + 1) for n in range(len(low))], "n": range(1, len(low) + 1),
        "estimate": (low + high) / 2, "low": low, "high": high, "p": 0.001, "p_holm": p_holm, "groups": groups,
        "images": 1000, "source_of_chance": source, "group_error": (high - low) / 4, "image_error": 0.0,
        "caution": "",
    })  # fmt: skip


def describe(*tables, where=None):
    return findings.describe(pd.concat(tables, ignore_index=True), where)


def sentence(sentences, *parts):
    """The only one of some sentences that has all of these parts."""
    (found,) = [text for text in sentences if all(part in text for part in parts)]
    return found


def says(sentences, part):
    return any(part in text for text in sentences)


COST = rows("transfer cost", (-0.5, 0.3), (-0.2, 0.6), (0.4, 1.2), (2, 3), (7, 8))
BOOST = rows("boost over base", (-0.5, 0.5), (-0.5, 0.5), (0.9, 1.1), (1.8, 2.2), (1, 2))


def test_layers_transfer_at_no_measurable_cost_up_to_the_first_that_costs():
    answer = describe(COST).answer
    assert sentence(answer, "ayers 1-2", "no measurable cost", "at most 0.6 points")
    assert sentence(answer, "layers 1-3 costs 0.8 [0.4, 1.2] points", "highest for layers 1-5, 7.5 [7.0, 8.0]")


def test_the_cut_is_recommended_where_the_cost_surely_stays_below_2_points():
    (advice,) = describe(COST).recommendation
    assert "cut after layer 3" in advice and "0.8 [0.4, 1.2] points" in advice and "layers 1-4" in advice
    assert describe(COST).sentences.count(f"Recommendation: {advice}") == 1


def test_a_single_layer():
    found = describe(rows("transfer cost", (-0.5, 0.3), (2.1, 3)))
    assert sentence(found.answer, "Layer 1 transfers at no measurable cost")
    assert sentence(found.recommendation, "cut after layer 1", "-0.1 [-0.5, 0.3] points, is not measurable")


def test_a_gain_by_freezing_costs_nothing():
    found = describe(rows("transfer cost", (-3, -0.2), (2.1, 3)))
    assert sentence(found.answer, "Layer 1 transfers", "nothing is lost")
    assert sentence(found.recommendation, "cut after layer 1", "costs nothing (-1.6 [-3.0, -0.2] points)")


def test_wide_intervals_are_no_proof_that_there_is_no_cost():
    found = describe(rows("transfer cost", (-9, 11), p_holm=1.0, groups=2))
    assert sentence(found.answer, "may be as high as 11.0 points") and not says(found.answer, "no measurable cost")
    assert sentence(found.recommendation, "None")
    assert "wide" in found.caution


def test_a_cost_that_is_not_significant_is_not_claimed():
    found = describe(rows("transfer cost", (0.1, 5), p_holm=0.2))
    assert sentence(found.answer, "n = 1", "not certain") and not says(found.answer, "costs")


def test_the_best_network_and_its_gain():
    found = describe(COST, BOOST)
    best = sentence(found.answer, "best network")
    assert "A4B+: +2.0 [1." in best and "the best of 10" in best
    assert sentence(found.recommendation, "best accuracy", "layers 1-4", "fine-tune", "A4B+")


@pytest.mark.parametrize(
    "interval, p_holm, claim",
    [((0.5, 1.5), 0.001, "1.0 [0.5, 1.5] points of that gain"), ((-0.5, 1.5), 1, "uncertain")],
)
def test_the_best_network_is_compared_with_one_trained_for_as_long(interval, p_holm, claim):
    over_selffer = rows("boost over BnB+", (0, 0.1), (0, 0.1), (0, 0.1), interval, p_holm=p_holm)
    assert sentence(describe(COST, BOOST, over_selffer).answer, "B4B+", claim)


def test_the_gain_on_average():
    average = rows("boost over base", (0.5, 1.5)).assign(n=pd.NA, layers="1-5")
    over_selffer = average.assign(effect="boost over BnB+", estimate=0.9)
    assert "BnB+" not in sentence(describe(COST, average).answer, "n = 1-5", "1.0 [0.5, 1.5] points over the base")
    assert sentence(describe(COST, average, over_selffer).answer, "n = 1-5", "0.9 [0.5, 1.5] over BnB+")
    assert not says(describe(COST, average.assign(p_holm=0.5)).answer, "Averaged")


def test_no_best_network_is_claimed_where_all_intervals_include_zero():
    found = describe(rows("boost over base", (-1, 3), p_holm=0.5), rows("transfer cost", (-1.5, 1.5), p_holm=1.0))
    assert sentence(found.answer, "No single", "A1B+: +1.0") and not says(found.answer, "best network")
    assert not says(found.recommendation, "fine-tune")


def test_the_cost_of_splitting_co_adapted_layers():
    def answer(*intervals, p_holm=0.001):
        return sentence(describe(rows("co-adaptation", *intervals).assign(p_holm=p_holm)).answer, "co-adaptation")

    assert "after layer 2, 3.0 [2.0, 4.0]" in answer((1, 2), (2, 4)) and "n = 1, 2" in answer((1, 2), (2, 4))
    assert "3.0 [2.0, 4.0] points after layer 2" in answer((-1, 2), (2, 4), p_holm=[1, 0.001])
    assert "no such loss is significant" in answer((-1, 2), (2, 4), p_holm=1.0)
    assert answer((-1, 2)).startswith("No loss")


def test_the_worth_of_learnt_features():
    over_random = rows("over random", (1, 3), (8, 10))
    least, most = "2.0 [1.0, 3.0] (n = 1)", "9.0 [8.0, 10.0] points (n = 2)"
    assert sentence(describe(over_random).answer, "Learnt features", "every n", least, most)
    assert sentence(describe(over_random[:1]).answer, "Learnt features", "2.0 [1.0, 3.0] points", "n = 1")
    some = describe(over_random.assign(p_holm=[1, 0.001])).answer
    assert sentence(some, "Learnt features", "9.0 [8.0, 10.0] points", "n = 2")


def test_the_transition_is_described_where_specialisation_is_significant():
    where = Transition((1, 2, 3), Location(2, 2, 3), Location(2.1, 1.9, 2.4), Location(0.5, 0.2, 0.9), 8, "images")
    answer = describe(rows("specialisation", (-1, 1), (2, 3)), where=where).answer
    assert sentence(answer, "general to specific", "layer 2.1 [1.9, 2.4]", "0.5 [0.2, 0.9] layers")
    assert sentence(answer, "layer 3 at the latest")
    assert describe(rows("specialisation", (-1, 1), p_holm=1.0), where=where).answer == ()


def test_the_caution_says_what_the_intervals_account_for():
    assert "images and splits, over 8 groups" in describe(COST).caution
    by_images = describe(rows("transfer cost", (-0.5, 0.5), groups=1, source="images")).caution
    assert "test images only" in by_images and "groups" not in by_images
    mixed = describe(rows("transfer cost", (-0.5, 0.5)), rows("boost over base", (-1, 1), groups=2, source="images"))
    assert "over 8 groups" in mixed.caution and "fewer than 3 groups account for the images only" in mixed.caution
    not_recorded = describe(rows("transfer cost", (-0.5, 0.5), source="splits").assign(images=0)).caution
    assert "too narrow" in not_recorded and "coverage was 93 %" in not_recorded


def test_nothing_to_say():
    (nothing,) = findings.describe(pd.DataFrame(columns=effects.COLUMNS)).sentences
    assert "nothing to compare" in nothing
    (no_intervals,) = describe(rows("transfer cost", (np.nan, np.nan))).sentences
    assert "no intervals" in no_intervals


def test_the_sentences_of_a_simulated_experiment():
    setting = simulation.Setting(splits=8, layers=5, images=4000)
    simulated = simulation.simulate(np.random.default_rng(0), setting, simulation.WITH_EFFECTS)
    estimated = effects.estimate_effects(simulated.table, simulation.METRIC, simulated.images)
    found = findings.describe(
        estimated, transition.find_transition(simulated.table, simulation.METRIC, simulated.images)
    )
    assert sentence(found.answer, "Layer 1 transfers") and sentence(found.answer, "layers 1-5")
    assert sentence(found.answer, "general to specific")
    assert sentence(found.recommendation, "fine-tune the whole network")


def candidates(*estimates, error=0.1):
    """Rows of an effect at n = 1, 2, ..., each with this standard error between 100 groups."""
    return pd.DataFrame({
        "effect": "some", "n": range(1, len(estimates) + 1), "estimate": estimates, "group_error": error,
        "image_error": 0.0, "groups": 100, "images": 1000, "caution": "",
    })  # fmt: skip


NONE = candidates()


def test_the_interval_of_the_best_network_is_wider_the_more_candidates_there_are():
    alone = find_best_network(cost=NONE, boost=candidates(2.0))
    assert (alone.name, alone.gain, alone.candidates) == ("A1B+", 2.0, 1)
    assert alone.low == pytest.approx(2 - 0.198, abs=1e-3)  # the quantile is 1.984
    of_four = find_best_network(cost=candidates(9.0, 9.0), boost=candidates(1.0, 2.0))
    assert (of_four.name, of_four.gain, of_four.candidates) == ("A2B+", 2.0, 4)
    assert of_four.low == pytest.approx(2 - 0.254, abs=1e-3) and of_four.high == pytest.approx(2 + 0.254, abs=1e-3)


def test_a_frozen_network_gains_what_it_does_not_cost():
    best = find_best_network(cost=candidates(-1.0, 3.0), boost=candidates(0.5))
    assert (best.name, best.gain) == ("A1B", 1.0) and best.low == pytest.approx(1 - 0.244, abs=1e-3)


def test_a_certain_gain_is_preferred_to_a_larger_uncertain_one():
    boost = pd.concat([candidates(1.0), candidates(0, 5.0, error=9)[1:]])
    assert find_best_network(cost=NONE, boost=boost).name == "A1B+"
    assert find_best_network(cost=NONE, boost=NONE) is None
