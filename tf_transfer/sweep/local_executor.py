"""Cohorts in processes of this machine. Each trains one cohort after another, so that TensorFlow is imported once.

A cohort's log is its lock: the process that holds the log owns the cohort. The lock belongs to the process that trains,
not to the sweep that started it. So a cohort whose sweep has died keeps others away until it has saved and ended; and
several sweeps can share the work of one workdir.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from typing import IO

from tf_transfer.experiment.plan import Cohort
from tf_transfer.files import child_process
from tf_transfer.results import result_files
from tf_transfer.sweep import preemption
from tf_transfer.sweep.executor import EndedCohort, Executor
from tf_transfer.sweep.progress import Failure, clear_progress, log_path, read_progress

DONE = b"done"  # a worker's answer
_LEAST_FREE_BYTES = 1 << 20


class LocalExecutor(Executor):
    """Trains cohorts in processes of this machine.

    Args:
      workdir: The experiment's directory.
      num_processes: Cohorts that train at the same time.
      num_threads: Threads of each process.
    """

    def __init__(self, workdir: pathlib.Path, num_processes: int, num_threads: int):
        self._workdir, self._num_processes, self._num_threads = workdir, num_processes, num_threads
        self._busy: list[_Assignment] = []
        self._idle: list[_Worker] = []

    @property
    def has_room(self) -> bool:
        """Whether fewer cohorts train than may at the same time."""
        return len(self._busy) < self._num_processes

    def submit(self, cohort: Cohort) -> bool:
        """Has a cohort trained in an idle process or in a new one; False if another sweep's process holds its log."""
        with open(log_path(self._workdir, cohort), "ab") as log:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            clear_progress(self._workdir, cohort)
            log_start = log.tell()
            # The worker writes to the same open file, and so holds the lock until it is done with the cohort.
            worker = self._idle_worker() or _Worker.start(self._workdir, self._num_threads, log)
            worker.train([run.name for run in cohort.runs], log)
        self._busy.append(_Assignment(cohort, worker, log_start))
        return True

    def finished(self) -> list[EndedCohort]:
        """The cohorts that are done or whose process has ended, since this was called last."""
        ended = [assignment for assignment in self._busy if assignment.worker.is_done()]
        self._busy = [assignment for assignment in self._busy if assignment not in ended]
        for worker in (assignment.worker for assignment in ended):
            if worker.is_alive:
                self._idle.append(worker)
            else:
                worker.end()
        return [EndedCohort(assignment.cohort, self._failure(assignment)) for assignment in ended]

    def release_idle(self) -> None:
        """Ends processes without work, each of which holds about 1 GB."""
        for worker in self._idle:
            worker.end()
        self._idle = []

    def close(self) -> None:
        """Asks all processes to save and end, and waits for them."""
        workers = [*self._idle, *(assignment.worker for assignment in self._busy)]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.end()
        self._idle, self._busy = [], []

    def _idle_worker(self) -> _Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            worker.end()
        return None

    def _failure(self, assignment: _Assignment) -> str:
        cohort = assignment.cohort
        if all(result_files.is_done(self._workdir, run.name) for run in cohort.runs):
            return ""
        log = log_path(self._workdir, cohort)
        told = read_progress(self._workdir, cohort).failure
        return_code = assignment.worker.process.returncode
        if (told and told.kind == "memory") or return_code == -signal.SIGKILL:
            return f"{cohort.name} was {_out_of_memory(cohort, return_code)}; its log is {log}"
        if shutil.disk_usage(self._workdir).free < _LEAST_FREE_BYTES:
            told = Failure("error", f"the disk of {self._workdir} is full")
        what = told.message if told else _how_it_ended(log, assignment.log_start, return_code)
        return f"{cohort.name} failed ({what}); its log is {log}"


@dataclasses.dataclass(frozen=True)
class _Assignment:
    """A cohort in training: its worker, and where this attempt starts in its log, in bytes."""

    cohort: Cohort
    worker: _Worker
    log_start: int


@dataclasses.dataclass
class _Worker:
    """A process of `python -m tf_transfer.sweep.worker`, and the socket that tells it what to train."""

    process: subprocess.Popen
    connection: socket.socket

    @classmethod
    def start(cls, workdir: pathlib.Path, num_threads: int, output: IO[bytes]) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [*child_process.command("sweep.worker"), str(workdir), str(os.getpid()), str(num_threads)]
            process = subprocess.Popen(
                [*command, str(theirs.fileno())], env=child_process.environment(), pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        return cls(process, ours)

    def train(self, runs: Sequence[str], output: IO[bytes]) -> None:
        """Has it train a cohort, given by the names of its runs, with the open file `output` as its output."""
        message = json.dumps(list(runs)).encode() + b"\n"
        with contextlib.suppress(ConnectionError):  # it has ended already, which `is_done` will find
            socket.send_fds(self.connection, [message], [output.fileno()])

    def is_done(self) -> bool:
        """Whether it has reported its cohort done since this was called last, or has ended."""
        answer = b""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            answer = self.connection.recv(len(DONE), socket.MSG_DONTWAIT)
        return answer == DONE or self.process.poll() is not None

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> None:
        """Asks it to save and end; without work, it ends at once."""
        self.connection.close()
        self.process.terminate()

    def end(self) -> None:
        """Waits until it has ended; kills it if that takes longer than its time to save."""
        self.connection.close()
        try:
            self.process.wait(preemption.GRACE_SECONDS + 1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _how_it_ended(log: pathlib.Path, start: int, return_code: int | None) -> str:
    """Why a process ended that could not report it: the last line of its log, or its signal or exit status."""
    with open(log, "rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "no output")
    if return_code is not None and return_code < 0:
        return f"{signal.Signals(-return_code).name}: {last}"
    return last if last != "no output" else f"no output, exit status {return_code}"


def _out_of_memory(cohort: Cohort, return_code: int | None) -> str:
    count = len(cohort.runs)
    field = "fine_tuned_cohort_size" if cohort.runs[0].treatment.fine_tuned else "cohort_size"
    lower = [f"--config.{field} ({count} networks train here at once)"] if count > 1 else []
    lower += ["--config.processes", "or, in another workdir, --config.recipe.batch_size"]
    killed = return_code == -signal.SIGKILL
    what = "killed, most likely because memory ran out" if killed else "out of memory"
    return f"{what}: lower {', '.join(lower)}"
