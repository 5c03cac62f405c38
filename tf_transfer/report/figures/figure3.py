"""Figure 3 of the paper: natural and man-made classes, random filters, and all transfers relative to their own base."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from tf_transfer.analysis import averages, diagnostics
from tf_transfer.analysis.published import METRIC
from tf_transfer.experiment import treatments
from tf_transfer.report.figures import behind, plotting
from tf_transfer.report.figures.plotting import PURPLE, STYLES, LineEnd
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure, describe_means

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_DASHES = ("-", "--", "-.", ":")
_LEAST_DEPTH = -10.0  # percentage points that the relative panel reaches down to, however good the transfers
_RELATIVE_LABEL = "Top-1 accuracy less that of its own base\n(percentage points)"


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
    natural, random = _natural(families), _of_kind(families, "random")
    theirs = {} if published is None else _such_as(families, averages.families(published))
    relative = {name: averages.relative_to_base(rows, metric) for name, rows in families.items()}
    relative |= {name + behind.SUFFIX: averages.relative_to_base(rows, METRIC) for name, rows in theirs.items()}
    styles = _styles(families)
    styles |= {(kind, name + behind.SUFFIX): behind.pale(style) for (kind, name), style in _styles(theirs).items()}
    top = ["natural"] * bool(len(natural)) + ["random"] * bool(random)
    below = ["relative"] * len(top) * any(map(len, relative.values()))
    figure = Figure(figsize=(10, 4.7 * bool(top) + 4.7 * bool(below)), layout="constrained")
    panels = figure.subplot_mosaic([row for row in (top, below) if row])
    if len(natural):
        _draw_natural(panels["natural"], natural, metric, theirs.get(averages.NATURAL_MAN_MADE))
        _flag(panels["natural"], natural, table, ("base", "selffer", "transfer"), metric)
    if random:
        _draw_random(panels["random"], random, metric, styles, _of_kind(theirs, "random"))
        _flag(panels["random"], averages.comparable(table), table, ("random",), metric)
    if below:
        _draw_relative(panels["relative"], relative, styles)
    last = max(rows["n"].max() for rows in (*families.values(), *theirs.values()))
    for axes in panels.values():
        axes.set_xticks(range(int(last) + 1))
        axes.title.set_fontsize(11)
        plotting.explain_flags(axes)
    return figure


def _has_rows(data: FigureData) -> bool:
    families = averages.families(data.table)
    return any(map(len, (_natural(families), _of_kind(families, "random"))))


def _natural(families: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = families.get(averages.NATURAL_MAN_MADE, next(iter(families.values())).iloc[:0])
    return rows if rows["kind"].isin(["selffer", "transfer"]).any() else rows.iloc[:0]


def _of_kind(families: dict[str, pd.DataFrame], kind: str) -> dict[str, pd.DataFrame]:
    return {name: rows for name, rows in families.items() if (rows["kind"] == kind).any()}


def _such_as(families: dict[str, pd.DataFrame], theirs: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Of published families, the bases and what may be laid behind one's own."""
    found = {}
    for name, rows in theirs.items():
        kinds = ["random"] if _of_kind(families, "random") else []
        kinds += ["transfer"] if name in _of_kind(families, "transfer") else []
        if rows["kind"].isin(kinds).any():
            found[name] = rows[rows["kind"].isin(["base", *kinds])]
    return found


def _draw_natural(axes: Axes, rows: pd.DataFrame, metric: str, theirs: pd.DataFrame | None) -> None:
    ends = []
    for target, of_target in rows.groupby("target"):
        means = averages.treatment_means(of_target, metric)
        other = "A" if target == "B" else "B"
        if "base" in means.index:
            level = means.loc["base", 0]
            plotting.draw_base_level(axes, level)
            ends.append(LineEnd(rows["n"].max(), level, f"base{target}", STYLES["base"]["color"]))
        for kind, source, color in (("selffer", target, STYLES["selffer"]["color"]), ("transfer", other, PURPLE)):
            if kind in means.index:
                style = STYLES[kind] | {"color": color}
                ends.append(_draw_from_base(axes, means, kind, f"{source}n{target}", style))
        if theirs is not None:
            names = {"base": f"base{target}", "transfer": f"{other}n{target}"}
            styles = STYLES | {"transfer": {"color": PURPLE}}
            ends += behind.draw_means(axes, theirs[theirs["target"] == target], names, styles)
    plotting.dress(axes, plotting.X_LABEL)
    axes.set_title("Natural (A) and man-made (B) classes")
    plotting.name_line_ends(axes, ends)


