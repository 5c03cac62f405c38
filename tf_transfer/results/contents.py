"""What stands in a workdir: its experiment, the results of its finished runs, and what is missing."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_transfer.data import image_store
from tf_transfer.experiment import class_splits
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import Cohort, Plan, make_cohort, make_plan
from tf_transfer.experiment.tasks import make_task
from tf_transfer.files import checksums
from tf_transfer.files.paths import local_path
from tf_transfer.results import result_files, workdir
from tf_transfer.results.result import Result

if TYPE_CHECKING:
    import pandas as pd

_SECOND_STORE = 10**9  # added to its image numbers; far above any number in the first store


@dataclasses.dataclass(frozen=True)
class ImageResults:
    """Which test images the networks got right, as far as that is recorded.

    Attributes:
      correct: By run, bool [test images], in the same order for all runs of one class split and target. Runs without a
        record are left out.
      image_ids: By (split, target), int [test images], from 0 on, the same number for the same image in all of them.
        Empty where that is not known; class splits are then taken to share no test images.
      labels: By (split, target), int [test images], the class of each, as far as that is recorded.
    """

    correct: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    image_ids: Mapping[tuple[str, str], np.ndarray] = dataclasses.field(default_factory=dict)
    labels: Mapping[tuple[str, str], np.ndarray] = dataclasses.field(default_factory=dict)


NOT_RECORDED = ImageResults()


@dataclasses.dataclass(frozen=True)
class Contents:
    """What stands in a workdir.

    Attributes:
      directory: The workdir.
      experiment: What it belongs to.
      outcomes: The results of all finished runs.
      table: The same as a table, as in `results.csv`.
      images: Which test images each of these runs got right.
      missing: The planned cohorts that are not done, each with only the runs that are missing; empty without a plan.
      plan_error: Why there is no plan (no image store, or one that no longer fits); empty if there is one.
    """

    directory: pathlib.Path
    experiment: Experiment
    outcomes: tuple[Result, ...]
    table: pd.DataFrame
    images: ImageResults = NOT_RECORDED
    missing: tuple[Cohort, ...] = ()
    plan_error: str = ""


def read_contents(directory: str | os.PathLike) -> Contents:
    """Reads what stands in a workdir.

    Raises:
      FileNotFoundError: No run is finished, or it is not a workdir.
      DamagedError: A result cannot be read.
    """
    directory = local_path(directory)
    names = result_files.finished_runs(directory)
    if not names:
        raise FileNotFoundError(f"no run is finished in {str(directory)!r}; train some with tf-transfer sweep")
    experiment = workdir.read_experiment(directory)
    outcomes = tuple(result_files.read_result(directory, name) for name in names)
    table = result_files.table(outcomes)
    try:
        missing, plan_error = missing_cohorts(make_plan(experiment), directory), ""
    except (FileNotFoundError, ValueError) as error:  # no store, or one that no longer fits the experiment
        missing, plan_error = (), str(error)
    return Contents(
        directory=pathlib.Path(directory),
        experiment=experiment,
        outcomes=outcomes,
        table=table,
        images=_read_image_results(directory, outcomes, _number_test_images(experiment, table)),
        missing=missing,
        plan_error=plan_error,
    )


def _read_image_results(
    directory: str | os.PathLike, outcomes: Sequence[Result], image_ids: Mapping[tuple[str, str], np.ndarray]
) -> ImageResults:
    """Reads what each network made of the test images.

    Raises:
      DamagedError: Predictions cannot be read, or two networks of one task were tested on different images.
    """
    correct: dict[str, np.ndarray] = {}
    labels: dict[tuple[str, str], np.ndarray] = {}
    for outcome in outcomes:
        predictions = result_files.read_predictions(directory, outcome.run)
        correct[outcome.run] = predictions.correct
        task = (str(outcome.planned.split), outcome.planned.treatment.target)
        if not np.array_equal(labels.setdefault(task, predictions.labels), predictions.labels):
            raise checksums.DamagedError(
                f"{outcome.run} was tested on other images than the other networks of {', '.join(task)}; remove "
                f"{result_files.run_directory(directory, outcome.run)} and train it again with tf-transfer sweep"
            )
    return ImageResults(correct, image_ids, labels)


def missing_cohorts(plan: Plan, directory: str | os.PathLike) -> tuple[Cohort, ...]:
    """The cohorts of the plan that are not done, each with only the runs that are missing."""
    left = [[run for run in cohort.runs if not result_files.is_done(directory, run.name)] for cohort in plan.cohorts]
    return tuple(make_cohort(runs) for runs in left if runs)


def _number_test_images(experiment: Experiment, table: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    numbers = {}
    try:
        for split, target in set(zip(table["split"], table["target"], strict=True)):
            task = make_task(experiment, class_splits.parse(split), target)
            indices = image_store.ImageStore(task.store).indices("test", task.classes)
            numbers[split, target] = indices + _SECOND_STORE * (task.store != experiment.store)
    except FileNotFoundError:  # the image store is gone
        return {}
    return numbers
