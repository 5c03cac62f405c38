"""The report of a workdir, or of the published scores: tables, figures, one HTML page, and copies in TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tf_transfer.analysis import published, result_table
from tf_transfer.analysis.summary import Summary, summarise
from tf_transfer.experiment.plan import Cohort
from tf_transfer.report import page, pages
from tf_transfer.report.dashboard import write_dashboard
from tf_transfer.report.figures import effects as effect_figures
from tf_transfer.report.figures import learning_curves, paper, plotting
from tf_transfer.report.figures.filters import draw_filters
from tf_transfer.results import result_files
from tf_transfer.results.contents import Contents, read_contents
from tf_transfer.results.result import FINISHED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tf_transfer.results.result import Result

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
      beside_paper: Whether the paper's own Table 1 is to be shown with it.
    """

    table_path: pathlib.Path
    figure_paths: dict[str, pathlib.Path]
    page_path: pathlib.Path
    missing: tuple[Cohort, ...] = ()
    effects_path: pathlib.Path | None = None
    tensorboard_path: pathlib.Path | None = None
    beside_paper: bool = False


def write_report(workdir: str | os.PathLike, metric: str, compare: bool = False) -> Report:
    """Writes table, figures and page of all finished runs in a workdir, and shows the figures in TensorBoard.

    Args:
      workdir: The experiment's directory.
      metric: `top1_last` or `top1_mean_best10`.
      compare: Also draw the paper's figures with its published curves behind one's own.

    Raises:
      FileNotFoundError: No run is finished.
      ValueError: There is no figure to compare in, or a result is damaged.
    """
    contents = read_contents(workdir)
    directory, table = contents.directory, contents.table
    judgement = summarise(table, metric, contents.images)
    paths = _save(_draw(judgement, contents, compare), directory / "figures")
    filters = _draw_filters(directory, table)
    shown = paths | {f"filters/{base}": path for base, path in filters.items()}
    write_dashboard(directory / "tensorboard", table, shown)
    page.write(directory / _PAGE, pages.workdir_page(judgement, contents, paths, filters, compare))
    return Report(
        **vars(judgement),
        table_path=result_files.write_table(directory, table),
        figure_paths=paths,
        page_path=directory / _PAGE,
        missing=contents.missing,
        effects_path=result_files.write_effects(directory, judgement.effects),
        tensorboard_path=directory / "tensorboard",
        beside_paper=compare,
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
    judgement = summarise(published.read_table(), published.METRIC)
    # What the authors published is drawn as they published it; cautions about it are not drawn.
    drawn = paper.draw_all(judgement.table, judgement.metric) | _draw_effects(judgement.effects)
    paths = _save(drawn, directory)
    page.write(directory / _PAGE, pages.published_page(judgement, paths))
    return Report(
        **vars(judgement),
        table_path=published.PATH,
        figure_paths=paths,
        page_path=directory / _PAGE,
        beside_paper=True,
    )


def _draw(judgement: Summary, contents: Contents, compare: bool) -> dict[str, Figure]:
    theirs = published.read_table() if compare else None
    drawn = paper.draw_all(judgement.table, judgement.metric, judgement.warnings, theirs)
    drawn |= _draw_effects(judgement.effects)
    compared = _main(contents)
    if learning_curves.has_rows(compared):
        drawn["learning_curves"] = learning_curves.draw_learning_curves(compared)
    return drawn


def _draw_effects(estimated: pd.DataFrame) -> dict[str, Figure]:
    if not effect_figures.has_rows(estimated):
        return {}
    return {"effects": effect_figures.draw_stacked(estimated), "each_effect": effect_figures.draw_each(estimated)}


def _main(contents: Contents) -> list[Result]:
    """The results that Figure 2 is about, with the bases that they copy from."""
    family = result_table.main_family(contents.table)
    groups = set(zip(family["split"], family["images_per_class"], strict=True))
    return [
        outcome
        for outcome in contents.outcomes
        if outcome.status == FINISHED and (outcome.split, outcome.images_per_class) in groups
    ]


def _save(drawn: Mapping[str, Figure], directory: pathlib.Path) -> dict[str, pathlib.Path]:
    paths = {name: directory / f"{name}.png" for name in drawn}
    for name, figure in drawn.items():
        plotting.save(figure, paths[name])
    return paths


def _draw_filters(directory: pathlib.Path, table: pd.DataFrame) -> dict[str, pathlib.Path]:
    """Draws the first-layer filters of each base; their files by its name."""
    paths = {}
    for name in table.loc[table["kind"] == "base", "run"]:
        kernel = result_files.read_weights(directory, name)["layer1/0"]
        if kernel.ndim == 4:
            paths[name] = directory / "figures" / f"filters_{name}.png"
            plotting.save(draw_filters(kernel), paths[name])
    return paths
