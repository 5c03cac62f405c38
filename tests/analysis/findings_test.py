import numpy as np
import pandas as pd

from tests import simulation
from tf_transfer.analysis import effects, findings, transition
from tf_transfer.analysis.transition import Location, Transition


def rows(effect, *intervals, p_holm=0.001, groups=8, source="images, splits"):
    """Rows of an effect at layers 1, 2, ... from (low, high), the estimate in their middle."""
    low, high = np.array(intervals, float).T
    return pd.DataFrame({
        "effect": effect, "layers": [str(n + 1) for n in range(len(low))], "n": range(1, len(low) + 1),
        "estimate": (low + high) / 2, "low": low, "high": high, "p": 0.001, "p_holm": p_holm, "groups": groups,
        "images": 1000, "source_of_chance": source, "group_error": (high - low) / 4, "image_error": 0.0,
    })  # fmt: skip


def said(*tables, where=None):
    return findings.describe(pd.concat(tables, ignore_index=True), where)


def text(*tables, where=None):
    return "\n".join(said(*tables, where=where).sentences)


COST = rows("transfer cost", (-0.5, 0.3), (-0.2, 0.6), (0.4, 1.2), (2, 3), (7, 8))
BOOST = rows("boost over base", (-0.5, 0.5), (-0.5, 0.5), (0.9, 1.1), (1.8, 2.2), (1, 2))


def test_which_layers_transfer_and_what_freezing_more_costs():
    found = said(COST)
    assert found.answer[:2] == (
        "Layers 1-2 transfer at no measurable cost: copied from the other task and frozen, at most 0.6 points are lost "
        "(95 % intervals).",
        "Freezing layers 1-3 costs 0.8 [0.4, 1.2] points; most is lost with layers 1-5, 7.5 [7.0, 8.0].",
    )
    assert found.recommendation == (
        "Where layers are to stay frozen, cut after layer 3: it costs 0.8 [0.4, 1.2] points; with layers 1-4 it is 2.5 "
        "[2.0, 3.0].",
    )
    assert found.caution == "The intervals count the chance of images, splits, from 8 groups."
    assert found.sentences[-2].startswith("Recommendation: Where layers are to stay frozen")


def test_one_layer_is_spoken_of_in_the_singular():
    found = said(rows("transfer cost", (-0.5, 0.3), (2.1, 3)))
    assert found.answer[0].startswith("Layer 1 transfers at no measurable cost")
    advice = "cut after layer 1: the cost, -0.1 [-0.5, 0.3] points, is not measurable; with layers 1-2"
    assert advice in found.recommendation[0]


def test_what_gains_costs_nothing():
    found = said(rows("transfer cost", (-3, -0.2), (2.1, 3)))
    assert found.answer[0].endswith("copied from the other task and frozen, nothing is lost (95 % intervals).")
    assert "cut after layer 1: it costs nothing (-1.6 [-3.0, -0.2] points); with" in found.recommendation[0]


def test_wide_intervals_are_no_proof_of_no_cost():
    found = said(rows("transfer cost", (-9, 11), p_holm=1.0, groups=2))
    assert found.answer[0] == (
        "No cost of freezing layer 1 was measured, but it may be up to 11.0 points: the intervals are too wide to tell."
    )
    assert found.recommendation[0].startswith("None: no transfer was measurably better")
    assert found.caution.endswith("groups. Where there are few groups they are wide.")


def test_a_cost_that_does_not_outlast_the_correction_is_called_unsure():
    found = said(rows("transfer cost", (0.1, 5), p_holm=0.2))
    assert found.answer[0].startswith("A cost at n = 1 is likely but not sure")
    assert not any("costs" in sentence for sentence in found.answer)


def test_the_best_network_and_its_gain():
    found = said(COST, BOOST)
    (best,) = [sentence for sentence in found.answer if sentence.startswith("The best network")]
    assert best.startswith("The best network for B is A4B+: +2.0 [1.")
    assert best.endswith("points over training from scratch (interval widened for the choice among 10).")
    assert found.recommendation[0] == (
        "For the best accuracy, copy layers 1-4 from the other task and fine-tune the whole network (A4B+)."
    )


def test_a_gain_beside_one_that_had_as_much_training():
    surely = rows("boost over BnB+", (0, 0.1), (0, 0.1), (0, 0.1), (0.5, 1.5))
    beside = "B4B+, fine-tuned as long without the other task, "
    assert f"Beside {beside}1.0 [0.5, 1.5] points of it remain." in text(COST, BOOST, surely)
    unsure = rows("boost over BnB+", (0, 0.1), (0, 0.1), (0, 0.1), (-0.5, 1.5), p_holm=1.0)
    assert f"is not sure: beside {beside}it gains 0.5 [-0.5, 1.5] points." in text(COST, BOOST, unsure)


