"""The report of a workdir, or of the published scores: tables, figures, one HTML page, and copies in TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

from tf_transfer.analysis import published
from tf_transfer.analysis.summary import Summary, summarise
from tf_transfer.experiment.plan import Cohort
from tf_transfer.report import page
from tf_transfer.report.dashboard import write_dashboard
from tf_transfer.report.figures import FIGURES, plotting
from tf_transfer.report.figures.report_figure import FigureData, ReportFigure, SavedFigure
from tf_transfer.results import result_files
from tf_transfer.results.contents import read_contents

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_PAGE = "report.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report(Summary):
    """What results say, and where it was written to.

    Attributes:
      table_path: `results.csv`.
      figure_paths: The figures as PNG, by name: `figure2`, `figure3`, ...
      page_path: `report.html`.
      missing: The planned cohorts that are not done, with the runs that they lack, as far as that is known.
      effects_path: `effects.csv`, if any.
      tensorboard_path: Directory of the TensorBoard logs, if any.
      with_published: Whether the paper's own Table 1 is to be printed with it.
    """

    table_path: pathlib.Path
    figure_paths: dict[str, pathlib.Path]
    page_path: pathlib.Path
    missing: tuple[Cohort, ...] = ()
    effects_path: pathlib.Path | None = None
    tensorboard_path: pathlib.Path | None = None
    with_published: bool = False


def write_report(workdir: str | os.PathLike, metric: str, compare: bool = False) -> Report:
    """Writes tables, figures and page of all finished runs in a workdir, and shows the figures in TensorBoard.

    Args:
      workdir: The experiment's directory.
      metric: `top1_last`, `top1_mean_best10` or `per_class_last`.
      compare: Also draw the figures with the paper's published curves behind one's own.

    Raises:
      FileNotFoundError: No run is finished.
      ValueError: No figure can be compared with the published ones, or a result is damaged.
    """
    contents = read_contents(workdir)
    directory, table = contents.directory, contents.table
    summary = summarise(table, metric, contents.images)
    data = FigureData(
        table=table,
        metric=metric,
        effects=summary.effects,
        warnings=summary.warnings,
        results=contents.outcomes,
        kernels=_read_first_kernels(directory, table),
        published=published.read_table() if compare else None,
    )
    saved = _save(_select_figures(data), data, directory / "figures")
    pictures = {name: path for figure in saved for name, path in figure.paths.items()}
    write_dashboard(directory / "tensorboard", table, pictures)
    page.write(directory / _PAGE, page.workdir_page(summary, contents, saved, compare))
    return Report(
        **vars(summary),
        table_path=result_files.write_table(directory, table),
        figure_paths=_paths_by_name(saved),
        page_path=directory / _PAGE,
        missing=contents.missing,
        effects_path=result_files.write_effects(directory, summary.effects),
        tensorboard_path=directory / "tensorboard",
        with_published=compare,
    )


def write_published(out: str | os.PathLike) -> Report:
    """Draws the paper's figures from the scores that its authors published, and writes them with a page.

    Args:
      out: Directory for the figures and the page.

    Raises:
      PermissionError: The directory cannot be written to.
    """
    directory = pathlib.Path(out)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(f"cannot write to {str(out)!r} ({error.strerror}); choose another --out") from error
    summary = summarise(published.read_table(), published.METRIC)
    # The figures show the published scores as they were published, without warnings about them.
    data = FigureData(table=summary.table, metric=summary.metric, effects=summary.effects)
    saved = _save(_select_figures(data), data, directory)
    page.write(directory / _PAGE, page.published_page(summary, saved))
    return Report(
        **vars(summary),
        table_path=published.PATH,
        figure_paths=_paths_by_name(saved),
        page_path=directory / _PAGE,
        with_published=True,
    )


def _select_figures(data: FigureData) -> list[ReportFigure]:
    selected = [figure for figure in FIGURES if figure.has_rows(data)]
    if data.published is not None and not any(figure.with_published for figure in selected):
        found = sorted(set(data.table["treatment"]))
        raise ValueError(
            "nothing to compare with the published figures: expected finished networks of BnB, BnB+, AnB, AnB+ or RnB, "
            f"or bases of several images_per_class, found {found}; train some with tf-transfer sweep"
        )
    return selected


def _save(figures: list[ReportFigure], data: FigureData, directory: pathlib.Path) -> list[SavedFigure]:
    saved = []
    for figure in figures:
        drawn = figure.draw(data)
        paths = {name: directory / f"{name.replace('/', '_')}.png" for name in drawn}
        for name, picture in drawn.items():
            plotting.save(picture, paths[name])
        saved.append(SavedFigure(figure, paths, figure.describe(data)))
    return saved


def _paths_by_name(saved: list[SavedFigure]) -> dict[str, pathlib.Path]:
    return {shown.figure.name: shown.paths[shown.figure.name] for shown in saved if not shown.figure.is_series}


def _read_first_kernels(directory: pathlib.Path, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The first-layer kernels of the bases that begin with a convolution, by the base's name."""
    bases = table.loc[table["kind"] == "base", "run"]
    kernels = {base: result_files.read_weights(directory, base)["layer1/0"] for base in bases}
    return {base: kernel for base, kernel in kernels.items() if kernel.ndim == 4}
