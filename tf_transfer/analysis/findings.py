"""Findings: what the effects say, in plain sentences that claim no more than the intervals bear."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from tf_transfer.analysis.best_network import BestNetwork, find_best
from tf_transfer.analysis.intervals import FEWEST_GROUPS
from tf_transfer.analysis.transition import Location, Transition

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.05
TOLERABLE = 2.0  # points; a cost that the interval keeps below this is one that most users would pay
_FEW = 4  # groups; with fewer the t distribution's quantile is above 3, and intervals are wide


@dataclasses.dataclass(frozen=True)
class Findings:
    """What an experiment says.

    Attributes:
      answer: What was found, a sentence or two each.
      recommendation: What to do: fine-tune, freeze, or neither.
      caution: What the intervals count, and what they do not.
    """

    answer: tuple[str, ...]
    recommendation: tuple[str, ...] = ()
    caution: str = ""

    @property
    def sentences(self) -> list[str]:
        """All of it, one paragraph a line."""
        return [
            *self.answer,
            *(f"Recommendation: {text}" for text in self.recommendation),
            *filter(None, [self.caution]),
        ]


def describe(effects: pd.DataFrame, transition: Transition | None = None) -> Findings:
    """Says in a few sentences which layers transfer, what freezing more costs, and what to do.

    A cost or gain is claimed only where its 95 % interval leaves out zero and it remains after Holm's correction for
    all rows of the table. For the best of several networks the interval is widened for having been chosen.

    Args:
      effects: As from `effects.estimate_effects`.
      transition: As from `transition.find_transition`.
    """
    if effects.empty:
        return Findings(("There is nothing to compare yet: no transfer, selffer or random network beside a base.",))
    if effects["low"].isna().all():
        return Findings((
            "Nothing can be said beyond these networks' own numbers: with one group and without a record of the images "
            "that each network got right there are no intervals. Train more splits (split_seeds) or seeds.",
        ))  # fmt: skip
    layers = effects[effects["n"].notna() & effects["low"].notna()]
    of = {name: layers[layers["effect"] == name] for name in layers["effect"].unique()}
    none = layers.iloc[:0]
    cost, boost = of.get("transfer cost", none), of.get("boost over base", none)
    best = find_best(cost, boost)
    averages = effects[effects["n"].isna()]
    over_base, over_selffer = (averages[averages["effect"] == f"boost over {other}"] for other in ("base", "BnB+"))
    answer = [
        *_what_freezing_costs(cost),
        *_what_is_best(best, of.get("boost over BnB+", none)),
        *_what_fine_tuning_gains(over_base, over_selffer),
        *_what_splitting_costs(of.get("co-adaptation", none)),
        *_where_it_turns(of.get("specialisation", none), transition),
        *_what_learning_is_worth(of.get("over random", none)),
    ]
    return Findings(tuple(answer), tuple(_recommendation(cost, best)), _caution(effects))


def free_layers(cost: pd.DataFrame) -> pd.DataFrame:
    """The rows, from the lowest layer on, up to the first at which a cost is measured or nothing is known.

    Args:
      cost: The rows of `transfer cost`, one a layer, in order.
    """
    return cost[~((cost["low"] > 0) | cost["low"].isna()).cummax()]


def cheap_layers(cost: pd.DataFrame) -> pd.DataFrame:
    """The rows, from the lowest layer on, at which the interval keeps the cost below `TOLERABLE`."""
    return cost[~(~(cost["high"] < TOLERABLE)).cummax()]


def _what_freezing_costs(cost: pd.DataFrame) -> list[str]:
    free, sentences = free_layers(cost), []
    if len(free):
        last, most = free.iloc[-1], max(0.0, free["high"].max())
        if most < TOLERABLE:
            lost = f"at most {most:.1f} points are lost" if most > 0 else "nothing is lost"
            sentences.append(
                f"{_first(last).capitalize()} {'transfers' if last['n'] == 1 else 'transfer'} at no measurable cost: "
                f"copied from the other task and frozen, {lost} (95 % intervals)."
            )
        else:
            sentences.append(
                f"No cost of freezing {_first(last)} was measured, but it may be up to {most:.1f} points: the "
                "intervals are too wide to tell."
            )
    dear = cost[_above_zero(cost)]
    if len(dear):
        first, worst = dear.iloc[0], dear.loc[dear["estimate"].idxmax()]
        text = f"Freezing {_first(first)} costs {_points(first)} points"
        if worst["n"] != first["n"]:
            text += f"; most is lost with {_first(worst)}, {_points(worst)}"
        sentences.append(text + ".")
    unsure = cost[(cost["low"] > 0) & ~_found(cost)]
    if len(unsure):
        sentences.append(
            f"A cost at n = {_list(unsure)} is likely but not sure: its interval leaves out zero, but not after the "
            "correction for many comparisons."
        )
    return sentences


def _what_is_best(best: BestNetwork | None, beside_selffer: pd.DataFrame) -> list[str]:
    if best is None:
        return []
    notes = [f"interval widened for the choice among {best.among}"] if best.among > 1 else []
    notes += (
        [f"from {best.row['groups']} groups alone"] if best.row["group_error"] and best.row["groups"] < _FEW else []
    )
    gain = f"{best.gain:+.1f} [{best.low:.1f}, {best.high:.1f}] points over training from scratch"
    gain += f" ({', '.join(notes)})" if notes else ""
    if best.low <= 0:
        return [
            f"No single transferred network is measurably better than training from scratch; the best, {best.name}: "
            f"{gain}."
        ]
    sentences = [f"The best network for B is {best.name}: {gain}."]
    same = beside_selffer[beside_selffer["n"] == best.row["n"]]
    if best.fine_tuned and len(same):
        row, selffer = same.iloc[0], f"B{best.row['n']}B+, fine-tuned as long without the other task"
        sentences.append(
            f"Beside {selffer}, {_points(row)} points of it remain."
            if _above_zero(same).any()
            else f"How much of that comes from the other task, and not from longer training, is not sure: beside "
            f"{selffer}, it gains {_points(row)} points."
        )
    return sentences


def _what_fine_tuning_gains(over_base: pd.DataFrame, over_selffer: pd.DataFrame) -> list[str]:
    gained = over_base[_above_zero(over_base)]
    if not len(gained):
        return []
    widest = gained.iloc[0]
    text = f"Averaged over n = {widest['layers']}, fine-tuned transfers gain {_points(widest)} points over the base"
    beside = over_selffer[_above_zero(over_selffer) & (over_selffer["layers"] == widest["layers"])]
    if len(beside):
        text += f", and {_points(beside.iloc[0])} over BnB+, which trained as long"
    return [f"{text}."]


def _what_splitting_costs(co_adaptation: pd.DataFrame) -> list[str]:
    likely = co_adaptation[co_adaptation["low"] > 0]
    lost = likely[_found(likely)]
    if not len(co_adaptation):
        return []
    if not len(likely):
        return ["No loss from splitting layers that had learnt together (fragile co-adaptation) was found."]
    worst = (lost if len(lost) else likely).sort_values("estimate").iloc[-1]
    text = (
        f"Splitting layers that had learnt together (fragile co-adaptation) costs {_points(worst)} points after layer "
    )
    text += f"{worst['n']}"
    if not len(lost):
        return [f"{text}, the most; but no such loss outlasts the correction for many comparisons."]
    where = "nowhere else is a loss found" if len(lost) == 1 else f"the most; a loss is found at n = {_list(lost)}"
    return [f"{text}, {where}."]


def _where_it_turns(specialisation: pd.DataFrame, transition: Transition | None) -> list[str]:
    if transition is None or not _found(specialisation).any():
        return []
    sentences, centre, crossover = [], transition.centre, transition.crossover
    if centre.high - centre.low < transition.layers[-1] - transition.layers[0]:  # not so if nothing is known
        sentences.append(
            f"Features turn from general to specific around layer {_place(centre)}; the change is spread over "
            f"{_place(transition.spread)} layers to either side (standard deviation)."
        )
    if math.isfinite(crossover.high):
        when = "From" if crossover.low == crossover.high else "At the latest from"
        sentences.append(
            f"{when} layer {crossover.high:.0f} on, more is lost because layers are specific to the other task than "
            "because they were split."
        )
    return sentences


def _what_learning_is_worth(over_random: pd.DataFrame) -> list[str]:
    better = over_random[_above_zero(over_random)]
    if not len(better):
        return []
    least, most = better.loc[better["estimate"].idxmin()], better.loc[better["estimate"].idxmax()]
    where = "at every n" if len(better) == len(over_random) else f"at {len(better)} of {len(over_random)} values of n"
    if least["n"] == most["n"]:
        return [f"Learnt features are worth {_points(most)} points more than random ones at n = {most['n']}."]
    return [
        f"Learnt features are worth more than random ones {where}, by {_points(least)} (n = {least['n']}) to "
        f"{_points(most)} points (n = {most['n']})."
    ]


def _recommendation(cost: pd.DataFrame, best: BestNetwork | None) -> list[str]:
    advice = []
    if best is not None and best.low > 0 and best.fine_tuned:
        advice.append(
            f"For the best accuracy, copy {_first(best.row)} from the other task and fine-tune the whole network "
            f"({best.name})."
        )
    cheap = cheap_layers(cost)
    if len(cheap):
        last = cheap.iloc[-1]
        price = f"the cost, {_points(last)} points, is not measurable"
        if last["low"] > 0:
            price = f"it costs {_points(last)} points"
        elif last["high"] < 0:
            price = f"it costs nothing ({_points(last)} points)"
        text = f"Where layers are to stay frozen, cut after layer {last['n']}: {price}"
        more = cost[cost["n"] > last["n"]]
        if len(more):
            text += f"; with {_first(more.iloc[0])} it is {_points(more.iloc[0])}"
        advice.append(text + ".")
    return advice or ["None: no transfer was measurably better than training from scratch, or surely nearly as good."]


def _caution(effects: pd.DataFrame) -> str:
    known = effects[effects["low"].notna()]
    by_groups = known[known["source_of_chance"] != "images"]
    if by_groups.empty:
        return (
            "The intervals count the chance of the test images alone and speak of these networks: another split or "
            "seed may differ by more. Train more of them (split_seeds, seeds) to know."
        )
    fewest, most = by_groups["groups"].min(), by_groups["groups"].max()
    sources = max(by_groups["source_of_chance"], key=len)
    span = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    text = f"The intervals count the chance of {sources}, from {span} groups."
    if len(by_groups) < len(known):
        text += f" Those from fewer than {FEWEST_GROUPS} count the images alone."
    if fewest < _FEW:
        text += " Where there are few groups they are wide."
    if not known["images"].any():
        text += (
            " Since it is not known which images each network got right, they are somewhat too narrow: in simulations "
            "with eight groups, 93 % of them held the truth, not 95."
        )
    return text


def _found(rows):
    return rows["p_holm"] < SIGNIFICANT


def _above_zero(rows: pd.DataFrame):
    return _found(rows) & (rows["low"] > 0)


def _list(rows: pd.DataFrame) -> str:
    return ", ".join(str(n) for n in rows["n"])


def _first(row) -> str:
    return "layer 1" if row["n"] == 1 else f"layers 1-{row['n']}"


def _points(row) -> str:
    return f"{row['estimate']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"


def _place(location: Location) -> str:
    return f"{location.estimate:.1f} [{location.low:.1f}, {location.high:.1f}]"
