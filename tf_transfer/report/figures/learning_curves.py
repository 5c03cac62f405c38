"""Learning curves: accuracy over the steps of training, a panel for each treatment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tf_transfer.analysis import averages
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.plotting import PURPLE, STYLES, LineEnd
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure, describe_means
from tf_transfer.results.result import FINISHED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tf_transfer.results.result import Result

_HISTORIES = {
    "top1_last": "top1_history",
    "top1_mean_best10": "top1_history",
    "per_class_last": "per_class_history",
}
_RANGE = (0.3, 0.78)  # of viridis, whose ends would be lost on a dark or a light page


def draw_learning_curves(outcomes: Sequence[Result], metric: str = "top1_last") -> Figure:
    """Draws test accuracy over steps, averaged over splits and seeds, and for bases the training accuracy too.

    Args:
      outcomes: Results of networks that were trained alike, so many tests each.
      metric: The accuracy to draw.

    Returns:
      A figure of a panel for bases and one for each treatment, on one scale.
    """
    kinds = [kind for kind in STYLES if any(_kind(outcome) == kind for outcome in outcomes)]
    rows = -(-len(kinds) // 2)
    figure = Figure(figsize=(7.4, 2.3 * rows + 0.5), layout="constrained")
    panels = list(figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False).flat)
    drawn = []
    for axes, kind in zip(panels, kinds, strict=False):
        members = [outcome for outcome in outcomes if _kind(outcome) == kind]
        drawn.append((_draw_bases if kind == "base" else _draw_treatment)(axes, members, _HISTORIES[metric]))
        axes.set_title("Bases: trained from scratch" if kind == "base" else plotting.kind_label(kind), fontsize=10)
        plotting.format_axes(axes, y_label="")
        axes.tick_params(labelbottom=True)  # also where no panel is below
        axes.xaxis.set_major_locator(MaxNLocator(5))
    for axes in panels[len(kinds) :]:
        axes.remove()
    for axes, ends in zip(panels, drawn, strict=False):  # once all have set their common scale
        plotting.label_line_ends(axes, ends, fontsize=8)
    figure.supxlabel("Training steps", fontsize=10)
    figure.supylabel(plotting.accuracy_label(metric), fontsize=10)
    return figure


def _kind(outcome: Result) -> str:
    return str(outcome.planned.treatment.kind)


def _draw_treatment(axes: Axes, outcomes: Sequence[Result], history: str) -> list[LineEnd]:
    layers = sorted({outcome.planned.treatment.n for outcome in outcomes})
    colors = matplotlib.colormaps["viridis"](np.linspace(*_RANGE, max(layers)))
    ends = []
    for n in layers:
        members = [outcome for outcome in outcomes if outcome.planned.treatment.n == n]
        color = matplotlib.colors.to_hex(colors[n - 1])
        ends += _draw_means(axes, members, history, f"n = {n}", {"color": color})
    return ends


def _draw_bases(axes: Axes, outcomes: Sequence[Result], test_history: str) -> list[LineEnd]:
    ends = []
    for target, color in (("B", STYLES["base"]["color"]), ("A", PURPLE)):
        members = [outcome for outcome in outcomes if outcome.planned.treatment.target == target]
        if members:
            for history, name, dashes in ((test_history, "test", "-"), ("train_top1_history", "training", "--")):
                style = {"color": color, "linestyle": dashes}
                ends += _draw_means(axes, members, history, f"base{target}, {name}", style)
    return ends


def _draw_means(axes: Axes, outcomes: Sequence[Result], history: str, name: str, style: dict) -> list[LineEnd]:
    """Draws the mean of all that were tested equally often; blocks may differ in that."""
    ends = []
    for count in sorted({len(outcome.test_steps) for outcome in outcomes}):
        alike = [outcome for outcome in outcomes if len(outcome.test_steps) == count]
        steps = np.mean([outcome.test_steps for outcome in alike], 0)
        mean = 100 * np.mean([np.array(getattr(outcome, history), float) for outcome in alike], 0)
        axes.plot(steps, mean, linewidth=1.2, **style)
        ends.append(LineEnd(steps[-1], mean[-1], name, style["color"]))
    return ends


def _shown(data: FigureData) -> list[Result]:
    """The results that Figure 2 is about, with the bases that they copy from."""
    family = averages.main_family(data.table)
    groups = set(zip(family["split"], family["images_per_class"], strict=True))
    return [
        result
        for result in data.results
        if result.status == FINISHED and (str(result.planned.split), result.planned.images_per_class) in groups
    ]


FIGURE = ReportFigure(
    name="learning_curves",
    title="Learning curves",
    caption="Accuracy at each evaluation, averaged over splits and seeds; for bases also top-1 accuracy on the batches "
    "that they were trained on, with dropout and augmentation. A curve that still rises at its end belongs to an "
    "unfinished network.",
    has_rows=lambda data: any(len(result.test_steps) > 1 for result in _shown(data)),
    draw=lambda data: {"learning_curves": draw_learning_curves(_shown(data), data.metric)},
    describe=lambda data: describe_means(averages.main_family(data.table), data.metric),
)
