"""The paper's published curves, thin and pale behind one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tf_transfer.analysis import averages
from tf_transfer.analysis.published import METRIC
from tf_transfer.report.figures import plotting
from tf_transfer.report.figures.plotting import STYLES, LineEnd, Style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SUFFIX = ", published"  # of the names of these curves


def pale(style: Style) -> Style:
    """How a published curve is drawn behind one's own of a style that names a colour, and perhaps dashes."""
    parts = (int(style["color"][start : start + 2], 16) for start in (1, 3, 5))
    color = "#" + "".join(f"{round(0.65 * part + 0.35 * 255):02x}" for part in parts)
    return {"color": color, "linestyle": style.get("linestyle", "-"), "linewidth": 1, "zorder": 1}


def draw_published_means(
    axes: Axes, rows: pd.DataFrame, names: Mapping[str, str], styles: Mapping[str, Style] = STYLES
) -> list[LineEnd]:
    """Draws the level of the base, and from there the means of other kinds over n.

    Args:
      axes: Where to draw, in percent.
      rows: Published scores that one may average, among them those of a base.
      names: What the base and the other kinds to be drawn are called, by kind.
      styles: Their styles, by kind.

    Returns:
      The names of those that were published, for `plotting.label_line_ends`.
    """
    means = averages.treatment_means(rows, METRIC)
    base, ends = means[0]["base"], []
    for kind in means.index.intersection(list(names)):
        curve, style = plotting.mean_curve(means, kind), styles[kind]
        if kind == "base":  # a level as far as the last layer
            curve, style = curve.set_axis([means.columns[-1]]), style | {"linestyle": ":"}
        ends.append(plotting.draw_line_from_base(axes, curve, names[kind] + SUFFIX, pale(style), base))
    return ends
