"""One network looked at closely: its predictions, the names of its classes, and the images that it gets wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_transfer.analysis import averages
from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment.class_splits import remap
from tf_transfer.experiment.settings import settings_hash
from tf_transfer.experiment.tasks import Task, make_task
from tf_transfer.results import result_files

if TYPE_CHECKING:
    from tf_transfer.analysis.summary import Summary
    from tf_transfer.results.contents import Contents
    from tf_transfer.results.predictions import Predictions
    from tf_transfer.results.result import Result

_MISTAKES = 12  # enough to see a pattern; a page of 12 photographs is a megabyte larger


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A test image that a network got wrong.

    Attributes:
      image: uint8 [size, size, 3].
      name: Its name in the image store: its file, or its number where that is not known.
      label: Its class.
      predicted: What it was taken for.
      confidence: The probability that the network gave to that, in [0, 1].
    """

    image: np.ndarray
    name: str
    label: int
    predicted: int
    confidence: float


@dataclasses.dataclass(frozen=True)
class RunDetails:
    """One network looked at closely.

    Attributes:
      result: Its outcome.
      predictions: What it made of each test image.
      class_names: Names of its classes; their numbers where the image store is not known.
      train_images: int [classes], how many images of each class it was trained on; None where that is not known.
      mistakes: The images that it got wrong, those first of which it was surest.
      unknown: Why names and pictures are missing; empty if they are not.
    """

    result: Result
    predictions: Predictions
    class_names: Sequence[str]
    train_images: np.ndarray | None
    mistakes: Sequence[Mistake]
    unknown: str = ""

    @property
    def title(self) -> str:
        """The network in words: `A2B+, random-0, seed 0`."""
        run = self.result.planned
        volume = f", {run.images_per_class} images per class" if run.images_per_class else ""
        return f"{run.treatment.name}, {run.split}, seed {run.seed}{volume}"


def choose_run(summary: Summary) -> str:
    """The run to look at closely where none is asked for: the best network.

    That is the transferred network that the findings call best, if it gains anything over training from scratch, and
    of its splits and seeds the one with the highest accuracy; otherwise the network with the highest accuracy.

    Args:
      summary: What the results say.

    Returns:
      Its name; empty if no network is finished.
    """
    rows = averages.main_family(summary.table)
    best = summary.findings.best
    if best is not None and best.gain > 0:
        kind = "transfer+" if best.fine_tuned else "transfer"
        rows = rows[(rows["kind"] == kind) & (rows["n"] == best.row["n"])]
    ordered = rows.sort_values(summary.metric, ascending=False, kind="stable")["run"]
    return "" if rows.empty else str(ordered.iloc[0])


def read_run_details(contents: Contents, name: str) -> RunDetails:
    """Reads what is shown of one network.

    Args:
      contents: What the workdir holds.
      name: The run's name.

    Raises:
      DamagedError: Its predictions cannot be read.
    """
    [result] = [outcome for outcome in contents.outcomes if outcome.run == name]
    predictions = result_files.read_predictions(contents.directory, name)
    try:
        store, task = _open_store(contents, result, predictions)
        train, mistakes = _count_train_images(store, task), _surest_mistakes(store, task, predictions)
    except (FileNotFoundError, ValueError) as error:  # no store, another one, or one that is damaged
        numbers = [f"class {label}" for label in range(result.num_classes)]
        return RunDetails(result, predictions, numbers, None, (), str(error))
    names = [store.meta.class_names[label] for label in task.classes]
    return RunDetails(result, predictions, names, train, mistakes)


def _open_store(contents: Contents, result: Result, predictions: Predictions) -> tuple[ImageStore, Task]:
    run = result.planned
    task = make_task(contents.experiment, run.split, run.treatment.target, run.images_per_class)
    store = ImageStore(task.store)
    labels = remap(store.labels("test")[store.indices("test", task.classes)], task.classes)
    if settings_hash(contents.experiment) != result.settings_hash or not np.array_equal(labels, predictions.labels):
        raise ValueError(f"the image store at {task.store} is not the one that {result.run} was tested on")
    return store, task


def _count_train_images(store: ImageStore, task: Task) -> np.ndarray:
    return np.array([store.meta.num_images("train", [label], task.images_per_class) for label in task.classes])


def _surest_mistakes(store: ImageStore, task: Task, predictions: Predictions) -> list[Mistake]:
    wrong = np.flatnonzero(~predictions.correct)
    surest = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:_MISTAKES]
    indices = store.indices("test", task.classes)[surest]
    names = store.names("test")
    return [
        Mistake(
            image=image,
            name=names[index],
            label=int(predictions.labels[position]),
            predicted=int(predictions.predicted[position]),
            confidence=float(predictions.confidence[position]),
        )
        for position, index, image in zip(surest, indices, store.images("test", indices), strict=True)
    ]