def test_what_is_gained_on_average():
    average = rows("boost over base", (0.5, 1.5)).assign(n=pd.NA, layers="1-5")
    expected = "Averaged over n = 1-5, fine-tuned transfers gain 1.0 [0.5, 1.5] points over the base"
    assert f"{expected}." in text(COST, average)
    beside = average.assign(effect="boost over BnB+", estimate=0.9)
    assert f"{expected}, and 0.9 [0.5, 1.5] over BnB+, which trained as long." in text(COST, average, beside)
    assert "Averaged" not in text(COST, average.assign(p_holm=0.5))


def test_no_best_network_is_claimed_where_all_intervals_include_zero():
    found = said(rows("boost over base", (-1, 3), p_holm=0.5), rows("transfer cost", (-1.5, 1.5), p_holm=1.0))
    assert found.answer[1].startswith(
        "No single transferred network is measurably better than training from scratch; the best, A1B+: +1.0"
    )
    assert not any("fine-tune" in sentence for sentence in found.recommendation)


def test_what_splitting_costs():
    assert "after layer 2, the most; a loss is found at n = 1, 2." in text(rows("co-adaptation", (1, 2), (2, 4)))
    one = rows("co-adaptation", (-1, 2), (2, 4)).assign(p_holm=[1, 0.001])
    assert (
        "Splitting layers that had learnt together (fragile co-adaptation) costs 3.0 [2.0, 4.0] points after layer 2, "
        "nowhere else is a loss found." in text(one)
    )
    assert "after layer 2, the most; but no such loss outlasts the correction" in text(one.assign(p_holm=1.0))
    none = text(rows("co-adaptation", (-1, 2)))
    assert none.startswith("No loss from splitting layers that had learnt together (fragile co-adaptation) was found.")


def test_what_learnt_features_are_worth():
    assert text(rows("over random", (1, 3), (8, 10))).startswith(
        "Learnt features are worth more than random ones at every n, by 2.0 [1.0, 3.0] (n = 1) to 9.0 [8.0, 10.0] "
        "points (n = 2)."
    )
    assert text(rows("over random", (1, 3))).startswith("Learnt features are worth 2.0 [1.0, 3.0] points more than")


def test_where_features_turn():
    where = Transition((1, 2, 3), Location(2, 2, 3), Location(2.1, 1.9, 2.4), Location(0.5, 0.2, 0.9), 8, "images")
    found = said(rows("specialisation", (-1, 1), (2, 3)), where=where)
    assert found.answer == (
        "Features turn from general to specific around layer 2.1 [1.9, 2.4]; the change is spread over 0.5 [0.2, 0.9] "
        "layers to either side (standard deviation).",
        "At the latest from layer 3 on, more is lost because layers are specific to the other task than because they "
        "were split.",
    )
    silent = text(rows("specialisation", (-1, 1), p_holm=1.0), where=where)
    assert "turn" not in silent and "latest" not in silent


def test_what_the_intervals_count():
    found = said(rows("transfer cost", (-0.5, 0.5), groups=1, source="images"))
    assert found.caution.startswith("The intervals count the chance of the test images alone and speak of")
    mixed = said(rows("transfer cost", (-0.5, 0.5)), rows("boost over base", (-1, 1), groups=2, source="images"))
    assert mixed.caution.endswith("from 8 groups. Those from fewer than 3 count the images alone.")
    unknown = said(rows("transfer cost", (-0.5, 0.5), source="splits").assign(images=0))
    assert "they are somewhat too narrow" in unknown.caution


def test_nothing_to_say():
    nothing = findings.describe(pd.DataFrame(columns=effects.COLUMNS))
    assert nothing.answer[0].startswith("There is nothing to compare yet")
    assert len(nothing.sentences) == 1
    (sentence,) = said(rows("transfer cost", (np.nan, np.nan))).sentences
    assert sentence.startswith("Nothing can be said beyond these networks' own numbers")


def test_the_sentences_of_a_simulated_experiment():
    rng = np.random.default_rng(0)
    table, images, _ = simulation.simulate(rng, simulation.Setting(8, layers=5, images=4000), simulation.TRUE)
    estimated = effects.estimate_effects(table, "top1_last", images)
    found = findings.describe(estimated, transition.find_transition(table, "top1_last", images))
    everything = " ".join(found.sentences)
    for part in ("Layer 1 transfers", "layers 1-5", "fine-tune the whole network", "turn from general to specific"):
        assert part in everything
