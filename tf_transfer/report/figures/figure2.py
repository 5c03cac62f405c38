"""Figure 2 of the paper: accuracy over the layer at which the network is cut, for every treatment but random filters.

Random filters lie so far below that they would squeeze the rest; they have a panel of their own in Figure 3.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from tf_transfer.analysis import averages, diagnostics
from tf_transfer.experiment import treatments
from tf_transfer.report.figures import plotting, published_curves
from tf_transfer.report.figures.plotting import STYLES, LineEnd
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure, describe_means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_KINDS = tuple(kind for kind in STYLES if kind != "random")


def draw_figure2(
    table: pd.DataFrame,
    metric: str = "top1_last",
    warnings: Sequence[str] = (),
    published: pd.DataFrame | None = None,
) -> Figure:
    """Draws every network as a point, and below a line through the means of each treatment.

    Args:
      table: Results as in `results.csv`; of several families of splits, the first is drawn (`averages.families`).
      metric: The column to draw, in [0, 1].
      warnings: Sentences to print below, such as `diagnostics.find_warnings` finds.
      published: The paper's own scores (`published.read_table`), to be drawn thin and pale behind the lines.

    Returns:
      A figure of two panels with common axes; published scores may lie far off, so that they get a scale below.
    """
    everything, table = table, _rows(table)
    figure = Figure(figsize=(7.4, 8.2), layout="constrained")
    points, lines = figure.subplots(2, 1, sharex=True, sharey=published is None)
    _draw_points(points, table, metric)
    diverged = diagnostics.diverged_in_same_tasks(table, everything[everything["kind"].isin(_KINDS)])
    plotting.flag_failures(points, table, diverged, metric, lambda rows: _x_positions(rows, table))
    means = averages.treatment_means(table, metric)
    ends = _draw_lines(lines, means)
    if published is not None:
        names = {kind: treatments.pattern(kind) for kind in ("base", *table["kind"])}
        ends += published_curves.draw_published_means(lines, _published_rows(everything, published), names)
    _shade_effects(lines, means)
    plotting.format_axes(points, y_label=plotting.accuracy_label(metric))
    plotting.format_axes(lines, plotting.X_LABEL, plotting.accuracy_label(metric))
    if not table.empty:
        lines.set_xticks(range(max([int(table["n"].max()), *(int(end.x) for end in ends)]) + 1))
    _put_legend_above(points, columns=2)
    _put_legend_above(lines, columns=1)
    plotting.label_line_ends(lines, ends)
    if warnings:
        text = "\n".join(textwrap.fill(f"Caution: {warning}.", 90) for warning in warnings[:4])
        figure.supxlabel(text, fontsize=9, color=plotting.RED)
    return figure


def _has_rows(data: FigureData) -> bool:
    return bool(averages.main_family(data.table)["kind"].isin(_KINDS[1:]).any())


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    family = averages.main_family(table)
    return family[family["kind"].isin(_KINDS)]


def _published_rows(table: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The published scores of the kind of class split that is drawn; of random halves, if there are none."""
    families = averages.families(published)
    return families.get(next(iter(averages.families(table))), families[averages.RANDOM_HALVES])


def _put_legend_above(axes: Axes, columns: int) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(ncols=columns, fontsize=9, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _draw_points(axes: Axes, table: pd.DataFrame, metric: str) -> None:
    for kind in _KINDS:
        rows = table[table["kind"] == kind]
        if len(rows):
            x, y = _x_positions(rows, table), 100 * rows[metric]
            axes.plot(x, y, linestyle="", markersize=7, label=plotting.kind_label(kind), **STYLES[kind])


def _x_positions(rows: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Where the points of rows are drawn: kinds side by side, so that points of equal height do not hide each other."""
    kinds = [kind for kind in _KINDS if kind in set(table["kind"])]
    shifts = {kind: 0.13 * (number - len(kinds) / 2) for number, kind in enumerate(kinds) if kind != "base"}
    return rows["n"] + rows["kind"].map(shifts).fillna(0)


def _draw_lines(axes: Axes, means: pd.DataFrame) -> list[LineEnd]:
    base = plotting.base_level(means)
    if base is not None:
        plotting.draw_base_level(axes, base)
    return [
        plotting.draw_line(axes, plotting.mean_curve(means, kind), treatments.pattern(kind), STYLES[kind], base)
        for kind in means.index.drop("base", errors="ignore")
    ]


def _shade_effects(axes: Axes, means: pd.DataFrame) -> None:
    """Shades what lies between the lines and names it, as in the lower panel of the paper's figure."""
    base = plotting.base_level(means)
    if base is None or not {"selffer", "transfer"} <= set(means.index):
        return
    both = means.loc[["selffer", "transfer"]].dropna(axis=1)
    if both.shape[1] < 2:
        return
    layers, selffer, transfer = both.columns, both.T["selffer"], both.T["transfer"]
    lower = np.minimum(selffer, base)
    bands = (
        ("selffer", lower, base, "lost by splitting co-adapted layers (BnB below baseB)"),
        ("transfer", np.minimum(transfer, selffer), selffer, "lost by specialisation to another task (AnB below BnB)"),
    )
    for kind, low, high, label in bands:
        axes.fill_between(layers, low, high, color=STYLES[kind]["color"], alpha=0.18, linewidth=0, label=label)


def _describe(data: FigureData) -> str:
    return describe_means(_rows(data.table), data.metric)


FIGURE = ReportFigure(
    name="figure2",
    title="Accuracy over the layer of the cut",
    caption="Figure 2 of the paper. Above: every network is a point. Below: lines through the means of each treatment; "
    "all of them start from the base at n = 0.",
    has_rows=_has_rows,
    draw=lambda data: {"figure2": draw_figure2(data.table, data.metric, data.warnings)},
    describe=_describe,
)
FIGURE_WITH_PUBLISHED = ReportFigure(
    name="figure2_published",
    title="Accuracy, with the published curves",
    caption="The same figure, with the means that the paper's authors published (ImageNet, CaffeNet) thin and pale in "
    "the lower panel. Compare the shapes, not the levels, which are of other images and another network.",
    has_rows=lambda data: data.published is not None and _has_rows(data),
    draw=lambda data: {"figure2_published": draw_figure2(data.table, data.metric, data.warnings, data.published)},
    describe=_describe,
    with_published=True,
)
