"""The effects, layer by layer: stacked below and above the base as in Figure 2 of the paper, and each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tf_transfer.analysis.effects import EFFECTS
from tf_transfer.analysis.findings import SIGNIFICANT
from tf_transfer.experiment import treatments
from tf_transfer.experiment.config import ACCURACY_NAMES
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.plotting import STYLES, LineEnd
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_RINGED = "What is ringed in red rests on networks at chance, or on ones that no test image tells apart."
# How far each kind lies from the base is an effect, or one with its sign changed.
_STACKED = {"selffer": ("co-adaptation", -1), "transfer": ("transfer cost", -1), "transfer+": ("boost over base", 1)}
_AREAS = (
    ("selffer", "baseB", "selffer", "co-adaptation: lost by splitting layers that had learnt together"),
    ("transfer", "selffer", "transfer", "specialisation: lost because layers were learnt for the other task"),
    ("transfer", "baseB", "transfer", "transfer cost: lost by freezing layers of the other task"),
    ("transfer+", "baseB", "transfer+", "boost: won by transfer and fine-tuning"),
)
_COLORS = dict(
    zip(EFFECTS, ("selffer", "transfer", "base", "transfer+", "transfer+", "selffer+", "random"), strict=True)
)


def draw_stacked(effects: pd.DataFrame, metric: str = "top1_last") -> Figure:
    """Draws BnB, AnB and AnB+ relative to the base, with the areas between them and bands of 95 %.

    Args:
      effects: As from `effects.estimate_effects`.
      metric: The column of accuracies that they were estimated from.

    Returns:
      A figure of one panel.
    """
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    axes = figure.subplots()
    curves = {kind: _curve(effects, effect, sign) for kind, (effect, sign) in _STACKED.items()}
    curves = {kind: curve for kind, curve in curves.items() if len(curve)}
    _shade(axes, curves)
    plotting.draw_base_level(axes, 0)
    ends = []
    for kind, curve in curves.items():
        style = STYLES[kind]
        ends.append(plotting.draw_line_from_base(axes, curve["estimate"], treatments.pattern(kind), style))
        axes.fill_between(curve.index, curve["low"], curve["high"], color=style["color"], alpha=0.35, linewidth=0)
        _ring_doubtful(axes, curve)
    accuracy = ACCURACY_NAMES[metric].capitalize()
    plotting.format_axes(axes, plotting.X_LABEL, f"{accuracy} less that of baseB\n(percentage points)")
    _use_integer_ticks(axes)
    last = max(end.x for end in ends)
    plotting.label_line_ends(axes, [*ends, LineEnd(last, 0, "baseB", STYLES["base"]["color"])])
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=9, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def draw_each(effects: pd.DataFrame, metric: str = "top1_last") -> Figure:
    """Draws every effect that was measured in a panel of its own, with its band of 95 %.

    Args:
      effects: As from `effects.estimate_effects`.
      metric: The column of accuracies that they were estimated from.

    Returns:
      A figure of two columns of panels; filled points differ from zero after the correction for many comparisons.
    """
    names = [name for name in EFFECTS if len(_curve(effects, name))]
    rows = -(-len(names) // 2)
    figure = Figure(figsize=(7.2, 2.2 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, 2, sharex=True, squeeze=False).flat
    for axes, name in zip(panels, names, strict=False):
        _draw_effect(axes, name, _curve(effects, name))
    for axes in panels[len(names) :]:
        axes.remove()
    figure.supxlabel(plotting.X_LABEL, fontsize=10)
    figure.supylabel(f"Percentage points of {ACCURACY_NAMES[metric]}", fontsize=10)
    return figure


def _by_layer(effects: pd.DataFrame) -> pd.DataFrame:
    return effects[effects["n"].notna()]


def _curve(effects: pd.DataFrame, effect: str, sign: int = 1) -> pd.DataFrame:
    """Estimate, ends, corrected p value and caution by layer; with sign -1, of the negative effect."""
    rows = _by_layer(effects[effects["effect"] == effect]).set_index("n")
    ends = sign * rows[["low", "high"]]
    signed = {"estimate": sign * rows["estimate"], "low": ends.min(axis=1), "high": ends.max(axis=1)}
    return rows[["p_holm", "caution"]].assign(**signed).sort_index().set_axis(rows.sort_index().index.astype(int))


def _shade(axes: Axes, curves: dict[str, pd.DataFrame]) -> None:
    """Shades what is lost below the base, by splitting and by specialisation if both are told apart, and won above."""
    for kind, upper, lower, label in _AREAS:
        if lower not in curves or (upper != "baseB" and upper not in curves):
            continue
        if (lower, upper) == ("transfer", "baseB") and "selffer" in curves:
            continue  # whose part of it is told apart
        inner = curves[lower]["estimate"]
        outer = curves[upper]["estimate"].reindex(inner.index) if upper in curves else 0.0 * inner
        low, high = (np.minimum(outer, inner), outer) if kind != "transfer+" else (outer, np.maximum(outer, inner))
        axes.fill_between(inner.index, low, high, color=STYLES[kind]["color"], alpha=0.18, linewidth=0, label=label)


def _draw_effect(axes: Axes, name: str, curve: pd.DataFrame) -> None:
    color = STYLES[_COLORS[name]]["color"]
    axes.axhline(0, color="#000000", linewidth=0.8, linestyle=":")
    axes.fill_between(curve.index, curve["low"], curve["high"], color=color, alpha=0.3, linewidth=0)
    axes.plot(curve.index, curve["estimate"], color=color, linewidth=1.8)
    for found, face in ((True, color), (False, "#ffffff")):
        rows = curve[(curve["p_holm"] < SIGNIFICANT) == found]
        axes.plot(rows.index, rows["estimate"], linestyle="", marker="o", color=color, markerfacecolor=face)
    _ring_doubtful(axes, curve)
    first, second = (treatments.pattern(kind) for kind in EFFECTS[name])
    axes.set_title(f"{name}: {first} \N{MINUS SIGN} {second}", fontsize=10)
    plotting.format_axes(axes, y_label="")
    axes.tick_params(labelbottom=True)  # also where no panel is below
    _use_integer_ticks(axes)


def _ring_doubtful(axes: Axes, curve: pd.DataFrame) -> None:
    doubtful = curve.loc[curve["caution"] != "", "estimate"]
    if len(doubtful):
        axes.plot(doubtful.index, doubtful, **plotting.RING)


def _use_integer_ticks(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _has_rows(data: FigureData) -> bool:
    """Whether an effect was measured at two or more layers, so that there is a curve to draw."""
    rows = _by_layer(data.effects)
    return bool(len(rows) and rows.groupby("effect")["n"].nunique().max() > 1)


def _describe(data: FigureData) -> str:
    found = []
    for name in EFFECTS:
        curve = _curve(data.effects, name)
        if len(curve):
            values = ", ".join(f"{value:.1f}" for value in curve["estimate"])
            found.append(f"{name} {values} points at n = {', '.join(str(n) for n in curve.index)}")
    return f"{'; '.join(found)}."


STACKED = ReportFigure(
    name="effects",
    title="What each layer costs and gains",
    caption="Means relative to the base. Below the base: what is lost by splitting layers that had learnt together, "
    "and on top of that what is lost because layers are specific to the other task. Above it: what transfer and "
    "fine-tuning gain. The bands are 95 % intervals of each line; where there is no band, the interval is not known. "
    + _RINGED,
    has_rows=_has_rows,
    draw=lambda data: {"effects": draw_stacked(data.effects, data.metric)},
    describe=_describe,
)
EACH = ReportFigure(
    name="each_effect",
    title="Each effect by itself",
    caption="With 95 % intervals; each panel has a scale of its own. A filled point differs from zero even after the "
    "correction for all comparisons (Holm), an open one does not. " + _RINGED,
    has_rows=_has_rows,
    draw=lambda data: {"each_effect": draw_each(data.effects, data.metric)},
    describe=_describe,
)
