"""The test images that one network gets wrong and is surest of, as pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tf_transfer.report.figures.report_figure import FigureData, ReportFigure
from tf_transfer.report.run_details import Mistake

_SIDE = 256  # pixels that small images are magnified to, as far as whole pixels allow
_MAX_SIDE = 400
_DOTS_PER_INCH = 144  # at which figures are saved


def draw_image(image: np.ndarray) -> Figure:
    """Draws an image as it is; a small one magnified, each of its pixels a square.

    Args:
      image: uint8 [size, size, 3].

    Returns:
      A figure of the image alone.
    """
    size = len(image)
    side = min(size * max(1, _SIDE // size), _MAX_SIDE)
    figure = Figure(figsize=(side / _DOTS_PER_INCH,) * 2)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.imshow(image, interpolation="nearest" if side >= size else "antialiased")
    return figure


def _by_name(data: FigureData) -> dict[str, Mistake]:
    found = () if data.details is None else data.details.mistakes
    return {f"surest_mistakes/{number:02}": mistake for number, mistake in enumerate(found, start=1)}


def _captions(data: FigureData) -> dict[str, str]:
    assert data.details is not None
    names = data.details.class_names
    return {
        name: f"{names[mistake.label]}, taken for {names[mistake.predicted]} "
        f"({100 * mistake.confidence:.0f}\N{NO-BREAK SPACE}%): {mistake.name}"
        for name, mistake in _by_name(data).items()
    }


FIGURE = ReportFigure(
    name="surest_mistakes",
    title="The surest mistakes",
    caption="The test images that the network gets wrong with the highest confidence: their class, what they were "
    "taken for, the probability that the network gave to that, and their file. Among them are often labels that are "
    "wrong, and pictures of several classes.",
    has_rows=lambda data: bool(_by_name(data)),
    draw=lambda data: {name: draw_image(mistake.image) for name, mistake in _by_name(data).items()},
    describe=lambda data: f"{'; '.join(_captions(data).values())}.",
    captions=_captions,
    is_series=True,
    of_one_run=True,
)
