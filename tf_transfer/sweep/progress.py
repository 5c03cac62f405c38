"""What a worker reports of the cohort that it trains, as data: how far it is, and why it failed.

WORKDIR/logs/COHORT.json   beside the cohort's log, which is for people to read
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import time
from typing import Literal

from tf_transfer.experiment.plan import Cohort
from tf_transfer.files import atomic, safe_load

_FILE_SECONDS = 1.0  # between two reports
_LOG_SECONDS = 120.0  # between two lines in the log


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a cohort could not be trained.

    Attributes:
      kind: `memory` if there was not enough of it, else `error`.
      message: The error in a line.
    """

    kind: Literal["memory", "error"]
    message: str


@dataclasses.dataclass(frozen=True)
class CohortProgress:
    """How far a cohort is.

    Attributes:
      step: Training steps done.
      num_steps: Training steps in all; 0 while that is not known yet.
      failure: Why it ended without results, if it did.
    """

    step: int = 0
    num_steps: int = 0
    failure: Failure | None = None

    @property
    def share(self) -> float:
        """Share of the steps done, in [0, 1]."""
        return self.step / self.num_steps if self.num_steps else 0.0


def log_path(workdir: str | os.PathLike, cohort: Cohort) -> pathlib.Path:
    """The log of a cohort, to which every attempt to train it is appended."""
    return pathlib.Path(workdir) / "logs" / f"{cohort.name}.log"


def write_progress(workdir: str | os.PathLike, cohort: Cohort, progress: CohortProgress) -> None:
    """Writes how far a cohort is, replacing the last report.

    Raises:
      OSError: It could not be written.
    """
    with atomic.replace_file(_path(workdir, cohort)) as temporary:
        temporary.write_text(json.dumps(dataclasses.asdict(progress)))


def read_progress(workdir: str | os.PathLike, cohort: Cohort) -> CohortProgress:
    """Reads the last report; without one that can be read, nothing is done yet."""
    try:
        return safe_load.parse_json(safe_load.read_bytes(_path(workdir, cohort)), CohortProgress)
    except (OSError, ValueError):
        return CohortProgress()


def clear_progress(workdir: str | os.PathLike, cohort: Cohort) -> None:
    """Removes the report of an earlier attempt."""
    _path(workdir, cohort).unlink(missing_ok=True)


class ProgressReporter:
    """Reports how far a cohort is: to its file every second, and every two minutes in a line of its log.

    Args:
      workdir: The experiment's directory.
      cohort: The cohort that this process trains.
      num_steps: Its training steps in all.
    """

    def __init__(self, workdir: str | os.PathLike, cohort: Cohort, num_steps: int):
        self._workdir, self._cohort = workdir, cohort
        self._progress = CohortProgress(0, num_steps)
        self._next_report = 0.0
        self._next_line = time.monotonic() + _LOG_SECONDS

    def on_step(self, step: int) -> None:
        """Takes the number of steps done; to be called every second or so."""
        now = time.monotonic()
        self._progress = CohortProgress(step, self._progress.num_steps)
        if now >= self._next_report:
            self._next_report = now + _FILE_SECONDS
            write_progress(self._workdir, self._cohort, self._progress)
        if now >= self._next_line:
            self._next_line = now + _LOG_SECONDS
            print(f"step {step} of {self._progress.num_steps}", flush=True)

    def on_failure(self, failure: Failure) -> None:
        """Reports why the cohort could not be trained.

        Raises:
          OSError: It could not be written.
        """
        write_progress(self._workdir, self._cohort, dataclasses.replace(self._progress, failure=failure))


def _path(workdir: str | os.PathLike, cohort: Cohort) -> pathlib.Path:
    return log_path(workdir, cohort).with_suffix(".json")
