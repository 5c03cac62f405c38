"""Findings: what the effects say, in plain sentences that claim no more than the intervals bear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tf_transfer.intervals import Interval
from tf_transfer.transition import Location, Transition

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.05
TOLERABLE = 2.0  # points; a cost that the interval keeps below this is one that most users would pay


def describe(effects: pd.DataFrame, transition: Transition | None = None) -> list[str]:
    """Says in a few sentences which layers transfer, what freezing more costs, and what to do.

    A cost or gain is claimed only where its 95 % interval leaves out zero and it remains after Holm's correction for
    all rows of the table. For the best of several networks the interval is widened for having been chosen.

    Args:
      effects: As from `effects.estimate_effects`.
      transition: As from `transition.find_transition`.

    Returns:
      Sentences, at least one.
    """
    if effects.empty:
        return ["There is nothing to compare yet: no transfer, selffer or random network beside a base."]
    if effects["low"].isna().all():
        return [
            "Nothing can be said beyond these networks' own numbers: with one group and without a record of the images "
            "that each network got right there are no intervals. Train more splits (split_seeds) or seeds."
        ]
    layers = effects[effects["n"].notna()]
    names = ("transfer cost", "boost over base", "specialisation")
    cost, boost, specialisation = (layers[layers["effect"] == name] for name in names)
    said = [*_what_freezing_costs(cost), *_the_best(cost, boost), *_where_it_turns(specialisation, transition)]
    return [*said, *_recommendation(cost, boost), _caution(effects)]


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
    cost = cost[cost["low"].notna()]
    free, sentences = free_layers(cost), []
    if len(free) and free["high"].max() < TOLERABLE:
        sentences.append(
            f"{_all_up_to(free)} can be taken from the other task and frozen at no measurable cost: at most "
            f"{max(0.0, free['high'].max()):.1f} points, by the 95 % intervals."
        )
    elif len(free):
        sentences.append(
            f"No cost of freezing {_all_up_to(free).lower()} was measured, but it may be up to "
            f"{free['high'].max():.1f} points: the intervals are too wide to tell."
        )
    dear = cost[_found(cost) & (cost["low"] > 0)]
    if len(dear):
        first, worst = dear.iloc[0], dear.loc[dear["estimate"].idxmax()]
        text = f"Freezing {_first(first)} costs {_points(first)} points"
        if worst["n"] != first["n"]:
            text += f", {_first(worst)} {_points(worst)}, the most"
        sentences.append(text + ".")
    unsure = cost[(cost["low"] > 0) & ~_found(cost)]
    if len(unsure):
        sentences.append(
            f"A cost at n = {_list(unsure)} is likely but not sure: its interval leaves out zero, but not after the "
            "correction for many comparisons."
        )
    return sentences


def _the_best(cost: pd.DataFrame, boost: pd.DataFrame) -> list[str]:
    gains = [(row.estimate, f"A{row.n}B+", row, 1) for row in boost.itertuples()]
    gains += [(-row.estimate, f"A{row.n}B", row, -1) for row in cost.itertuples()]
    gains = [gain for gain in gains if not math.isnan(gain[2].low)]
    if not gains:
        return []
    best = max(gains, key=lambda item: (_widened(item, len(gains))[0] > 0, item[0]))
    gain, name, _, _ = best
    low, high = _widened(best, len(gains))
    beyond = f"{gain:+.1f} [{low:.1f}, {high:.1f}] points over training from scratch"
    note = f"interval widened for the choice among {len(gains)}" if len(gains) > 1 else "95 % interval"
    if low > 0:
        return [f"The best network is {name}: {beyond} ({note})."]
    return [f"No transferred network is measurably better than one from scratch; the best, {name}: {beyond} ({note})."]


def _widened(item: tuple, comparisons: int) -> tuple[float, float]:
    _, _, row, sign = item
    interval = Interval(row.estimate, row.group_error, row.image_error, row.groups, row.images)
    low, high = sorted(sign * end for end in interval.bounds(comparisons))
    return low, high


def _where_it_turns(specialisation: pd.DataFrame, transition: Transition | None) -> list[str]:
    if transition is None or not _found(specialisation).any():
        return []
    sentences, centre, crossover = [], transition.centre, transition.crossover
    if centre.high - centre.low < transition.layers[-1] - transition.layers[0]:  # not so if nothing is known
        sentences.append(
            f"Features turn from general to specific around layer {_place(centre)}, spread over "
            f"{_place(transition.spread)} layers (standard deviation)."
        )
    if math.isfinite(crossover.high):
        when = "From" if crossover.low == crossover.high else "At the latest from"
        sentences.append(f"{when} layer {crossover.high:.0f} on, specialisation costs more than lost co-adaptation.")
    return sentences


def _recommendation(cost: pd.DataFrame, boost: pd.DataFrame) -> list[str]:
    better = boost[_found(boost) & (boost["low"] > 0)]
    advice = []
    if len(better):
        best = better.loc[better["estimate"].idxmax()]
        advice.append(f"copy {_first(best)} and fine-tune them all ({_points(best)} points over training from scratch)")
    cheap = cheap_layers(cost)
    if len(cheap):
        last = cheap.iloc[-1]
        advice.append(f"where layers are to be frozen, cut after layer {last['n']} (cost {_points(last)} points)")
    if not advice:
        return ["Recommendation: none; no transfer was measurably better than training from scratch, or as good."]
    return [f"Recommendation: {'; '.join(advice)}."]


def _caution(effects: pd.DataFrame) -> str:
    known = effects[effects["low"].notna()]
    groups = known["groups"]
    if groups.max() == 1:
        return (
            "The intervals count the chance of the test images alone, with one class split and seed: another split or "
            "seed may differ by more. Train more of them (split_seeds, seeds) to know."
        )
    span = f"{groups.min()}" if groups.min() == groups.max() else f"{groups.min()} to {groups.max()}"
    sources = max(known["source_of_chance"], key=len)
    few = " With so few groups they are wide." if groups.min() < 4 else ""
    return f"The intervals count the chance of {sources}, from {span} groups.{few}"


def _found(rows: pd.DataFrame):
    return rows["p_holm"] < SIGNIFICANT


def _all_up_to(rows: pd.DataFrame) -> str:
    return _first(rows.iloc[-1]).capitalize()


def _first(row) -> str:
    return "layer 1" if row["n"] == 1 else f"layers 1-{row['n']}"


def _list(rows: pd.DataFrame) -> str:
    return ", ".join(str(n) for n in rows["n"])


def _points(row) -> str:
    return f"{row['estimate']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"


def _place(location: Location) -> str:
    return f"{location.estimate:.1f} [{location.low:.1f}, {location.high:.1f}]"
