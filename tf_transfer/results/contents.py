"""What stands in a workdir: its experiment, the results of its finished runs, and what is missing."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import Cohort, make_plan
from tf_transfer.results import result_files, workdir
from tf_transfer.results.result import Result
from tf_transfer.sweep.pending import lacking_cohorts

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Contents:
    """What stands in a workdir.

    Attributes:
      directory: The workdir.
      experiment: What it belongs to.
      outcomes: The results of all finished runs.
      table: The same as a table, as in `results.csv`.
      missing: The planned cohorts that are not done, with the runs that they lack; or why they are not known.
    """

    directory: pathlib.Path
    experiment: Experiment
    outcomes: tuple[Result, ...]
    table: pd.DataFrame
    missing: tuple[Cohort, ...] | str


def read_contents(directory: str | os.PathLike) -> Contents:
    """Reads what stands in a workdir.

    Raises:
      FileNotFoundError: No run is finished, or it is no workdir.
      DamagedError: A result cannot be read.
    """
    names = result_files.finished_runs(directory)
    if not names:
        raise FileNotFoundError(f"no run is finished in {str(directory)!r}; train some with bin/sweep.py")
    experiment = workdir.read_experiment(directory)
    outcomes = tuple(result_files.read_result(directory, name) for name in names)
    table = result_files.table(outcomes)
    return Contents(pathlib.Path(directory), experiment, outcomes, table, _missing(experiment, directory))


def _missing(experiment: Experiment, directory: str | os.PathLike) -> tuple[Cohort, ...] | str:
    try:
        return tuple(lacking_cohorts(make_plan(experiment), directory))
    except (FileNotFoundError, ValueError) as error:  # no store, or one that the experiment no longer fits
        return str(error)
