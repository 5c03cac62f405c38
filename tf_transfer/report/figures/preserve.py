"""Preserve: layers n+1..n+p are copied too but left to learn, beside the transfers that draw them anew.

The paper's authors ran this (p = 1, 2) and did not publish it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from tf_transfer.analysis import averages, diagnostics
from tf_transfer.experiment.treatments import parse_kind
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.plotting import STYLES, LineEnd
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure, describe_means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_TITLES = {"transfer": "Copied from the other task", "selffer": "Copied from the same task"}
_DASHES = ("-", "--", ":", "-.")  # by p; further ones repeat


def draw_preserve(table: pd.DataFrame, metric: str = "top1_last") -> Figure:
    """Draws the means of AnB and BnB without and with preserved layers.

    Args:
      table: Results as in `results.csv`; of several families of splits, the first is drawn (`averages.families`).
      metric: The column to draw, in [0, 1].

    Returns:
      A figure of a panel for transfers and one for selffers, those which have preserved layers.
    """
    family = averages.main_family(table)
    means = averages.treatment_means(family, metric)
    preserving = {kind.word for kind in map(parse_kind, means.index) if kind.preserve}
    words = [word for word in _TITLES if word in preserving]
    figure = Figure(figsize=(6 * len(words), 4.6), layout="constrained")
    panels = figure.subplots(1, len(words), sharey=True, squeeze=False)[0]
    drawn = [_draw_panel(axes, means, word, metric) for axes, word in zip(panels, words, strict=True)]
    for axes, word in zip(panels, words, strict=True):
        diverged = diagnostics.diverged_in_same_tasks(family, _shown(table, word))
        plotting.flag_failures(axes, _shown(family, word), diverged, metric)
        plotting.add_flag_legend(axes)
    for axes, ends in zip(panels, drawn, strict=True):  # once both have set their common scale
        axes.set_xticks(range(int(means.columns.max()) + 1))
        plotting.label_line_ends(axes, ends)
    return figure


def _shown(rows: pd.DataFrame, word: str) -> pd.DataFrame:
    kinds = rows["kind"].map(parse_kind)
    return rows[kinds.map(lambda kind: kind.word in ("base", word) and not kind.fine_tuned).astype(bool)]


def _draw_panel(axes: Axes, means: pd.DataFrame, word: str, metric: str) -> list[LineEnd]:
    ends = []
    base = plotting.base_level(means)
    if base is not None:
        plotting.draw_base_level(axes, base)
        ends.append(LineEnd(float(means.columns[-1]), base, "baseB", STYLES["base"]["color"]))
    for kind in map(parse_kind, means.index):
        if kind.word == word and not kind.fine_tuned:
            style = STYLES[word] | {"linestyle": _DASHES[kind.preserve % len(_DASHES)]}
            style |= {"markerfacecolor": "white"} if kind.preserve else {}
            ends.append(plotting.draw_line(axes, plotting.mean_curve(means, str(kind)), kind.pattern, style))
    plotting.format_axes(axes, plotting.X_LABEL, plotting.accuracy_label(metric))
    axes.set_title(_TITLES[word])
    return ends


def _has_rows(data: FigureData) -> bool:
    return bool(averages.main_family(data.table)["kind"].map(lambda kind: parse_kind(kind).preserve > 0).any())


def _describe(data: FigureData) -> str:
    family = averages.main_family(data.table)
    shown = family["kind"].str.fullmatch(f"base|({'|'.join(_TITLES)})(-preserve.*)?")
    return describe_means(family[shown], data.metric)


FIGURE = ReportFigure(
    name="preserve",
    title="Preserved layers",
    caption="Layers n + 1 to n + p are copied too, but left to learn, beside networks that draw them anew.",
    has_rows=_has_rows,
    draw=lambda data: {"preserve": draw_preserve(data.table, data.metric)},
    describe=_describe,
)
