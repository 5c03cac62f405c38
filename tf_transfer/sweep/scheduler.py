"""Sweeps: training all runs of an experiment, cohort by cohort in processes of their own, until each has its result."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Mapping

from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.machine import Machine
from tf_transfer.experiment.plan import Cohort, Plan, make_plan
from tf_transfer.experiment.settings import settings_hash
from tf_transfer.results import checkpoints, result_files, workdir
from tf_transfer.results.result import Result
from tf_transfer.sweep.executor import EndedCohort, Executor
from tf_transfer.sweep.local_executor import LocalExecutor
from tf_transfer.sweep.pending import pending_cohorts
from tf_transfer.sweep.progress import CohortProgress, read_progress

_POLL_SECONDS = 0.2
_MAX_DEFAULT_PROCESSES = 8


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Attributes:
      runs: All runs of the experiment.
      finished: The results there are, in the order in which they came.
      share: Share of all floating-point operations done, in [0, 1].
      seconds_left: Estimate of the time left, in seconds; None before there is one.
      training: How far each cohort that is being trained is, here or by another sweep, by the cohort's name.
    """

    runs: int
    finished: tuple[Result, ...]
    share: float
    seconds_left: float | None
    training: Mapping[str, CohortProgress] = dataclasses.field(default_factory=dict)


class SweepFailed(RuntimeError):
    """Some cohorts could not be trained; all the others are done."""


def run_sweep(
    experiment: Experiment,
    directory: str | os.PathLike,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_caution: Callable[[str], None] = print,
    allow_other_versions: bool = False,
) -> list[Result]:
    """Trains every run of an experiment that has no result yet. Called again, it continues where it was stopped.

    Args:
      experiment: What to train.
      directory: The experiment's workdir; made if need be.
      on_progress: Called about five times a second.
      on_caution: Called with a sentence for each limit of images per class that some classes do not reach, and for each
        result that was damaged and is trained again.
      allow_other_versions: Continue in a workdir that was begun with other versions of TensorFlow, Keras or NumPy.

    Returns:
      The results of all runs, in the plan's order.

    Raises:
      FileNotFoundError: An image store does not exist.
      ValueError: The experiment is wrong, the workdir belongs to another one, or another sweep is at work there.
      OSError: The workdir cannot be written to.
      SweepFailed: A cohort's process failed; the message names its log.
    """
    plan = make_plan(experiment)
    for shortfall in plan.shortfalls:
        on_caution(shortfall)
    with workdir.owned(directory) as path, _sigterm_as_interrupt():
        settled = workdir.write_config(path, experiment, allow_other_versions)
        plan = dataclasses.replace(plan, experiment=settled)
        (path / "logs").mkdir(exist_ok=True)
        for damage in result_files.set_aside_damaged(path, [run.name for run in plan.runs]):
            on_caution(damage)
        done = _Sweep(plan, path, _make_executor(settled, path), on_progress).train_all()
        checkpoints.remove(path / "checkpoints")
        return done


def join_sweep(
    directory: str | os.PathLike,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    allow_other_versions: bool = False,
) -> list[Result]:
    """Helps a sweep: trains cohorts that no other process is training, until all runs are done.

    Any number of processes can help, also on other machines that see the workdir under the same path, if their file
    system has locks (flock). If the sweep that they joined dies, they finish its work.

    Args:
      directory: The workdir of a sweep.
      on_progress: Called about five times a second.
      allow_other_versions: As in `run_sweep`.

    Returns:
      The results of all runs, in the plan's order.

    Raises:
      FileNotFoundError: It is not the workdir of a sweep, or its store is not found here.
      ValueError: Versions differ from those of the workdir.
      SweepFailed: As in `run_sweep`.
    """
    experiment = workdir.read_experiment(directory)
    workdir.check_config(directory, experiment, allow_other_versions)
    with _sigterm_as_interrupt():
        path = pathlib.Path(directory)
        return _Sweep(make_plan(experiment), path, _make_executor(experiment, path), on_progress).train_all()


