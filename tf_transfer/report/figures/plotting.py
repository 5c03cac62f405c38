"""What the figures share: colours and markers of the treatments, the look of the axes, names at the ends of lines."""

from __future__ import annotations

import dataclasses
import pathlib
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_transfer.analysis import diagnostics
from tf_transfer.experiment import treatments
from tf_transfer.experiment.config import ACCURACY_NAMES
from tf_transfer.files.atomic import replace_file
from tf_transfer.results.result import AT_CHANCE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Style = dict[str, Any]  # keyword arguments of matplotlib's `plot`, among them `color`

# Okabe and Ito's colours, which colour-blind readers can tell apart; frozen is dark and round or square, fine-tuned
# light, and every kind has a marker of its own.
STYLES: dict[str, Style] = {
    "base": {"color": "#000000", "marker": "o", "markerfacecolor": "white"},
    "selffer": {"color": "#0072B2", "marker": "o"},
    "selffer+": {"color": "#56B4E9", "marker": "P"},
    "transfer": {"color": "#D55E00", "marker": "D"},
    "transfer+": {"color": "#E69F00", "marker": "X"},
    "random": {"color": "#009E73", "marker": "s"},
}
_MEANINGS = {
    "base": "trained from scratch",
    "selffer": "frozen, same task",
    "selffer+": "fine-tuned, same task",
    "transfer": "frozen, other task",
    "transfer+": "fine-tuned, other task",
    "random": "frozen, random",
}
PURPLE = "#CC79A7"  # the one of Okabe and Ito's colours that no treatment has
RED = "#aa0000"  # of what should not be trusted
RING: Style = {"linestyle": "", "color": RED, "marker": "o", "markersize": 15, "markerfacecolor": "none"}
_LONGEST_NAME = 22  # characters
X_LABEL = "Layer n at which the network is cut and retrained"


@dataclasses.dataclass(frozen=True)
class LineEnd:
    """The name of a line, to be written where it ends.

    Attributes:
      x: Where the line ends, in the units of the axes.
      y: Where the line ends, in the units of the axes.
      text: Its name.
      color: The colour of both.
    """

    x: float
    y: float
    text: str
    color: str


def accuracy_label(metric: str) -> str:
    """What an axis of accuracies in percent is called: `Top-1 accuracy (%)`."""
    return f"{ACCURACY_NAMES[metric].capitalize()} (%)"


def kind_label(kind: str) -> str:
    """What a kind is called in a legend: `AnB: frozen, other task`."""
    return f"{treatments.pattern(kind)}: {_MEANINGS[kind]}"


def shorten(name: str) -> str:
    """A name that somebody else gave, cut in its middle to what fits beside axes."""
    if len(name) <= _LONGEST_NAME:
        return name
    end = _LONGEST_NAME // 3  # names of one kind often differ there
    return f"{name[: _LONGEST_NAME - end - 1]}\N{HORIZONTAL ELLIPSIS}{name[-end:]}"


def format_axes(axes: Axes, x_label: str = "", y_label: str = "") -> None:
    """Gives axes their labels, a faint grid and no frame."""
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_base_level(axes: Axes, level: float) -> None:
    """Draws the base at n = 0 and a dotted line from there, which all else is read against."""
    axes.axhline(level, color="#000000", linewidth=0.8, linestyle=":")
    axes.plot([0], [level], markersize=7, linestyle="", **STYLES["base"])


def base_level(means: pd.DataFrame) -> float | None:
    """The base's mean, of those that `averages.treatment_means` gives; None if there is none."""
    return means[0]["base"] if "base" in means.index else None


def mean_curve(means: pd.DataFrame, kind: str) -> pd.Series:
    """The means of a kind by n, of those that `averages.treatment_means` gives, without gaps."""
    return means.T[kind].dropna()


def draw_line(
    axes: Axes, curve: pd.Series, name: str, style: Style, base: float | None = None, base_zorder: float = 2
) -> LineEnd:
    """Draws values over n as a line with markers, and a thin line from the base at n = 0 to its beginning.

    Args:
      axes: Where to draw.
      curve: Values by n.
      name: What the line is called.
      style: How it looks.
      base: The base's value; without it there is no thin line.
      base_zorder: Of the thin line; below 2 it runs under the base's marker.

    Returns:
      The line's name, for `label_line_ends`.
    """
    axes.plot(curve.index, curve, linewidth=1.8, markersize=6, **style)
    if base is not None:
        start = [0, curve.index[0]], [base, curve.iloc[0]]
        axes.plot(*start, color=style["color"], linewidth=0.8, zorder=base_zorder)
    return LineEnd(curve.index[-1], curve.iloc[-1], name, style["color"])


