"""Reduced volume (supplement of the paper): accuracy over the number of training images per class."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from tf_transfer.analysis import averages
from tf_transfer.analysis.published import METRIC
from tf_transfer.experiment.config import ACCURACY_NAMES
from tf_transfer.report.figures import plotting, published_curves
from tf_transfer.report.figures.plotting import STYLES, Style
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure
from tf_transfer.results.result import FINISHED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_STYLES: tuple[Style, ...] = (
    {"color": "#0072B2", "marker": "o"},
    {"color": "#D55E00", "marker": "D"},
    {"color": "#009E73", "marker": "s"},
)


def draw_reduced_volume(
    table: pd.DataFrame, metric: str = "top1_last", published: pd.DataFrame | None = None
) -> Figure:
    """Draws bases of every number of images per class as points, with a line through their means.

    Bases without a limit, of the same kind of class split, are a dotted line: how many images they saw is not in the
    published table.

    Args:
      table: Results as in `results.csv`; those of bases count.
      metric: The column to draw, in [0, 1].
      published: The paper's own scores (`published.read_table`), to be drawn thin and pale behind the lines.

    Returns:
      A figure of two panels, the number of images on a linear and on a logarithmic axis.
    """
    limited, bases = _families_with_limits(table), table[(table["kind"] == "base") & (table["images_per_class"] > 0)]
    bases = bases[averages.split_family(bases).isin(limited)]
    diverged = bases[bases["status"] != FINISHED]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    linear, logarithmic = figure.subplots(1, 2, sharey=True)
    for axes in (linear, logarithmic):
        for (family, rows), style in zip(limited.items(), itertools.cycle(_STYLES)):
            _draw_family(axes, rows, metric, style, f"{family}, " if len(limited) > 1 else "")
        plotting.flag_failures(axes, bases, diverged, metric, _volumes)
    if published is not None:
        reach = linear.get_xlim()
        for rows, axes in itertools.product(_families_with_limits(published).values(), (linear, logarithmic)):
            _draw_published(axes, rows)
        linear.set_xlim(reach)  # one's own volumes may be far smaller
    plotting.format_axes(linear, "Training images per class", plotting.accuracy_label(metric))
    plotting.format_axes(logarithmic, "Training images per class (logarithmic scale)")
    logarithmic.set_xscale("log")
    logarithmic.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    logarithmic.xaxis.set_major_formatter(ScalarFormatter())
    logarithmic.xaxis.set_minor_locator(NullLocator())
    figure.legend(*linear.get_legend_handles_labels(), ncols=2, frameon=False, loc="outside upper center")
    return figure


def _families_with_limits(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Bases by kind of class split, of those kinds that have at least two limits."""
    bases = table[(table["kind"] == "base") & (table["status"] == FINISHED)]
    by_family = bases.groupby(averages.split_family(bases))
    return {
        name: rows
        for name, rows in by_family
        if rows.loc[rows["images_per_class"] > 0, "images_per_class"].nunique() > 1
    }


def _draw_family(axes: Axes, bases: pd.DataFrame, metric: str, style: Style, name: str) -> None:
    rows, whole, means = _split_by_limit(bases, metric)
    axes.plot(means.index, means, color=style["color"], linewidth=1.8)
    label = f"{name}limited number of images ({_format_steps(rows)})"
    axes.plot(_volumes(rows), 100 * rows[metric], linestyle="", label=label, **style)
    if len(whole):
        level = 100 * whole[metric].mean()
        color = STYLES["base"]["color"] if not name else style["color"]
        label = f"{name}no limit: {level:.1f} % ({_format_steps(whole)})"
        axes.axhline(level, color=color, linewidth=0.8, linestyle=":", label=label)


def _draw_published(axes: Axes, bases: pd.DataFrame) -> None:
    rows, whole, means = _split_by_limit(bases, METRIC)
    style = published_curves.pale(STYLES["base"])
    axes.plot(
        means.index, means, label=f"limited number of images{published_curves.SUFFIX} ({_format_steps(rows)})", **style
    )
    level = 100 * whole[METRIC].mean()
    label = f"no limit{published_curves.SUFFIX}: {level:.1f} % ({_format_steps(whole)})"
    axes.axhline(level, label=label, **style | {"linestyle": ":"})


def _split_by_limit(bases: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Bases with and without a limit, and the means over the limits, in percent, by the images per class."""
    rows, whole = bases[bases["images_per_class"] > 0], bases[bases["images_per_class"] == 0]
    means = rows.assign(volume=_volumes(rows)).groupby("images_per_class")[["volume", metric]].mean()
    return rows, whole, 100 * means.set_index("volume")[metric]


def _volumes(bases: pd.DataFrame) -> pd.Series:
    """Training images per class: the limit or, where classes have fewer, the mean number of what they have."""
    if "num_train_images" not in bases:  # the published scores
        return bases["images_per_class"]
    return bases["num_train_images"] / bases["num_classes"]


def _format_steps(rows: pd.DataFrame) -> str:
    fewest, most = rows["steps"].min(), rows["steps"].max()
    return f"{fewest:,} steps" if fewest == most else f"{fewest:,} to {most:,} steps"


def _has_rows(data: FigureData) -> bool:
    return bool(_families_with_limits(data.table))


def _describe(data: FigureData) -> str:
    found = []
    for family, bases in _families_with_limits(data.table).items():
        means = _split_by_limit(bases, data.metric)[2]
        values, limits = (
            ", ".join(f"{value:.1f}" for value in means),
            ", ".join(f"{volume:g}" for volume in means.index),
        )
        found.append(f"{family} {values} % with {limits} training images per class")
    return f"{ACCURACY_NAMES[data.metric].capitalize()}: {'; '.join(found)}."


FIGURE = ReportFigure(
    name="reduced_volume",
    title="Fewer images",
    caption="Accuracy of networks trained from scratch on a limited number of images per class, on a linear and on a "
    "logarithmic axis (supplement of the paper). Where classes have fewer than the limit, their mean number counts.",
    has_rows=_has_rows,
    draw=lambda data: {"reduced_volume": draw_reduced_volume(data.table, data.metric)},
    describe=_describe,
)
FIGURE_WITH_PUBLISHED = ReportFigure(
    name="reduced_volume_published",
    title="Fewer images, with the published curve",
    caption="The same figure, with the scores that the paper's authors published, of all 1000 classes of ImageNet, "
    "thin and pale behind it. The linear axis ends with one's own numbers of images.",
    has_rows=lambda data: data.published is not None and _has_rows(data),
    draw=lambda data: {"reduced_volume_published": draw_reduced_volume(data.table, data.metric, data.published)},
    describe=_describe,
    with_published=True,
)
