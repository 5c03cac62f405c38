"""Accuracy class by class, of one network: what its mean over all images hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.transforms
from matplotlib.figure import Figure

from tf_transfer.analysis import mistakes
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure
from tf_transfer.report.run_details import RunDetails

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 30  # classes, which a reader can take in; the table has them all
_COLOR = plotting.STYLES["selffer"]["color"]


def draw_class_accuracies(details: RunDetails) -> Figure:
    """Draws the accuracy of each class with its 95 % interval, the lowest first, and the two ways to average them.

    Args:
      details: The network; of many classes, those of the lowest accuracy are drawn.

    Returns:
      A figure of one panel.
    """
    rows = _class_rows(details).head(_SHOWN)
    figure = Figure(figsize=(7.4, 1.3 + 0.27 * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    axes.hlines(places, rows["low"], rows["high"], color=_COLOR, linewidth=1.6, alpha=0.6)
    axes.plot(rows["accuracy"], places, linestyle="", marker="o", color=_COLOR)
    means = {
        "all images count the same": (details.predictions.top1(), ":"),
        "all classes count the same": (details.predictions.mean_per_class_accuracy(), "--"),
    }
    for label, (accuracy, dashes) in means.items():
        text = f"mean where {label}: {100 * accuracy:.1f} %"
        axes.axvline(100 * accuracy, color="#000000", linewidth=1, linestyle=dashes, label=text)
    plotting.format_axes(axes, "Accuracy of the class (%)")
    axes.set_yticks(places, [plotting.shorten(name) for name in rows["name"]], parse_math=False)
    axes.set_xlim(-2, 102)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    right_edge = matplotlib.transforms.blended_transform_factory(axes.transAxes, axes.transData)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        text = f"{row['right']} of {row['images']}"
        if details.train_images is not None:
            text += f"; {details.train_images[row['label']]} to train on"
        axes.text(1.01, place, text, transform=right_edge, va="center", fontsize=8.5)
    axes.legend(fontsize=9, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def _class_rows(details: RunDetails) -> pd.DataFrame:
    confusion = mistakes.confusion_matrix(details.predictions, len(details.class_names))
    return mistakes.class_accuracies(confusion, details.class_names)


def _describe(data: FigureData) -> str:
    assert data.details is not None
    rows = _class_rows(data.details).head(_SHOWN).to_dict("records")
    listed = ", ".join(f"{row['name']} {row['accuracy']:.1f} %" for row in rows)
    return f"{data.details.title}, classes of the lowest accuracy first: {listed}."


FIGURE = ReportFigure(
    name="class_accuracies",
    title="Accuracy class by class",
    caption="Accuracy on the test images, the lowest classes first, with Wilson's 95 % intervals. At the right, how "
    "many test images of the class it gets right, and how many it was trained on. The lines are the mean over all "
    "images (top-1 accuracy), which large classes decide, and the mean over classes.",
    has_rows=lambda data: data.details is not None,
    draw=lambda data: {} if data.details is None else {"class_accuracies": draw_class_accuracies(data.details)},
    describe=_describe,
    of_one_run=True,
)
