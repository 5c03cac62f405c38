"""The confusion matrix of one network: which classes it takes for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from tf_transfer.analysis import mistakes
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure
from tf_transfer.report.run_details import RunDetails

_MAX_LABELLED = 20  # classes, with whose names and numbers the matrix is legible
_RIGHT, _WRONG = (to_rgb(plotting.STYLES[kind]["color"]) for kind in ("selffer", "transfer"))
_EMPTY = to_rgb("#fbfbfb")
# Of numbers on light and on dark cells. These keep their colours on a dark page, so that the text must, too.
_DARK_TEXT, _LIGHT_TEXT = "#010101", "#fefefe"
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue light (ITU-R BT.709)
_DARK_CELL = 0.18  # luminance below which light text is the more legible; either has a contrast of 4.5 there


def draw_confusion(details: RunDetails) -> Figure:
    """Draws the share of each class (row) that was taken for each class (column), what is right on the diagonal.

    Args:
      details: The network. Up to 20 classes are named, with the numbers of images in the cells; of more, the matrix is
        a picture.

    Returns:
      A figure of one panel.
    """
    confusion = mistakes.confusion_matrix(details.predictions, len(details.class_names))
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    labelled = len(confusion) <= _MAX_LABELLED
    side = 2.2 + 0.45 * len(confusion) if labelled else 6.5
    figure = Figure(figsize=(max(4.0, side), max(3.2, side - 0.4)), layout="constrained")
    axes = figure.subplots()
    colors = _cell_colors(shares)
    axes.imshow(colors, interpolation="nearest")
    axes.set_xlabel("Taken for")
    axes.set_ylabel("Class")
    if labelled:
        _label_cells(axes, confusion, colors, details.class_names)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _cell_colors(shares: np.ndarray) -> np.ndarray:
    """Blue where right, orange where wrong, by the root of the share; float [classes, classes, 3]."""
    strength = np.sqrt(shares)[:, :, None]
    full = np.where(np.eye(len(shares), dtype=bool)[:, :, None], _RIGHT, _WRONG)
    return (1 - strength) * _EMPTY + strength * full


def _label_cells(axes: Axes, confusion: np.ndarray, colors: np.ndarray, class_names: Sequence[str]) -> None:
    names = [plotting.shorten(name) for name in class_names]
    axes.set_xticks(range(len(names)), names, rotation=90, parse_math=False)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    for row, column in np.argwhere(confusion > 0):
        color = _LIGHT_TEXT if colors[row, column] ** 2.2 @ _LUMINANCE < _DARK_CELL else _DARK_TEXT
        number = str(confusion[row, column])
        axes.text(column, row, number, ha="center", va="center", fontsize=9, color=color, gid=f"cell-{row}-{column}")


def _describe(data: FigureData) -> str:
    assert data.details is not None
    names = data.details.class_names
    pairs = mistakes.confused_pairs(mistakes.confusion_matrix(data.details.predictions, len(names)), names, count=10)
    listed = [
        f"{row['name']} for {row['taken_for']} {row['times']} times ({row['share']:.1f} %)"
        for row in pairs.to_dict("records")
    ]
    return f"{data.details.title}. Most often taken: {', '.join(listed) or 'none for another'}."


FIGURE = ReportFigure(
    name="confusion",
    title="Which classes are taken for which",
    caption="Confusion matrix of the test images: each row is a class, each column what its images were taken for. "
    "Blue is right, orange is wrong; the darker, the larger the share of the class (by its square root, so that rare "
    "mistakes are seen). The numbers are images. More than 20 classes are not named; they stand in their usual order.",
    has_rows=lambda data: data.details is not None,
    draw=lambda data: {} if data.details is None else {"confusion": draw_confusion(data.details)},
    describe=_describe,
    of_one_run=True,
)
