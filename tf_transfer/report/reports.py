"""The report of a workdir, or of the published scores: tables, figures, one HTML page, and copies in TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

from tf_transfer.analysis import published
from tf_transfer.analysis.summary import Summary, summarise
from tf_transfer.experiment.plan import Cohort
from tf_transfer.report import page, run_details
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


def write_report(workdir: str | os.PathLike, metric: str, compare: bool = False, run: str = "") -> Report:
    """Writes tables, figures and page of all finished runs in a workdir, and shows the figures in TensorBoard.

    Args:
      workdir: The experiment's directory.
      metric: `top1_last`, `top1_mean_best10` or `per_class_last`.
      compare: Also draw the figures with the paper's published curves behind one's own.
      run: The network whose predictions are shown image by image and class by class, by its run's name or, where only
        one run has it, its treatment's; by default the best network.

    Raises:
      FileNotFoundError: No run is finished.
      ValueError: There is no such run, no figure can be compared with the published ones, or a result is damaged.
    """
    contents = read_contents(workdir)
    directory, table = contents.directory, contents.table
    summary = summarise(table, metric, contents.images)
    shown_run = result_files.find_run(workdir, run) if run else run_details.choose_run(summary)
    details = run_details.read_run_details(contents, shown_run) if shown_run else None
    data = FigureData(
        table=table,
        metric=metric,
        effects=summary.effects,
        warnings=summary.warnings,
        results=contents.outcomes,
        kernels=_read_first_kernels(directory, table),
        published=published.read_table() if compare else None,
        details=details,
    )
    _remove_series(directory / "figures")
    saved = _save(_select_figures(data), data, directory / "figures")
    pictures = {
        f"{name} {figure.captions[name]}" if name in figure.captions else name: path
        for figure in saved
        for name, path in figure.paths.items()
    }
    write_dashboard(directory / "tensorboard", table, pictures)
    page.write(directory / _PAGE, page.workdir_page(summary, contents, saved, compare, details, run))
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


def _remove_series(directory: pathlib.Path) -> None:
    """Removes the pictures of series, of which there may be fewer this time."""
    for figure in FIGURES:
        if figure.is_series:
            for old in directory.glob(f"{figure.name}_*.*"):
                old.unlink()


def _save(figures: list[ReportFigure], data: FigureData, directory: pathlib.Path) -> list[SavedFigure]:
    saved = []
    for figure in figures:
        drawn = figure.draw(data)
        paths = {name: directory / f"{name.replace('/', '_')}.png" for name in drawn}
        for name, picture in drawn.items():
            plotting.save(picture, paths[name])
        captions = {} if figure.captions is None else figure.captions(data)
        saved.append(SavedFigure(figure, paths, figure.describe(data), captions))
    return saved


def _paths_by_name(saved: list[SavedFigure]) -> dict[str, pathlib.Path]:
    return {shown.figure.name: shown.paths[shown.figure.name] for shown in saved if not shown.figure.is_series}


def _read_first_kernels(directory: pathlib.Path, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """The first-layer kernels of the bases that begin with a convolution, by the base's name."""
    bases = table.loc[table["kind"] == "base", "run"]
    kernels = {base: result_files.read_weights(directory, base)["layer1/0"] for base in bases}
    return {base: kernel for base, kernel in kernels.items() if kernel.ndim == 4}
