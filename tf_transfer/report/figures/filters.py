"""The first-layer filters of a network as small colour pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tf_transfer.report.figures.report_figure import ReportFigure


def draw_filters(kernel: np.ndarray) -> Figure:
    """Draws first-layer filters as small colour pictures.

    Args:
      kernel: float [height, width, 3, filters].

    Returns:
      A figure of a square grid; each filter is stretched to the full range of colours.
    """
    filters = np.moveaxis(kernel.astype(np.float64), -1, 0)
    low, high = (getattr(filters, bound)(axis=(1, 2, 3), keepdims=True) for bound in ("min", "max"))
    filters = (filters - low) / np.maximum(high - low, 1e-12)
    columns = int(np.ceil(np.sqrt(len(filters))))
    rows = -(-len(filters) // columns)
    figure = Figure(figsize=(0.6 * columns, 0.6 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, picture in zip(figure.axes, filters, strict=False):
        axes.imshow(picture, interpolation="nearest")
    return figure


FIGURE = ReportFigure(
    name="filters",
    title="First-layer filters of the bases",
    caption="Each filter is stretched to the full range of colours.",
    has_rows=lambda data: bool(data.kernels),
    draw=lambda data: {f"filters/{base}": draw_filters(kernel) for base, kernel in data.kernels.items()},
    describe=lambda data: f"Filters of {', '.join(data.kernels)}.",
    is_series=True,
)
