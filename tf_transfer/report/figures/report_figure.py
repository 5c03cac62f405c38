"""What a figure of the report is: its name, the words that stand with it, and how it is drawn."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tf_transfer.analysis import averages
from tf_transfer.experiment import treatments
from tf_transfer.experiment.config import ACCURACY_NAMES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from tf_transfer.report.run_details import RunDetails
    from tf_transfer.results.result import Result


@dataclasses.dataclass(frozen=True, kw_only=True)
class FigureData:
    """All that the figures of a report are drawn from.

    Attributes:
      table: Results as in `results.csv`.
      metric: The column of accuracies to draw, in [0, 1].
      effects: As from `effects.estimate_effects`.
      warnings: What should keep a reader from trusting the table, to be printed below Figure 2.
      results: The same results with their learning curves; none where only a table was published.
      kernels: By base, float [height, width, 3, filters]: the kernel of its first layer.
      published: The paper's own scores (`published.read_table`), if they are to be drawn behind one's own.
      details: One network looked at closely, if any.
    """

    table: pd.DataFrame
    metric: str
    effects: pd.DataFrame
    warnings: Sequence[str] = ()
    results: Sequence[Result] = ()
    kernels: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    published: pd.DataFrame | None = None
    details: RunDetails | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportFigure:
    """A figure of the report: on the page, in TensorBoard and as a file.

    Attributes:
      name: What its file is called, and its anchor on the page.
      title: Its heading.
      caption: How to read it.
      has_rows: Whether there is something for it to show.
      draw: Draws it. Most figures are one picture, which is called like the figure; one that is a series calls its
        pictures `NAME/MEMBER`.
      describe: Says in words what it shows, for those who cannot see it.
      with_published: Whether it shows the published scores behind one's own.
      is_series: Whether it is several small pictures of pixels side by side, rather than one of lines and text.
      captions: What stands below each picture of a series, by its name; without it, the name of the member.
      of_one_run: Whether it shows one network alone, the one looked at closely.
    """

    name: str
    title: str
    caption: str
    has_rows: Callable[[FigureData], bool]
    draw: Callable[[FigureData], Mapping[str, Figure]]
    describe: Callable[[FigureData], str]
    with_published: bool = False
    is_series: bool = False
    captions: Callable[[FigureData], Mapping[str, str]] | None = None
    of_one_run: bool = False


@dataclasses.dataclass(frozen=True)
class SavedFigure:
    """A figure that was drawn and saved.

    Attributes:
      figure: Which one.
      paths: Its pictures as PNG files by their names; an SVG file lies next to each.
      description: What it shows, in words.
      captions: What stands below each picture of a series, by its name.
    """

    figure: ReportFigure
    paths: Mapping[str, pathlib.Path]
    description: str
    captions: Mapping[str, str] = dataclasses.field(default_factory=dict)


def describe_means(table: pd.DataFrame, metric: str) -> str:
    """Says what accuracies a table has, by family of class splits: `AnB 50.4, 48.1 % at n = 1, 2`."""
    families = averages.families(table)
    found = []
    for name, rows in families.items():
        prefix = f"{name}, " if len(families) > 1 else ""
        found += [prefix + text for text in _describe_kinds(averages.treatment_means(rows, metric))]
    return f"{ACCURACY_NAMES[metric].capitalize()}: {'; '.join(found)}."


def _describe_kinds(means: pd.DataFrame) -> list[str]:
    found = []
    for kind, row in means.iterrows():
        row = row.dropna()
        layers = "" if kind == "base" else f" at n = {', '.join(str(n) for n in row.index)}"
        found.append(f"{treatments.pattern(str(kind))} {', '.join(f'{value:.1f}' for value in row)} %{layers}")
    return found
