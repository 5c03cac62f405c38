"""The paper's figures, drawn from a table of results."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from tf_transfer import analysis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which colour-blind readers can tell apart; frozen is dark and round or square, fine-tuned
# light, and every kind has a marker of its own.
_STYLES = {
    "base": {"color": "#000000", "marker": "o", "markerfacecolor": "white"},
    "selffer": {"color": "#0072B2", "marker": "o"},
    "selffer+": {"color": "#56B4E9", "marker": "P"},
    "transfer": {"color": "#D55E00", "marker": "D"},
    "transfer+": {"color": "#E69F00", "marker": "X"},
    "random": {"color": "#009E73", "marker": "s"},
}
_WORDS = {
    "base": "trained from scratch",
    "selffer": "frozen, same task",
    "selffer+": "fine-tuned, same task",
    "transfer": "frozen, other task",
    "transfer+": "fine-tuned, other task",
    "random": "frozen, random",
}
_X_LABEL = "Layer n at which the network is cut and retrained"


def draw_figure2(table: pd.DataFrame, metric: str = "top1_last", warnings: Sequence[str] = ()) -> Figure:
    """Draws the paper's Figure 2: every network as a point, and a line through the means of each treatment.

    Args:
      table: Results as in `results.csv`.
      metric: The column to draw, in [0, 1].
      warnings: Sentences to print below, such as `analysis.warnings` finds.

    Returns:
      A figure of two panels with a common axis.
    """
    table = analysis.comparable(table)
    figure = Figure(figsize=(9, 9.5), layout="constrained")
    points, lines = figure.subplots(2, 1, sharex=True, sharey=True)
    _draw_points(points, table, metric)
    means = analysis.treatment_means(table, metric)
    _draw_lines(lines, means)
    _name_effects(lines, means)
    for axes in (points, lines):
        axes.set_ylabel("Top-1 accuracy (%)")
        axes.set_xticks(sorted(table["n"].unique()))
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    lines.set_xlabel(_X_LABEL)
    if not table.empty:
        points.legend(ncols=3, fontsize=9, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    if warnings:
        text = "\n".join(textwrap.fill(f"Caution: {warning}.", 110) for warning in warnings[:4])
        figure.supxlabel(text, fontsize=9, color="#aa0000")
    return figure


def _draw_points(axes: Axes, table: pd.DataFrame, metric: str) -> None:
    kinds = [kind for kind in _STYLES if kind in set(table["kind"])]
    for number, kind in enumerate(kinds):
        rows = table[table["kind"] == kind]
        # Kinds stand side by side, so that points of equal height do not hide each other.
        shift = 0 if kind == "base" else 0.09 * (number - len(kinds) / 2)
        label = f"{analysis.pattern(kind)}: {_WORDS[kind]}"
        axes.plot(rows["n"] + shift, 100 * rows[metric], linestyle="", markersize=7, label=label, **_STYLES[kind])


def _draw_lines(axes: Axes, means: pd.DataFrame) -> None:
    has_base = "base" in means.index
    if has_base:
        axes.axhline(means.loc["base", 0], color="#000000", linewidth=0.8, linestyle=":")
        axes.plot([0], [means.loc["base", 0]], markersize=7, **_STYLES["base"])
    for kind in means.index:
        if kind in _STYLES and kind != "base":
            row = means.loc[kind].dropna()
            axes.plot(row.index, row, linewidth=1.8, markersize=6, **_STYLES[kind])
            if has_base and kind != "random":
                axes.plot([0, row.index[0]], [means.loc["base", 0], row.iloc[0]], color=_STYLES[kind]["color"], lw=0.8)
    _label_line_ends(axes, means.drop(index="base", errors="ignore"))


def _label_line_ends(axes: Axes, means: pd.DataFrame) -> None:
    ends = sorted(
        (row.dropna().iloc[-1], kind, row.dropna().index[-1]) for kind, row in means.iterrows() if kind in _STYLES
    )
    if not ends:
        return
    low, high = axes.get_ylim()
    gap, last = 0.045 * (high - low), -np.inf  # the height of a line of text
    for value, kind, n in ends:
        last = max(value, last + gap)
        axes.annotate(
            analysis.pattern(kind), (n, value), (n + 0.2, last), color=_STYLES[kind]["color"], va="center", fontsize=10
        )


def _name_effects(axes: Axes, means: pd.DataFrame) -> None:
    """Shades what lies between the lines and names it, as in the lower panel of the paper's figure."""
    if not {"base", "selffer", "transfer"} <= set(means.index):
        return
    both = means.loc[["selffer", "transfer"]].dropna(axis=1)
    if both.shape[1] < 2:
        return
    layers, selffer, transfer = both.columns, both.loc["selffer"], both.loc["transfer"]
    base = means.loc["base", 0]
    lower = np.minimum(selffer, base)
    bands = (
        ("selffer", lower, base, "lost by splitting co-adapted layers (BnB below baseB)"),
        ("transfer", np.minimum(transfer, selffer), selffer, "lost by specialisation to another task (AnB below BnB)"),
    )
    for kind, low, high, label in bands:
        axes.fill_between(layers, low, high, color=_STYLES[kind]["color"], alpha=0.14, linewidth=0, label=label)
    axes.legend(loc="lower left", fontsize=9, frameon=False)


def draw_filters(kernel: np.ndarray) -> Figure:
    """Draws first-layer filters as small colour pictures.

    Args:
      kernel: float [height, width, 3, filters].

    Returns:
      A figure of a square grid; each filter is stretched to the full range of colours.
    """
    filters = np.moveaxis(kernel.astype(np.float64), -1, 0)
    low, high = (getattr(filters, bound)(axis=(1, 2, 3), keepdims=True) for bound in ("min", "max"))
    filters = (filters - low) / np.maximum(high - low, 1e-12)
    columns = int(np.ceil(np.sqrt(len(filters))))
    rows = -(-len(filters) // columns)
    figure = Figure(figsize=(0.6 * columns, 0.6 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, picture in zip(figure.axes, filters, strict=False):
        axes.imshow(picture, interpolation="nearest")
    return figure


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a figure as PNG and, beside it, as SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=144)
    figure.savefig(path.with_suffix(".svg"))