def _draw_random(
    axes: Axes, families: dict[str, pd.DataFrame], metric: str, styles: dict, theirs: dict[str, pd.DataFrame]
) -> None:
    ends = []
    for name, rows in families.items():
        means = averages.treatment_means(rows, metric)
        if "base" in means.index:
            plotting.draw_base_level(axes, means.loc["base", 0])
        ends.append(_draw_from_base(axes, means, "random", f"RnB, {name}", styles["random", name]))
    for name, rows in theirs.items():
        ends += behind.draw_means(axes, rows, {"base": "baseB", "random": f"RnB, {name}"})
    plotting.dress(axes, plotting.X_LABEL)
    axes.set_title("Random filters, frozen")
    plotting.name_line_ends(axes, ends)


def _flag(axes: Axes, rows: pd.DataFrame, table: pd.DataFrame, kinds: tuple[str, ...], metric: str) -> None:
    diverged = diagnostics.diverged_in_same_tasks(rows, table[table["kind"].isin(kinds)])
    plotting.flag_failures(axes, rows[rows["kind"].isin(kinds)], diverged, metric)


def _draw_from_base(axes: Axes, means: pd.DataFrame, kind: str, name: str, style: dict) -> LineEnd:
    row = means.loc[kind].dropna()
    axes.plot(row.index, row, linewidth=1.8, markersize=6, **style)
    if "base" in means.index:
        axes.plot([0, row.index[0]], [means.loc["base", 0], row.iloc[0]], color=style["color"], lw=0.8, zorder=1)
    return LineEnd(row.index[-1], row.iloc[-1], name, style["color"])


def _draw_relative(axes: Axes, families: dict[str, pd.DataFrame], styles: dict) -> None:
    """Draws means at the scale of the transfers, below which random filters may fall; it is said how far."""
    curves = {
        (kind, name): of_kind.groupby("n")["relative"].mean()
        for name, rows in families.items()
        for kind, of_kind in rows.groupby("kind")
    }
    axes.axhline(0, color="#000000", linewidth=0.8, linestyle=":")
    axes.plot([0], [0], markersize=7, linestyle="", **STYLES["base"])
    for key, curve in curves.items():
        style = {"linewidth": 1.8, "markersize": 6, "markevery": slice(1, None)} | styles[key]
        axes.plot([0, *curve.index], [0, *curve], **style)
    bottom = axes.get_ylim()[0]
    transfers = [curve.min() for (kind, _), curve in curves.items() if kind == "transfer"]
    if transfers:
        bottom = max(bottom, min(1.2 * min(transfers), _LEAST_DEPTH))
    axes.set_ylim(bottom=bottom)
    ends, fallen = [], {}
    for (kind, name), curve in curves.items():
        text, color = f"{treatments.pattern(kind)}, {name}", styles[kind, name]["color"]
        if curve.iloc[-1] >= bottom:
            ends.append(LineEnd(curve.index[-1], curve.iloc[-1], text, color))
        elif not name.endswith(behind.SUFFIX):  # how far published ones fall, their own panel shows
            depth = f"{text}: down to \N{MINUS SIGN}{-curve.min():.0f} at n = {curve.idxmin()}"
            fallen[depth] = _crossing(curve, bottom)
    for line, text in enumerate(fallen):  # right of all the curves that they are about
        at = (max(x for x, _ in fallen.values()), bottom)
        axes.annotate(text, at, (10, 4 + 14 * line), textcoords="offset points", fontsize=9)
    plotting.dress(axes, plotting.X_LABEL, _RELATIVE_LABEL)
    axes.set_title("Relative to the base of the same task")
    plotting.name_line_ends(axes, ends)


def _styles(families: dict[str, pd.DataFrame]) -> dict[tuple[str, str], dict]:
    """A style for transfers and random filters of each family; those of one colour differ in their dashes."""
    styles, used = {}, collections.Counter()
    for kind in ("transfer", "random"):
        for name in _of_kind(families, kind):
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
    "of transfer thin and pale behind it. Relative to its own base, each is best compared.",
    has_rows=lambda data: data.published is not None and _has_rows(data),
    draw=lambda data: {"figure3_published": draw_figure3(data.table, data.metric, data.published)},
    describe=_describe,
    with_published=True,
)
