"""A cohort that is being trained. Its log is its lock: whoever holds the log owns the cohort.

The lock goes with the process that trains and not with the sweep that started it. So a cohort that has lost its sweep,
and is about to save and end itself, keeps others away until it is gone; and several sweeps can share the work of one
workdir.
"""

from __future__ import annotations

import dataclasses
import fcntl
import pathlib
import re
import shutil
import signal

from tf_transfer.experiment.plan import Cohort
from tf_transfer.sweep.trainer_process import TrainerProcess

_PROGRESS = re.compile(rb"^(?:test|starts at step) (\d+)(?:/| of )(\d+)", re.MULTILINE)
_OUT_OF_MEMORY = ("ResourceExhaustedError", "MemoryError", "std::bad_alloc", "out of memory", "OOM when allocating")
_LEAST_FREE_BYTES = 1 << 20


def log_of(workdir: pathlib.Path, cohort: Cohort) -> pathlib.Path:
    """The log of a cohort, to which every attempt to train it is appended."""
    return workdir / "logs" / f"{cohort.name}.log"


def share_done(log: pathlib.Path) -> float:
    """Share of a cohort's training that is done by its log, in [0, 1]."""
    lines = _PROGRESS.findall(log.read_bytes()) if log.exists() else []
    return int(lines[-1][0]) / int(lines[-1][1]) if lines else 0.0


@dataclasses.dataclass(frozen=True)
class CohortProcess:
    """A cohort that is being trained by this sweep.

    Attributes:
      cohort: The cohort.
      log: Its log.
      trainer: The process that trains it.
      log_start: Where this attempt starts in the log, in bytes.
    """

    cohort: Cohort
    log: pathlib.Path
    trainer: TrainerProcess
    log_start: int

    @classmethod
    def start(
        cls, workdir: pathlib.Path, cohort: Cohort, threads: int, idle: list[TrainerProcess]
    ) -> CohortProcess | None:
        """Has a cohort trained, in an idle process or in a new one with so many threads; None if others are at it."""
        log = log_of(workdir, cohort)
        with open(log, "ab") as output:
            try:
                fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            start = output.tell()
            # The trainer has the same open file as its output, and so the lock, until it is done with the cohort.
            trainer = idle.pop() if idle else TrainerProcess.start(workdir, threads, output)
            trainer.train([run.name for run in cohort.runs], output)
        return cls(cohort, log, trainer, start)

    def failure(self) -> str:
        """Says in a sentence why the process ended without its results."""
        with open(self.log, "rb") as file:
            file.seek(self.log_start)
            text = file.read().decode(errors="replace").strip()
        if self.trainer.process.returncode == -signal.SIGKILL or any(sign in text for sign in _OUT_OF_MEMORY):
            return f"{self.cohort.name} was {self._out_of_memory()}"
        last = text.splitlines()[-1] if text else f"no output, exit status {self.trainer.process.returncode}"
        if shutil.disk_usage(self.log.parent).free < _LEAST_FREE_BYTES:
            last = f"the disk of {self.log.parent} is full"
        return f"{self.cohort.name} failed ({last})"

    def _out_of_memory(self) -> str:
        count = len(self.cohort.runs)
        field = "fine_tuned_cohort_size" if self.cohort.runs[0].treatment.fine_tuned else "cohort_size"
        lower = [f"--config.{field} ({count} networks train here at once)"] if count > 1 else []
        lower += ["--config.processes", "or, in another workdir, --config.recipe.batch_size"]
        killed = self.trainer.process.returncode == -signal.SIGKILL
        what = "killed, most likely for want of memory" if killed else "out of memory"
        return f"{what}: lower {', '.join(lower)}"
