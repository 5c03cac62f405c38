"""Sweeps: training all runs of an experiment, one process per cohort, until each run has its result."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from tf_transfer import results, workdir
from tf_transfer.experiment import Experiment, has_gpu
from tf_transfer.plan import Cohort, Plan, Run, make_cohort, make_plan

_POLL_SECONDS = 0.2
_TEST_LINE = re.compile(rb"^test (\d+)/(\d+) ", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Attributes:
      runs: All runs of the experiment.
      finished: The results there are, in the order in which they came.
      share: Share of all floating-point operations done, in [0, 1].
      seconds_left: Estimate of the time left, in seconds; None before there is one.
    """

    runs: int
    finished: tuple[results.Result, ...]
    share: float
    seconds_left: float | None


class SweepFailed(RuntimeError):
    """Some cohorts could not be trained; all the others are done."""


def run_sweep(
    experiment: Experiment,
    directory: str | os.PathLike,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[results.Result]:
    """Trains every run of an experiment that has no result yet. Run again, it goes on where it was stopped.

    Args:
      experiment: What to train.
      directory: The experiment's workdir; made if need be.
      on_progress: Called about five times a second.

    Returns:
      The results of all runs, in the plan's order.

    Raises:
      FileNotFoundError: An image store does not exist.
      ValueError: The experiment is wrong, or the workdir belongs to another one.
      PermissionError: The workdir cannot be written to.
      SweepFailed: A cohort's process failed; the message names its log.
    """
    plan = make_plan(experiment)
    with workdir.owned(directory) as path, _terminated_like_interrupted():
        workdir.write_config(path, experiment)
        (path / "logs").mkdir(exist_ok=True)
        _Sweep(plan, path, on_progress).train_all()
        return [results.read_result(path, run.name) for run in plan.runs]


@contextlib.contextmanager
def _terminated_like_interrupted():
    """Lets SIGTERM unwind the sweep as Ctrl-C does, so that no cohort goes on without it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers in the main thread alone
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def pending(plan: Plan, directory: str | os.PathLike) -> list[Cohort]:
    """The plan's cohorts, each without the runs that already have a result.

    Raises:
      ValueError: A result is that of a training of another length, which a block may set.
    """
    done = {run for run in plan.runs if results.is_done(directory, run.name)}
    for run in done:
        outcome, steps = results.read_result(directory, run.name), plan.num_steps(run)
        interval = steps // plan.recipe(run).tests
        trained = steps if outcome.status == results.DIVERGED else outcome.steps  # which stops early
        if (trained, outcome.test_steps[0]) != (steps, interval):
            raise ValueError(
                f"{run.name} was trained for {trained:,} steps and tested every {outcome.test_steps[0]:,} in "
                f"{str(directory)!r}, and the config now says {steps:,} and every {interval:,}; choose another "
                "--workdir, or go back to that config"
            )
    left = [[run for run in cohort.runs if run not in done] for cohort in plan.cohorts]
    return [make_cohort(runs) for runs in left if runs]


@dataclasses.dataclass
class _Worker:
    cohort: Cohort
    process: subprocess.Popen
    log: pathlib.Path

    def share_done(self) -> float:
        lines = _TEST_LINE.findall(self.log.read_bytes()) if self.log.exists() else []
        return int(lines[-1][0]) / int(lines[-1][1]) if lines else 0.0


def _default_processes() -> int:
    # A GPU is best kept busy by one process. On the CPU small networks gain more from processes than from threads,
    # but each takes about 1 GB of memory.
    return 1 if has_gpu() else min(os.cpu_count() or 1, 8)


class _Sweep:
    def __init__(self, plan: Plan, directory: pathlib.Path, on_progress: Callable[[Progress], None]):
        self._plan, self._directory, self._on_progress = plan, directory, on_progress
        self._waiting = pending(plan, directory)
        self._finished = self._read([run for run in plan.runs if results.is_done(directory, run.name)])
        self._workers: list[_Worker] = []
        self._failed: list[_Worker] = []
        self._cost = {cohort.name: plan.cohort_flops(cohort) for cohort in self._waiting}
        self._cost_done, self._start = 0.0, time.monotonic()
        self._num_processes = plan.experiment.processes or _default_processes()
        self._threads = max(1, (os.cpu_count() or 1) // self._num_processes)

    def train_all(self) -> None:
        try:
            while self._waiting or self._workers:
                self._start_what_can_start()
                if not self._workers:
                    break  # what is left waits for a base that failed
                time.sleep(_POLL_SECONDS)
                self._collect()
                self._on_progress(self._progress())
        finally:
            for worker in self._workers:
                worker.process.terminate()
            for worker in self._workers:
                worker.process.wait()
        if self._failed:
            self._raise_failed()

    def _start_what_can_start(self) -> None:
        done = {result.run for result in self._finished}
        ready = [cohort for cohort in self._waiting if {base.name for base in cohort.needs} <= done]
        for cohort in ready[: self._num_processes - len(self._workers)]:
            self._waiting.remove(cohort)
            log = self._directory / "logs" / f"{cohort.name}.log"
            command = [
                sys.executable,
                "-m",
                "tf_transfer.train",
                str(self._directory),
                str(os.getpid()),
                str(self._threads),
            ]
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    [*command, *(run.name for run in cohort.runs)],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                )  # fmt: skip
            self._workers.append(_Worker(cohort, process, log))

    def _collect(self) -> None:
        for worker in [worker for worker in self._workers if worker.process.poll() is not None]:
            self._workers.remove(worker)
            done = [run for run in worker.cohort.runs if results.is_done(self._directory, run.name)]
            self._finished += self._read(done)
            self._cost_done += self._cost[worker.cohort.name]
            if len(done) < len(worker.cohort.runs):
                self._failed.append(worker)

    def _read(self, runs: Sequence[Run]) -> list[results.Result]:
        return [results.read_result(self._directory, run.name) for run in runs]

    def _progress(self) -> Progress:
        total = sum(self._cost.values())
        done = self._cost_done + sum(self._cost[w.cohort.name] * w.share_done() for w in self._workers)
        elapsed = time.monotonic() - self._start
        seconds_left = elapsed * (total - done) / done if done else None
        return Progress(len(self._plan.runs), tuple(self._finished), done / total, seconds_left)

    def _raise_failed(self) -> None:
        first = self._failed[0]
        lines = first.log.read_text(errors="replace").strip().splitlines() or ["no output"]
        names = ", ".join(worker.cohort.name for worker in self._failed)
        unfinished = len(self._plan.runs) - len(self._finished)
        raise SweepFailed(
            f"{names} failed ({lines[-1]}); its log is {first.log}; runs left: {unfinished}; "
            "mend the cause and run the same command again"
        )
