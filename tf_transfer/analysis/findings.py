"""Findings: what the effects say, in plain sentences that claim no more than the intervals support."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from tf_transfer.analysis.intervals import MIN_GROUPS, Interval
from tf_transfer.analysis.transition import Location, Transition

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.05
TOLERABLE_COST = 2.0  # points; most users would pay a cost that surely stays below this
_FEW_GROUPS = 4  # with fewer, the t distribution's quantile is above 3, and intervals are wide


@dataclasses.dataclass(frozen=True)
class Findings:
    """What an experiment says.

    Attributes:
      answer: What was found, a sentence or two each.
      recommendation: What to do: fine-tune, freeze, or neither.
      caution: What the intervals account for, and what they do not; to be read first.
      best: The best transferred network, if any can be compared with a base.
    """

    answer: tuple[str, ...]
    recommendation: tuple[str, ...] = ()
    caution: str = ""
    best: BestNetwork | None = None

    @property
    def sentences(self) -> list[str]:
        """All of it, one paragraph per line."""
        return [
            *filter(None, [self.caution]),
            *self.answer,
            *(f"Recommendation: {text}" for text in self.recommendation),
        ]


@dataclasses.dataclass(frozen=True)
class BestNetwork:
    """The transferred network that gains most over training from scratch.

    Attributes:
      row: Its row of the effects: `boost over base` if it is fine-tuned, else `transfer cost`.
      fine_tuned: Whether its copied layers learn.
      gain: Its gain over the base, in points.
      low: Lower end of the gain's interval, widened because the network was chosen for its gain (Bonferroni).
      high: Upper end likewise.
      candidates: Number of networks that it was chosen from.
    """

    row: pd.Series
    fine_tuned: bool
    gain: float
    low: float
    high: float
    candidates: int

    @property
    def name(self) -> str:
        """The paper's name, for example `A5B+`."""
        return f"A{self.row['n']}B{'+' * self.fine_tuned}"


def describe(effects: pd.DataFrame, transition: Transition | None = None, accuracy: str = "accuracy") -> Findings:
    """Says in a few sentences which layers transfer, what freezing more of them costs, and what to do.

    A cost or gain is claimed only if its 95 % interval excludes zero and it is significant after Holm's correction for
    all rows of the table. For the best of several networks, the interval is widened because it was chosen for its gain.
    Rows with a caution (networks at chance, or that no test image tells apart) are left out: nothing rests on them.

    Args:
      effects: As from `effects.estimate_effects`.
      transition: As from `transition.find_transition`.
      accuracy: What the accuracy is called that the effects were estimated from.
    """
    if effects.empty:
        return Findings(("There is nothing to compare yet: no transfer, selffer or random network beside a base.",))
    reliable = effects[effects["caution"] == ""]
    if reliable.empty:
        return Findings((
            "Nothing can be concluded: each comparison rests on networks that are at chance, were copied from such a "
            "network, or are told apart by no test image. The cautions say what to do.",
        ))  # fmt: skip
    if reliable["low"].isna().all():
        return Findings((
            "Nothing can be said beyond the numbers of these networks: with only one group, and no record of which "
            "images each network got right, there are no intervals. Train more splits (split_seeds) or seeds.",
        ))  # fmt: skip
    layers = effects[effects["n"].notna() & effects["low"].notna()]
    averages = effects[effects["n"].isna()]
    cost, boost, co_adaptation, specialisation = (
        _rows_of(layers, name) for name in ("transfer cost", "boost over base", "co-adaptation", "specialisation")
    )
    best = find_best_network(cost, boost)
    answer = [
        *_freezing_cost_sentences(cost),
        *_best_network_sentences(best, _rows_of(layers, "boost over BnB+")),
        *_fine_tuning_sentences(_rows_of(averages, "boost over base"), _rows_of(averages, "boost over BnB+")),
        *_co_adaptation_sentences(co_adaptation),
        *_transition_sentences(specialisation, co_adaptation, transition),
        *_learnt_features_sentences(_rows_of(layers, "over random")),
    ]
    return Findings(tuple(answer), tuple(_recommendations(cost, best, accuracy)), _interval_caution(reliable), best)


def find_best_network(cost: pd.DataFrame, boost: pd.DataFrame) -> BestNetwork | None:
    """Finds the best of all transferred networks. One with a certain gain is preferred to a larger, uncertain gain.

    Args:
      cost: The rows of `transfer cost` that have an interval, one per layer.
      boost: The rows of `boost over base` likewise.

    Returns:
      The best, or None if there are no rows without a caution. Those with one count as candidates: that they are not
      chosen is no merit of the others.
    """
    candidates = len(cost) + len(boost)
    networks = [_gain_over_base(row, True, candidates) for _, row in _reliable(boost).iterrows()]
    networks += [_gain_over_base(row, False, candidates) for _, row in _reliable(cost).iterrows()]
    return max(networks, key=lambda network: (network.low > 0, network.gain), default=None)


