"""The report of a workdir: the table of all runs, the figures, and their copies in TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

from tf_transfer import analysis, effects, figures, findings, results, transition
from tf_transfer.tensorboard_log import TensorBoardLog

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report says, and where it lies.

    Attributes:
      table: One row a run.
      means: Accuracy in percent, one row per kind of treatment, one column per n.
      warnings: What should keep a reader from trusting them.
      effects: What each layer is worth, with intervals, as from `effects.estimate_effects`.
      findings: What they say, in sentences.
      table_path: `results.csv`.
      effects_path: `effects.csv`.
      figure_path: The paper's Figure 2, as PNG.
      tensorboard_path: Directory of the TensorBoard logs.
    """

    table: pd.DataFrame
    means: pd.DataFrame
    warnings: tuple[str, ...]
    effects: pd.DataFrame
    findings: tuple[str, ...]
    table_path: pathlib.Path
    effects_path: pathlib.Path
    figure_path: pathlib.Path
    tensorboard_path: pathlib.Path


def write_report(workdir: str | os.PathLike, metric: str) -> Report:
    """Writes table and figures of all finished runs in a workdir, and shows the figures in TensorBoard.

    Args:
      workdir: The experiment's directory.
      metric: `top1_last` or `top1_mean_best10`.

    Raises:
      FileNotFoundError: No run is finished.
    """
    directory = pathlib.Path(workdir)
    names = results.finished_runs(directory)
    if not names:
        raise FileNotFoundError(f"no run is finished in {str(workdir)!r}; train some with bin/sweep.py")
    table = results.table(results.read_result(directory, name) for name in names)
    warnings = analysis.warnings(table, metric)
    pictures = {"figure2": directory / "figures" / "figure2.png"}
    figures.save(figures.draw_figure2(table, metric, warnings), pictures["figure2"])
    for name in table.loc[table["kind"] == "base", "run"]:
        kernel = results.read_weights(directory, name)["layer1/0"]
        if kernel.ndim == 4:
            pictures[f"filters/{name}"] = directory / "figures" / f"filters_{name}.png"
            figures.save(figures.draw_filters(kernel), pictures[f"filters/{name}"])
    log = TensorBoardLog(directory / "tensorboard" / "report")
    for tag, path in pictures.items():
        log.image(tag, path)
    log.close()
    estimated, sentences = _find(directory, table, metric)
    return Report(
        table=table,
        means=analysis.treatment_means(table, metric),
        warnings=tuple(warnings),
        effects=estimated,
        findings=sentences,
        table_path=results.write_table(directory, table),
        effects_path=effects.write_effects(directory, estimated),
        figure_path=pictures["figure2"],
        tensorboard_path=directory / "tensorboard",
    )


def _find(directory: pathlib.Path, table: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    evidence = (table, metric, effects.read_correct(directory, table), effects.read_image_ids(directory))
    estimated = effects.estimate_effects(*evidence)
    return estimated, tuple(findings.describe(estimated, transition.find_transition(*evidence)))
