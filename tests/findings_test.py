import numpy as np
import pandas as pd
import simulation

from tf_transfer import effects, findings, transition
from tf_transfer.transition import Location, Transition


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


COST = rows("transfer cost", (-0.5, 0.3), (-0.2, 0.6), (0.4, 1.2), (2, 3), (7, 8))
BOOST = rows("boost over base", (-0.5, 0.5), (-0.5, 0.5), (0.9, 1.1), (1.8, 2.2), (1, 2))


def test_which_layers_transfer_and_what_freezing_more_costs():
    sentences = said(COST)
    assert sentences[:2] == [
        "Layers 1-2 can be taken from the other task and frozen at no measurable cost: at most 0.6 points, by the 95 % "
        "intervals.",
        "Freezing layers 1-3 costs 0.8 [0.4, 1.2] points, layers 1-5 7.5 [7.0, 8.0], the most.",
    ]
    assert "Recommendation: where layers are to be frozen, cut after layer 3 (cost 0.8 [0.4, 1.2] points)." in sentences
    assert sentences[-1] == "The intervals count the chance of images, splits, from 8 groups."


def test_wide_intervals_are_no_proof_of_no_cost():
    sentences = said(rows("transfer cost", (-9, 11), p_holm=1.0, groups=2))
    assert sentences[0] == (
        "No cost of freezing layer 1 was measured, but it may be up to 11.0 points: the intervals are too wide to tell."
    )
    assert sentences[-2].startswith("Recommendation: none") and sentences[-1].endswith(
        "groups. With so few groups they are wide."
    )


def test_a_cost_that_does_not_outlast_the_correction_is_called_unsure():
    sentences = said(rows("transfer cost", (0.1, 5), p_holm=0.2))
    assert sentences[0].startswith("A cost at n = 1 is likely but not sure")
    assert not any("costs" in sentence for sentence in sentences)


def test_the_best_network_and_its_gain():
    sentences = said(COST, BOOST)
    (best,) = [sentence for sentence in sentences if sentence.startswith("The best network")]
    assert best.startswith("The best network is A4B+: +2.0 [1.")
    assert best.endswith("points over training from scratch (interval widened for the choice among 10).")
    assert any("copy layers 1-4 and fine-tune them all (2.0 [1.8, 2.2] points over" in text for text in sentences)


def test_no_best_network_is_claimed_where_all_intervals_include_zero():
    sentences = said(rows("boost over base", (-1, 3), p_holm=0.5), rows("transfer cost", (-1.5, 1.5), p_holm=1.0))
    assert sentences[1].startswith(
        "No transferred network is measurably better than one from scratch; the best, A1B+: +1.0"
    )
    assert not any("fine-tune" in sentence for sentence in sentences)


def test_where_features_turn():
    where = Transition((1, 2, 3), Location(2, 2, 3), Location(2.1, 1.9, 2.4), Location(0.5, 0.2, 0.9), 8, "images")
    sentences = said(rows("specialisation", (-1, 1), (2, 3)), where=where)
    assert sentences[:2] == [
        "Features turn from general to specific around layer 2.1 [1.9, 2.4], spread over 0.5 [0.2, 0.9] layers "
        "(standard deviation).",
        "At the latest from layer 3 on, specialisation costs more than lost co-adaptation.",
    ]
    silent = said(rows("specialisation", (-1, 1), p_holm=1.0), where=where)
    assert not any("turn" in sentence or "latest" in sentence for sentence in silent)


def test_one_group_says_that_it_is_one():
    sentences = said(rows("transfer cost", (-0.5, 0.5), groups=1, source="images"))
    assert sentences[-1].startswith("The intervals count the chance of the test images alone, with one class split")


def test_nothing_to_say():
    assert findings.describe(pd.DataFrame(columns=effects.COLUMNS))[0].startswith("There is nothing to compare yet")
    (sentence,) = said(rows("transfer cost", (np.nan, np.nan)))
    assert sentence.startswith("Nothing can be said beyond these networks' own numbers")


def test_the_sentences_of_a_simulated_experiment():
    rng = np.random.default_rng(0)
    evidence = simulation.simulate(rng, simulation.Setting(8, layers=5, images=4000), simulation.TRUE)[:3]
    table, correct, ids = evidence
    estimated = effects.estimate_effects(table, "top1_last", correct, ids)
    sentences = findings.describe(estimated, transition.find_transition(table, "top1_last", correct, ids))
    text = " ".join(sentences)
    for part in ("Layer 1 can be taken", "layers 1-5", "fine-tune them all", "turn from general to specific"):
        assert part in text