def _gain_over_base(row: pd.Series, fine_tuned: bool, candidates: int) -> BestNetwork:
    interval = Interval(row["estimate"], row["group_error"], row["image_error"], row["groups"], row["images"])
    sign = 1 if fine_tuned else -1  # the cost of a frozen transfer is a negative gain
    low, high = sorted(sign * end for end in interval.bounds(candidates))
    return BestNetwork(row, fine_tuned, sign * row["estimate"], low, high, candidates)


def _rows_without_measured_cost(cost: pd.DataFrame) -> pd.DataFrame:
    """The rows from the lowest layer up to the first with a measured cost, or none that can be trusted."""
    return cost[~((cost["low"] > 0) | (cost["caution"] != "")).cummax()]


def _rows_of_tolerable_cost(cost: pd.DataFrame) -> pd.DataFrame:
    """The rows from the lowest layer on whose intervals keep the cost below `TOLERABLE_COST`."""
    return cost[~((cost["high"] >= TOLERABLE_COST) | (cost["caution"] != "")).cummax()]


def _freezing_cost_sentences(cost: pd.DataFrame) -> list[str]:
    sentences = []
    free = _rows_without_measured_cost(cost)
    if len(free):
        last, most = free.iloc[-1], max(0.0, free["high"].max())
        if most < TOLERABLE_COST:
            lost = f"at most {most:.1f} points are lost" if most > 0 else "nothing is lost"
            verb = "transfers" if last["n"] == 1 else "transfer"
            sentences.append(
                f"{_copied_layers(last).capitalize()} {verb} at no measurable cost: "
                f"copied from the other task and frozen, {lost} (95 % intervals)."
            )
        else:
            sentences.append(
                f"No cost of freezing {_copied_layers(last)} was measured, but the intervals are wide: it may be as "
                f"high as {most:.1f} points."
            )
    costly = cost[_is_positive(cost)]
    if len(costly):
        first, highest = costly.iloc[0], costly.iloc[costly["estimate"].argmax()]
        text = f"Freezing {_copied_layers(first)} costs {_points(first)} points"
        if highest["n"] != first["n"]:
            text += f"; the cost is highest for {_copied_layers(highest)}, {_points(highest)}"
        sentences.append(f"{text}.")
    uncertain = cost[(cost["caution"] == "") & (cost["low"] > 0) & ~_is_significant(cost)]
    if len(uncertain):
        sentences.append(
            f"A cost at n = {_layer_numbers(uncertain)} is likely but not certain: its interval excludes zero, but it "
            "is not significant after the correction for multiple comparisons."
        )
    return sentences


def _best_network_sentences(best: BestNetwork | None, over_selffer: pd.DataFrame) -> list[str]:
    if best is None:
        return []
    notes = []
    if best.candidates > 1:
        notes.append(f"interval widened because it is the best of {best.candidates}")
    if best.row["group_error"] and best.row["groups"] < _FEW_GROUPS:
        notes.append(f"from only {best.row['groups']} groups")
    gain = f"{best.gain:+.1f} [{best.low:.1f}, {best.high:.1f}] points over training from scratch"
    gain += f" ({', '.join(notes)})" if notes else ""
    if best.low <= 0:
        return [
            f"No single transferred network is measurably better than training from scratch; the best is {best.name}: "
            f"{gain}."
        ]
    sentences = [f"The best network for B is {best.name}: {gain}."]
    same_layer = over_selffer[over_selffer["n"] == best.row["n"]]
    if best.fine_tuned and len(same_layer):
        points = _points(same_layer.iloc[0])
        selffer = f"B{best.row['n']}B+, which was fine-tuned for as long without the other task"
        sentences.append(
            f"{points} points of that gain remain when it is compared with {selffer}."
            if _is_positive(same_layer).any()
            else f"How much of that gain comes from the other task rather than from longer training is uncertain: "
            f"compared with {selffer}, it gains {points} points."
        )
    return sentences


def _fine_tuning_sentences(over_base: pd.DataFrame, over_selffer: pd.DataFrame) -> list[str]:
    gains = over_base[_is_positive(over_base)]
    if not len(gains):
        return []
    widest = gains.iloc[0]
    text = f"Averaged over n = {widest['layers']}, fine-tuned transfers gain {_points(widest)} points over the base"
    same_range = over_selffer[_is_positive(over_selffer) & (over_selffer["layers"] == widest["layers"])]
    if len(same_range):
        text += f", and {_points(same_range.iloc[0])} over BnB+, which was trained for as long"
    return [f"{text}."]


def _co_adaptation_sentences(co_adaptation: pd.DataFrame) -> list[str]:
    reliable = _reliable(co_adaptation)
    if not len(reliable):
        return []
    all_reliable = len(reliable) == len(co_adaptation)
    likely = reliable[reliable["low"] > 0]
    if not len(likely):
        where = "" if all_reliable else f" at n = {_layer_numbers(reliable)}"
        return [f"No loss from splitting layers that learnt together (fragile co-adaptation) was found{where}."]
    certain = likely[_is_significant(likely)]
    highest = (certain if len(certain) else likely).sort_values("estimate").iloc[-1]
    layer, points = f"after layer {highest['n']}", f"{_points(highest)} points"
    start = "Splitting layers that learnt together (fragile co-adaptation) costs"
    if not len(certain):
        return [
            f"{start} most {layer}, {points}, but no such loss is significant after the correction for multiple "
            "comparisons."
        ]
    if len(certain) == 1:
        return [f"{start} {points} {layer}{'; no loss is found elsewhere' if all_reliable else ''}."]
    return [f"{start} most {layer}, {points}; a loss is found at n = {_layer_numbers(certain)}."]


