"""Reduced volume (supplement of the paper): accuracy over the number of training images per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from tf_transfer import figures
from tf_transfer.figures import STYLES
from tf_transfer.results import FINISHED

if TYPE_CHECKING:
    import pandas as pd

_COLOR = "#0072B2"


def has_rows(table: pd.DataFrame) -> bool:
    """Whether networks were trained from scratch on two or more limited numbers of images per class."""
    return _limited(table)["images_per_class"].nunique() > 1


def draw_reduced_volume(table: pd.DataFrame, metric: str = "top1_last") -> Figure:
    """Draws bases of every number of images per class as points, with a line through their means.

    Bases without a limit, of the same splits, are a dotted line: how many images they saw is not in the table.

    Args:
      table: Results as in `results.csv`; those of bases count.
      metric: The column to draw, in [0, 1].

    Returns:
      A figure of two panels, the number of images on a linear and on a logarithmic axis.
    """
    rows = _limited(table)
    means = 100 * rows.groupby("images_per_class")[metric].mean()
    whole = table[
        (table["kind"] == "base")
        & (table["status"] == FINISHED)
        & (table["images_per_class"] == 0)
        & table["split"].isin(rows["split"])
    ]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    linear, logarithmic = figure.subplots(1, 2, sharey=True)
    for axes in (linear, logarithmic):
        label = f"limited number of images ({_steps(rows)})"
        axes.plot(means.index, means, color=_COLOR, linewidth=1.8)
        axes.plot(rows["images_per_class"], 100 * rows[metric], marker="o", linestyle="", color=_COLOR, label=label)
        if len(whole):
            level = 100 * whole[metric].mean()
            label = f"no limit: {level:.1f} % ({_steps(whole)})"
            axes.axhline(level, color=STYLES["base"]["color"], linewidth=0.8, linestyle=":", label=label)
    figures.dress(linear, "Training images per class")
    figures.dress(logarithmic, "Training images per class (logarithmic scale)", "")
    logarithmic.set_xscale("log")
    logarithmic.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    logarithmic.xaxis.set_major_formatter(ScalarFormatter())
    logarithmic.xaxis.set_minor_locator(NullLocator())
    figure.legend(*linear.get_legend_handles_labels(), ncols=2, frameon=False, loc="outside upper center")
    return figure


def _limited(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["kind"] == "base") & (table["status"] == FINISHED) & (table["images_per_class"] > 0)]


def _steps(rows: pd.DataFrame) -> str:
    fewest, most = rows["steps"].min(), rows["steps"].max()
    return f"{fewest:,} steps" if fewest == most else f"{fewest:,} to {most:,} steps"
