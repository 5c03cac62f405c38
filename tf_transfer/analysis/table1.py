"""Table 1 of the paper: what transfer gains, even after the whole network was fine-tuned.

From the published scores this gives the paper's own figures, to the last digit printed (`PAPER`). Two other ways to
average do not, since for some layers two AnB+ and BnB+ networks were published, and one for the others:

- means per layer first, then over layers: 1.7 / 1.9 / 2.1 over baseB and 1.6 / 1.5 / 1.8 over BnB+;
- each network minus the base of its own target: 1.0 / 1.2 / 1.2 over baseB. Seven of the ten AnB+ networks were trained
  on half B of seed 0, whose base (63.4 %) is the best of the eight; the paper subtracts the mean of all (62.5 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_transfer.analysis import averages

if TYPE_CHECKING:
    import pandas as pd

FIRST_LAYERS = (1, 3, 5)
OVER_BASE, OVER_SELFFER = "over baseB", "over BnB+"
# Table 1 of the paper, in percentage points.
PAPER = {OVER_BASE: {"1-7": 1.6, "3-7": 1.8, "5-7": 2.1}, OVER_SELFFER: {"1-7": 1.4, "3-7": 1.4, "5-7": 1.7}}


def paper() -> pd.DataFrame:
    """Table 1 of the paper, in the form of `boost`."""
    import pandas as pd

    return pd.DataFrame.from_dict(PAPER, orient="index")


def boost(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Averages how far AnB+ lies above baseB and above BnB+, over ranges of layers.

    This is the mean over all AnB+ networks of a range, minus the mean over all bases, or over all BnB+ networks of the
    layers that have both; in the first family of class splits (`averages.families`).

    Args:
      table: Results as in `results.csv`.
      metric: The column to average, in [0, 1].

    Returns:
      Percentage points. Rows `over baseB` and `over BnB+`, as far as there are networks for them; columns `1-7`, `3-7`,
      `5-7`, where 7 is the last layer at which networks were cut. Empty without fine-tuned transfers.
    """
    import pandas as pd

    rows = averages.main_family(table)
    transfer, base, selffer = (rows[rows["kind"] == kind] for kind in ("transfer+", "base", "selffer+"))
    gains: dict[str, dict[str, float]] = {}
    for first in FIRST_LAYERS:
        in_range = transfer[transfer["n"] >= first]
        if in_range.empty:
            break
        name = f"{first}-{transfer['n'].max()}"
        if not base.empty:
            gains.setdefault(OVER_BASE, {})[name] = 100 * (in_range[metric].mean() - base[metric].mean())
        both = set(in_range["n"]) & set(selffer["n"])
        if both:
            ours, reference = (kind.loc[kind["n"].isin(both), metric].mean() for kind in (in_range, selffer))
            gains.setdefault(OVER_SELFFER, {})[name] = 100 * (ours - reference)
    return pd.DataFrame.from_dict(gains, orient="index")
