"""The report of a workdir, or of the published scores: tables, figures, and their copies in TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

from tf_transfer import analysis, effects, figures, findings, published, results, table1, transition
from tf_transfer.dashboard import write_dashboard
from tf_transfer.figures import paper
from tf_transfer.figures.filters import draw_filters

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report says, and where it lies.

    Attributes:
      table: One row a run.
      means: Accuracy in percent, by family of class splits; one row per kind of treatment, one column per n.
      boost: Table 1 of the paper, from these runs; empty if nothing was transferred and fine-tuned.
      warnings: What should keep a reader from trusting them.
      effects: What each layer is worth, with intervals, as from `effects.estimate_effects`.
      findings: What they say, in sentences.
      table_path: `results.csv`.
      figure_paths: The figures as PNG, by name: `figure2`, `figure3`, ...
      effects_path: `effects.csv`, if any.
      tensorboard_path: Directory of the TensorBoard logs, if any.
      beside_paper: Whether the paper's own Table 1 is to be shown with it.
    """

    table: pd.DataFrame
    means: dict[str, pd.DataFrame]
    boost: pd.DataFrame
    warnings: tuple[str, ...]
    effects: pd.DataFrame
    findings: tuple[str, ...]
    table_path: pathlib.Path
    figure_paths: dict[str, pathlib.Path]
    effects_path: pathlib.Path | None = None
    tensorboard_path: pathlib.Path | None = None
    beside_paper: bool = False


def write_report(workdir: str | os.PathLike, metric: str, compare: bool = False) -> Report:
    """Writes table and figures of all finished runs in a workdir, and shows the figures in TensorBoard.

    Args:
      workdir: The experiment's directory.
      metric: `top1_last` or `top1_mean_best10`.
      compare: Also draw Figure 2 with the paper's published curves behind one's own.

    Raises:
      FileNotFoundError: No run is finished.
      ValueError: There is no Figure 2 to compare in.
    """
    directory = pathlib.Path(workdir)
    names = results.finished_runs(directory)
    if not names:
        raise FileNotFoundError(f"no run is finished in {str(workdir)!r}; train some with bin/sweep.py")
    table = results.table(results.read_result(directory, name) for name in names)
    theirs = published.read_table() if compare else None
    evidence = (effects.read_correct(directory, table), effects.read_image_ids(directory, table))
    report = _report(table, metric, directory / "figures", results.write_table(directory, table), theirs, evidence)
    pictures = report.figure_paths | _draw_filters(directory, table)
    write_dashboard(directory / "tensorboard", table, pictures)
    return dataclasses.replace(
        report,
        effects_path=effects.write_effects(directory, report.effects),
        tensorboard_path=directory / "tensorboard",
        beside_paper=compare,
    )


def write_published(out: str | os.PathLike) -> Report:
    """Draws the paper's figures from the scores that its authors published.

    Args:
      out: Directory for the figures.

    Raises:
      PermissionError: The directory cannot be written to.
    """
    try:
        pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(f"cannot write to {str(out)!r} ({error.strerror}); choose another --out") from error
    report = _report(published.read_table(), published.METRIC, pathlib.Path(out), published.PATH)
    return dataclasses.replace(report, beside_paper=True)


def _report(
    table: pd.DataFrame,
    metric: str,
    figures_directory: pathlib.Path,
    table_path: pathlib.Path,
    theirs: pd.DataFrame | None = None,
    evidence: tuple = (),
) -> Report:
    warnings = analysis.warnings(table, metric)
    # What the authors published is drawn as they published it; cautions about it are printed only.
    drawn = paper.draw_all(table, metric, () if table_path == published.PATH else warnings, theirs)
    paths = {name: figures_directory / f"{name}.png" for name in drawn}
    for name, figure in drawn.items():
        figures.save(figure, paths[name])
    family = analysis.main_family(table)
    estimated = effects.estimate_effects(family, metric, *evidence)
    return Report(
        table=table,
        means={name: analysis.treatment_means(rows, metric) for name, rows in analysis.families(table).items()},
        boost=table1.boost(table, metric),
        warnings=tuple(warnings),
        effects=estimated,
        findings=tuple(findings.describe(estimated, transition.find_transition(family, metric, *evidence))),
        table_path=table_path,
        figure_paths=paths,
    )


def _draw_filters(directory: pathlib.Path, table: pd.DataFrame) -> dict[str, pathlib.Path]:
    paths = {}
    for name in table.loc[table["kind"] == "base", "run"]:
        kernel = results.read_weights(directory, name)["layer1/0"]
        if kernel.ndim == 4:
            paths[f"filters/{name}"] = directory / "figures" / f"filters_{name}.png"
            figures.save(draw_filters(kernel), paths[f"filters/{name}"])
    return paths
