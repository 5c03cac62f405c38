"""The best of several transferred networks, with an interval that knows that it was chosen for being the best."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tf_transfer.analysis.intervals import Interval

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class BestNetwork:
    """The network that gains most over training from scratch.

    Attributes:
      row: Its row of the effects: `boost over base` if it is fine-tuned, else `transfer cost`.
      fine_tuned: Whether its copied layers learn.
      gain: Its gain over the base, in points.
      low: Lower end of the gain's interval, widened for the choice (Bonferroni).
      high: Upper end likewise.
      among: How many networks it was chosen from.
    """

    row: pd.Series
    fine_tuned: bool
    gain: float
    low: float
    high: float
    among: int

    @property
    def name(self) -> str:
        """The paper's name, for example `A5B+`."""
        return f"A{self.row['n']}B{'+' * self.fine_tuned}"


def find_best(cost: pd.DataFrame, boost: pd.DataFrame) -> BestNetwork | None:
    """Chooses among all transfers; one that surely gains goes before one that may gain more.

    Args:
      cost: The rows of `transfer cost` that have an interval, one a layer.
      boost: The rows of `boost over base` likewise.

    Returns:
      The best, or None without any.
    """
    among = len(cost) + len(boost)
    networks = [_gain(row, True, among) for _, row in boost.iterrows()]
    networks += [_gain(row, False, among) for _, row in cost.iterrows()]
    return max(networks, key=lambda network: (network.low > 0, network.gain), default=None)


def _gain(row: pd.Series, fine_tuned: bool, among: int) -> BestNetwork:
    interval = Interval(row["estimate"], row["group_error"], row["image_error"], row["groups"], row["images"])
    sign = 1 if fine_tuned else -1  # what a frozen transfer costs is the negative of its gain
    low, high = sorted(sign * end for end in interval.bounds(among))
    return BestNetwork(row, fine_tuned, sign * row["estimate"], low, high, among)
