"""Figure 3 of the paper: natural and man-made classes, random filters, and all transfers relative to their own base."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from tf_transfer.analysis import averages, diagnostics
from tf_transfer.analysis.published import METRIC
from tf_transfer.experiment import treatments
from tf_transfer.experiment.config import ACCURACY_NAMES
from tf_transfer.report.figures import plotting, published_curves
from tf_transfer.report.figures.plotting import PURPLE, STYLES, LineEnd, Style
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure, describe_means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_DASHES = ("-", "--", "-.", ":")
_Styles = dict[tuple[str, str], Style]  # by kind and family
_LEAST_DEPTH = -10.0  # percentage points that the relative panel reaches down to, however good the transfers


def draw_figure3(table: pd.DataFrame, metric: str = "top1_last", published: pd.DataFrame | None = None) -> Figure:
    """Draws the panels that the table has networks for.

    Args:
      table: Results as in `results.csv`. Each family of splits is drawn and compared with its own bases.
      metric: The column to draw, in [0, 1].
      published: The paper's own scores (`published.read_table`), to be drawn thin and pale behind the lines: random
        filters, and transfers between such classes as the table has transfers between.

    Returns:
      A figure of up to three panels, labelled `natural`, `random` and `relative`.
    """
    families = averages.families(table)
    natural, random = _natural_rows(families), _families_with(families, "random")
    behind = {} if published is None else _comparable_published(families, averages.families(published))
    relative = {name: averages.relative_to_base(rows, metric) for name, rows in families.items()}
    relative |= {
        name + published_curves.SUFFIX: averages.relative_to_base(rows, METRIC) for name, rows in behind.items()
    }
    styles = _line_styles(families)
    styles |= {
        (kind, name + published_curves.SUFFIX): published_curves.pale(style)
        for (kind, name), style in _line_styles(behind).items()
    }
    top = ["natural"] * bool(len(natural)) + ["random"] * bool(random)
    below = ["relative"] * len(top) * any(map(len, relative.values()))
    figure = Figure(figsize=(10, 4.7 * bool(top) + 4.7 * bool(below)), layout="constrained")
    rows: list[Any] = [row for row in (top, below) if row]
    panels = figure.subplot_mosaic(rows)
    if len(natural):
        _draw_natural(panels["natural"], natural, metric, behind.get(averages.NATURAL_MAN_MADE))
        _flag_failures(panels["natural"], natural, table, ("base", "selffer", "transfer"), metric)
    if random:
        _draw_random(panels["random"], random, metric, styles, _families_with(behind, "random"))
        _flag_failures(panels["random"], averages.comparable(table), table, ("random",), metric)
    if below:
        _draw_relative(panels["relative"], relative, metric, styles)
    last = max(family["n"].max() for family in (*families.values(), *behind.values()))
    for axes in panels.values():
        axes.set_xticks(range(int(last) + 1))
        axes.title.set_fontsize(11)
        plotting.add_flag_legend(axes)
    return figure


def _has_rows(data: FigureData) -> bool:
    families = averages.families(data.table)
    return bool(len(_natural_rows(families)) or _families_with(families, "random"))


def _natural_rows(families: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = families.get(averages.NATURAL_MAN_MADE, next(iter(families.values())).iloc[:0])
    return rows if rows["kind"].isin(["selffer", "transfer"]).any() else rows.iloc[:0]


def _families_with(families: dict[str, pd.DataFrame], kind: str) -> dict[str, pd.DataFrame]:
    return {name: rows for name, rows in families.items() if (rows["kind"] == kind).any()}


def _comparable_published(
    families: dict[str, pd.DataFrame], published: dict[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Of the published families, the bases and the kinds that the table has as well."""
    found = {}
    for name, rows in published.items():
        kinds = ["random"] if _families_with(families, "random") else []
        kinds += ["transfer"] if name in _families_with(families, "transfer") else []
        if rows["kind"].isin(kinds).any():
            found[name] = rows[rows["kind"].isin(["base", *kinds])]
    return found


def _draw_natural(axes: Axes, rows: pd.DataFrame, metric: str, published: pd.DataFrame | None) -> None:
    ends = []
    for target in sorted(rows["target"].unique()):
        means = averages.treatment_means(rows[rows["target"] == target], metric)
        other = "A" if target == "B" else "B"
        base = plotting.base_level(means)
        if base is not None:
            plotting.draw_base_level(axes, base)
            ends.append(LineEnd(rows["n"].max(), base, f"base{target}", STYLES["base"]["color"]))
        for kind, source, color in (("selffer", target, STYLES["selffer"]["color"]), ("transfer", other, PURPLE)):
            if kind in means.index:
                curve, style = plotting.mean_curve(means, kind), STYLES[kind] | {"color": color}
                ends.append(plotting.draw_line(axes, curve, f"{source}n{target}", style, base, base_zorder=1))
        if published is not None:
            names = {"base": f"base{target}", "transfer": f"{other}n{target}"}
            styles = STYLES | {"transfer": {"color": PURPLE}}
            ends += published_curves.draw_published_means(axes, published[published["target"] == target], names, styles)
    plotting.format_axes(axes, plotting.X_LABEL, plotting.accuracy_label(metric))
    axes.set_title("Natural (A) and man-made (B) classes")
    plotting.label_line_ends(axes, ends)


