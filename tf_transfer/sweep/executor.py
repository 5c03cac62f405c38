"""Executors: who trains the cohorts of a sweep."""

from __future__ import annotations

import abc
import dataclasses

from tf_transfer.experiment.plan import Cohort


@dataclasses.dataclass(frozen=True)
class EndedCohort:
    """A cohort whose training has ended.

    Attributes:
      cohort: The cohort.
      failure: Why there are no results, in a sentence; empty if there are.
    """

    cohort: Cohort
    failure: str = ""


class Executor(abc.ABC):
    """Trains cohorts, several at a time. Results appear in the workdir and nowhere else, so any executor may die.

    A context manager: cohorts still in training at its end are asked to save and stop.
    """

    @property
    @abc.abstractmethod
    def has_room(self) -> bool:
        """Whether another cohort may be submitted now."""

    @abc.abstractmethod
    def submit(self, cohort: Cohort) -> bool:
        """Starts to train a cohort whose bases are done; False if another sweep is training it."""

    @abc.abstractmethod
    def finished(self) -> list[EndedCohort]:
        """The cohorts that have ended since this was called last."""

    @abc.abstractmethod
    def release_idle(self) -> None:
        """Frees what is needed only for further cohorts."""

    @abc.abstractmethod
    def close(self) -> None:
        """Ends all work; trainings under way are saved."""

    def __enter__(self) -> Executor:
        """Returns itself."""
        return self

    def __exit__(self, *_) -> None:
        """Closes it."""
        self.close()