@contextlib.contextmanager
def _sigterm_as_interrupt():
    """Makes SIGTERM end the sweep as Ctrl-C does, so that no cohort goes on without it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers only in the main thread
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _make_executor(experiment: Experiment, directory: pathlib.Path) -> LocalExecutor:
    # One process keeps a GPU busy best. On the CPU, small networks gain more from processes than from threads,
    # but each takes about 1 GB of memory.
    machine = Machine.detect()
    processes = experiment.processes or (1 if machine.has_gpu else min(machine.num_cores, _MAX_DEFAULT_PROCESSES))
    return LocalExecutor(directory, processes, max(1, machine.num_cores // processes))


class _Sweep:
    """Submits cohorts to an executor, bases first, until every run has its result."""

    def __init__(
        self, plan: Plan, directory: pathlib.Path, executor: Executor, on_progress: Callable[[Progress], None]
    ):
        self._plan, self._directory, self._executor, self._on_progress = plan, directory, executor, on_progress
        self._settings_hash = settings_hash(plan.experiment)
        self._finished: dict[str, Result] = {}
        self._collect_results()
        self._waiting = pending_cohorts(plan, directory)
        self._training: list[Cohort] = []
        self._elsewhere: list[Cohort] = []  # in training, but by another sweep
        self._failures: list[EndedCohort] = []
        self._cost = {cohort: plan.cohort_flops(cohort) for cohort in self._waiting}
        self._start = time.monotonic()

    def train_all(self) -> list[Result]:
        with self._executor:
            while self._waiting or self._training:
                if len(self._waiting) <= len(self._elsewhere):
                    self._executor.release_idle()
                self._submit_ready_cohorts()
                if not self._training and not self._elsewhere:
                    break  # the rest waits for a base that failed
                time.sleep(_POLL_SECONDS)
                self._collect_ended()
                self._on_progress(self._progress())
        if self._failures:
            self._raise_failures()
        return [self._finished[run.name] for run in self._plan.runs]

    def _submit_ready_cohorts(self) -> None:
        self._elsewhere = []
        for cohort in list(self._waiting):
            if self._is_done(cohort):
                self._waiting.remove(cohort)
            elif {base.name for base in cohort.needs} <= self._finished.keys():
                if not self._executor.has_room:
                    break
                if self._executor.submit(cohort):
                    self._waiting.remove(cohort)
                    self._training.append(cohort)
                else:
                    self._elsewhere.append(cohort)

    def _is_done(self, cohort: Cohort) -> bool:
        return all(run.name in self._finished for run in cohort.runs)

    def _collect_results(self) -> None:
        for run in self._plan.runs:
            if run.name not in self._finished and result_files.is_done(self._directory, run.name):
                result = result_files.read_result(self._directory, run.name)
                if result.settings_hash != self._settings_hash:
                    directory = result_files.run_directory(self._directory, run.name)
                    raise ValueError(
                        f"{directory} was trained with other settings than its workdir's; choose another --workdir, or "
                        "remove that directory"
                    )
                self._finished[run.name] = result

    def _collect_ended(self) -> None:
        ended = self._executor.finished()
        self._collect_results()
        for each in ended:
            self._training.remove(each.cohort)
        self._failures += [each for each in ended if each.failure]

    def _progress(self) -> Progress:
        in_training = [cohort for cohort in (*self._training, *self._elsewhere) if not self._is_done(cohort)]
        training = {cohort.name: read_progress(self._directory, cohort) for cohort in in_training}
        shares = {cohort: training[cohort.name].share for cohort in in_training}
        total = sum(self._cost.values())
        done = sum(c * (1.0 if self._is_done(cohort) else shares.get(cohort, 0.0)) for cohort, c in self._cost.items())
        elapsed = time.monotonic() - self._start
        seconds_left = elapsed * (total - done) / done if done else None
        return Progress(len(self._plan.runs), tuple(self._finished.values()), done / total, seconds_left, training)

    def _raise_failures(self) -> None:
        first, *more = self._failures
        others = f"; so did {', '.join(each.cohort.name for each in more)}" if more else ""
        raise SweepFailed(
            f"{first.failure}{others}; runs left: {len(self._plan.runs) - len(self._finished)}; "
            "fix the cause and run the same command again"
        )