def _transition_sentences(
    specialisation: pd.DataFrame, co_adaptation: pd.DataFrame, transition: Transition | None
) -> list[str]:
    doubtful = any((rows["caution"] != "").any() for rows in (specialisation, co_adaptation))
    if transition is None or doubtful or not _is_significant(specialisation).any():
        return []
    sentences, centre, crossover = [], transition.centre, transition.crossover
    if centre.high - centre.low < transition.layers[-1] - transition.layers[0]:  # false if the interval is unknown
        sentences.append(
            f"Features turn from general to specific around layer {_location(centre)}; the standard deviation of this "
            f"transition is {_location(transition.spread)} layers."
        )
    if math.isfinite(crossover.high):
        layer = f"layer {crossover.high:.0f}"
        start = f"From {layer} on" if crossover.low == crossover.high else f"From {layer} at the latest"
        sentences.append(
            f"{start}, more is lost because layers are specific to the other task than because they were split."
        )
    return sentences


def _learnt_features_sentences(over_random: pd.DataFrame) -> list[str]:
    better = over_random[_is_positive(over_random)]
    if not len(better):
        return []
    least, most = better.iloc[better["estimate"].argmin()], better.iloc[better["estimate"].argmax()]
    if least["n"] == most["n"]:
        return [f"Learnt features are worth {_points(most)} points more than random ones at n = {most['n']}."]
    where = "at every n" if len(better) == len(over_random) else f"at {len(better)} of {len(over_random)} values of n"
    return [
        f"Learnt features are worth more than random ones {where}, by {_points(least)} (n = {least['n']}) to "
        f"{_points(most)} points (n = {most['n']})."
    ]


def _recommendations(cost: pd.DataFrame, best: BestNetwork | None, accuracy: str) -> list[str]:
    advice = []
    if best is not None and best.low > 0 and best.fine_tuned:
        advice.append(
            f"For the best {accuracy}, copy {_copied_layers(best.row)} from the other task and fine-tune the whole "
            f"network ({best.name})."
        )
    tolerable = _rows_of_tolerable_cost(cost)
    if len(tolerable):
        last = tolerable.iloc[-1]
        price = f"the cost, {_points(last)} points, is not measurable"
        if last["low"] > 0:
            price = f"this costs {_points(last)} points"
        elif last["high"] < 0:
            price = f"this costs nothing ({_points(last)} points)"
        text = f"If layers are to stay frozen, cut after layer {last['n']}: {price}"
        deeper = _reliable(cost[cost["n"] > last["n"]])
        if len(deeper):
            text += f"; for {_copied_layers(deeper.iloc[0])} it is {_points(deeper.iloc[0])}"
        advice.append(f"{text}.")
    if best is None and not advice:
        return []
    return advice or [
        "None: no transfer is measurably better than training from scratch, or certain to be almost as good."
    ]


def _interval_caution(effects: pd.DataFrame) -> str:
    known = effects[effects["low"].notna()]
    by_groups = known[known["source_of_chance"] != "images"]
    if by_groups.empty:
        return (
            "The intervals account for chance in the test images only, so they apply to these networks alone: another "
            "split or seed may differ by more. Train more of them (split_seeds, seeds) to find out."
        )
    fewest, most = by_groups["groups"].min(), by_groups["groups"].max()
    sources = max(by_groups["source_of_chance"], key=len).split(", ")
    groups = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    text = f"The intervals account for chance in {_enumerate(sources)}, over {groups} groups."
    if len(by_groups) < len(known):
        text += f" Those over fewer than {MIN_GROUPS} groups account for the images only."
    if fewest < _FEW_GROUPS:
        text += " With few groups they are wide."
    if not known["images"].any():
        text += (
            " Because it is not recorded which images each network got right, they are somewhat too narrow: in "
            "simulations with eight groups their coverage was 93 %, not 95 %."
        )
    return text


def _rows_of(rows: pd.DataFrame, effect: str) -> pd.DataFrame:
    return rows[rows["effect"] == effect]


def _reliable(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["caution"] == ""]


def _is_significant(rows: pd.DataFrame) -> pd.Series:
    return rows["p_holm"] < SIGNIFICANT


def _is_positive(rows: pd.DataFrame) -> pd.Series:
    return _is_significant(rows) & (rows["low"] > 0)


def _layer_numbers(rows: pd.DataFrame) -> str:
    return ", ".join(str(n) for n in rows["n"])


def _copied_layers(row: pd.Series) -> str:
    return "layer 1" if row["n"] == 1 else f"layers 1-{row['n']}"


def _points(row: pd.Series) -> str:
    return f"{row['estimate']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"


def _location(location: Location) -> str:
    return f"{location.estimate:.1f} [{location.low:.1f}, {location.high:.1f}]"


def _enumerate(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