def draw_line_from_base(axes: Axes, curve: pd.Series, name: str, style: Style, base: float = 0) -> LineEnd:
    """Draws values over n as one line that starts at the base, at n = 0, without a marker there.

    Args:
      axes: Where to draw.
      curve: Values by n.
      name: What the line is called.
      style: How it looks.
      base: The base's value; 0 where values are relative to it.

    Returns:
      The line's name, for `label_line_ends`.
    """
    x, y = [0, *curve.index], [base, *curve]
    look: Style = {"linewidth": 1.8, "markersize": 6, "markevery": slice(1, None)} | style
    axes.plot(x, y, **look)
    return LineEnd(x[-1], y[-1], name, style["color"])


def flag_failures(
    axes: Axes,
    drawn: pd.DataFrame,
    diverged: pd.DataFrame,
    metric: str,
    position: Callable[[pd.DataFrame], pd.Series] = lambda rows: rows["n"],
) -> None:
    """Rings networks at chance, and crosses the foot of the axes where some diverged.

    Published scores, which have no column `caution`, are drawn as they were published.

    Args:
      axes: Where to draw.
      drawn: Finished networks, as in `results.csv`.
      diverged: Those that diverged: they have no accuracy to be drawn at.
      metric: The column that is drawn, in [0, 1].
      position: Where rows are drawn, in units of the x axis.
    """
    if "caution" not in drawn:
        return
    stuck = diagnostics.at_chance(drawn, metric)
    if len(stuck):
        axes.plot(position(stuck), 100 * stuck[metric], label=AT_CHANCE, **RING)
    if len(diverged):
        foot: Style = {"marker": "x", "markersize": 9, "markeredgewidth": 2, "transform": axes.get_xaxis_transform()}
        axes.plot(position(diverged), [0.04] * len(diverged), label="diverged", linestyle="", color=RED, **foot)


def add_flag_legend(axes: Axes) -> None:
    """Adds a legend to axes in which only what `flag_failures` drew has a label, if it drew anything."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=9)  # with a frame, so that its ring and cross are not taken for points


def label_line_ends(axes: Axes, ends: Iterable[LineEnd], fontsize: float = 10) -> None:
    """Writes names right of the axes, apart from each other and as close to their lines as that allows.

    Call it when all else is drawn: the names keep the distance of one line of text at the axes' present scale.
    """
    from scipy.optimize import isotonic_regression

    ends = sorted(ends, key=lambda end: end.y)
    if not ends:
        return
    low, high = axes.get_ylim()
    points = axes.get_window_extent().height / axes.figure.dpi * 72
    steps = 1.4 * fontsize / points * (high - low) * np.arange(len(ends))
    heights = isotonic_regression([end.y for end in ends] - steps).x + steps
    for end, height in zip(ends, heights, strict=True):
        axes.annotate(
            end.text,
            (end.x, end.y),
            (1.01, height),
            textcoords=axes.get_yaxis_transform(),  # x in widths of the axes: no grid line crosses the names
            color="#000000",  # light colours would be hard to read as text; the line that leads there has its colour
            va="center",
            fontsize=fontsize,
            arrowprops={
                "arrowstyle": "-",
                "color": end.color,
                "linewidth": 0.9,
                "relpos": (0, 0.5),
                "shrinkA": 1,
                "shrinkB": 4,
            },
        )


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a figure as PNG and, next to it, as SVG, in which text stays text, in the reader's own font."""
    import matplotlib

    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Names of classes may be in any script. The page, whose text is the browser's, shows them all.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        with replace_file(path) as temporary:
            figure.savefig(temporary, dpi=144, format="png")
        figure.set_layout_engine("none")  # what was laid out once is not to be laid out again for each format
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):  # the same ids each time
            with replace_file(path.with_suffix(".svg")) as temporary:
                figure.savefig(temporary, format="svg", metadata={"Date": None})