def _draw_random(
    axes: Axes, families: dict[str, pd.DataFrame], metric: str, styles: _Styles, published: dict[str, pd.DataFrame]
) -> None:
    ends = []
    for name, rows in families.items():
        means = averages.treatment_means(rows, metric)
        base, curve = plotting.base_level(means), plotting.mean_curve(means, "random")
        if base is not None:
            plotting.draw_base_level(axes, base)
        ends.append(plotting.draw_line(axes, curve, f"RnB, {name}", styles["random", name], base, base_zorder=1))
    for name, rows in published.items():
        ends += published_curves.draw_published_means(axes, rows, {"base": "baseB", "random": f"RnB, {name}"})
    plotting.format_axes(axes, plotting.X_LABEL, plotting.accuracy_label(metric))
    axes.set_title("Random filters, frozen")
    plotting.label_line_ends(axes, ends)


def _flag_failures(axes: Axes, rows: pd.DataFrame, table: pd.DataFrame, kinds: tuple[str, ...], metric: str) -> None:
    diverged = diagnostics.diverged_in_same_tasks(rows, table[table["kind"].isin(kinds)])
    plotting.flag_failures(axes, rows[rows["kind"].isin(kinds)], diverged, metric)


def _draw_relative(axes: Axes, families: dict[str, pd.DataFrame], metric: str, styles: _Styles) -> None:
    """Draws means at the scale of the transfers, below which random filters may fall; it is said how far."""
    curves = {
        (str(kind), name): of_kind.groupby("n")["relative"].mean()
        for name, rows in families.items()
        for kind, of_kind in rows.groupby("kind")
    }
    axes.axhline(0, color="#000000", linewidth=0.8, linestyle=":")
    axes.plot([0], [0], markersize=7, linestyle="", **STYLES["base"])
    drawn = {
        (kind, name): plotting.draw_line_from_base(
            axes, curve, f"{treatments.pattern(kind)}, {name}", styles[kind, name]
        )
        for (kind, name), curve in curves.items()
    }
    bottom = axes.get_ylim()[0]
    transfers = [curve.min() for (kind, _), curve in curves.items() if kind == "transfer"]
    if transfers:
        bottom = max(bottom, min(1.2 * min(transfers), _LEAST_DEPTH))
    axes.set_ylim(bottom=bottom)
    ends, notes = [], {}
    for key, curve in curves.items():
        end = drawn[key]
        if end.y >= bottom:
            ends.append(end)
        elif not end.text.endswith(published_curves.SUFFIX):  # their own panel shows how far published ones fall
            text = f"{end.text}: down to \N{MINUS SIGN}{-curve.min():.0f} at n = {curve.idxmin()}"
            notes[text] = _crossing(curve, bottom)
    for line, text in enumerate(notes):  # right of all the curves that they are about
        at = (max(x for x, _ in notes.values()), bottom)
        axes.annotate(text, at, (10, 4 + 14 * line), textcoords="offset points", fontsize=9)
    accuracy = ACCURACY_NAMES[metric].capitalize()
    plotting.format_axes(axes, plotting.X_LABEL, f"{accuracy} less that of its own base\n(percentage points)")
    axes.set_title("Relative to the base of the same task")
    plotting.label_line_ends(axes, ends)


def _line_styles(families: dict[str, pd.DataFrame]) -> _Styles:
    """A style for transfers and random filters of each family; those of one colour differ in their dashes."""
    styles: _Styles = {}
    used: collections.Counter[str] = collections.Counter()
    for kind in ("transfer", "random"):
        for name in _families_with(families, kind):
            own = {"color": PURPLE} if (kind, name) == ("transfer", averages.NATURAL_MAN_MADE) else {}
            style = STYLES[kind] | own
            styles[kind, name] = style | {"linestyle": _DASHES[used[style["color"]] % len(_DASHES)]}
            used[style["color"]] += 1
    return styles


def _crossing(curve: pd.Series, level: float) -> tuple[float, float]:
    """Where a curve that starts at (0, 0) leaves the axes for good."""
    layers, values = [0, *curve.index], [0.0, *curve]
    inside = max(position for position, value in enumerate(values) if value >= level)
    (x, next_x), (y, next_y) = layers[inside : inside + 2], values[inside : inside + 2]
    return x + (next_x - x) * (level - y) / (next_y - y), level


def _describe(data: FigureData) -> str:
    shown = data.table[data.table["kind"].isin(["base", "selffer", "transfer", "random"])]
    return describe_means(shown, data.metric)


FIGURE = ReportFigure(
    name="figure3",
    title="Other splits and random filters",
    caption="Figure 3 of the paper: natural and man-made classes and random filters, where there are such networks, "
    "and all transfers relative to the base of their own task.",
    has_rows=_has_rows,
    draw=lambda data: {"figure3": draw_figure3(data.table, data.metric)},
    describe=_describe,
)
FIGURE_WITH_PUBLISHED = ReportFigure(
    name="figure3_published",
    title="Other splits and random filters, with the published curves",
    caption="The same figure, with the published scores (ImageNet, CaffeNet) of random filters and of the same kinds "
    "of transfer thin and pale behind it. They are best compared relative to their own bases.",
    has_rows=lambda data: data.published is not None and _has_rows(data),
    draw=lambda data: {"figure3_published": draw_figure3(data.table, data.metric, data.published)},
    describe=_describe,
    with_published=True,
)
