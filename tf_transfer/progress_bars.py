"""How far a command is: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tf_transfer.console import CONSOLE, duration
from tf_transfer.results.result import FINISHED

if TYPE_CHECKING:
    from tf_transfer.sweep import scheduler
    from tf_transfer.sweep.progress import CohortProgress

# Off a terminal, from one line of progress to the next.
_PREPARE_LINE_SECONDS = 20.0
_SWEEP_LINE_SECONDS = 120.0
_FIRST_SWEEP_LINE_SECONDS = 20.0
_DESCRIPTION = (TextColumn("{task.description}", markup=False), BarColumn())


class PrepareProgress:
    """How far a preparation is: a bar on a terminal, elsewhere a line now and then.

    Args:
      name: What is prepared.
      total: Number of its images.
    """

    def __init__(self, name: str, total: int):
        columns = (MofNCompleteColumn(), TextColumn("images"), TimeRemainingColumn())
        self._bar = Progress(*_DESCRIPTION, *columns, console=CONSOLE, disable=not CONSOLE.is_terminal)
        self._task = self._bar.add_task(name, total=total)
        self._total = total
        self._begun: tuple[int, float] | None = None  # images that were done before, and when the first were
        self._printed = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        self._bar.stop()

    def update(self, done: int) -> None:
        """Shows that so many images are done."""
        now = time.monotonic()
        if self._begun is None:  # what an earlier call has done says nothing about the speed of this one
            self._begun, self._printed = (done, now), now
            self._bar.reset(self._task, completed=done)
            if done and not CONSOLE.is_terminal:
                print(f"going on after {done:,} images", flush=True)
            return
        self._bar.update(self._task, completed=done)
        if not CONSOLE.is_terminal and now - self._printed >= _PREPARE_LINE_SECONDS:
            self._printed = now
            first, start = self._begun
            rate = (done - first) / (now - start)
            left = duration(max(0, self._total - done) / rate)
            print(f"{done:,} of {self._total:,} images, {rate:.0f} a second, {left} left", flush=True)


class SweepProgress:
    """How far a sweep is: a bar on a terminal; elsewhere a line for each finished run, and one every two minutes."""

    def __init__(self) -> None:
        columns = (TaskProgressColumn(), TimeElapsedColumn())
        self._bar = Progress(*_DESCRIPTION, *columns, console=CONSOLE, disable=not CONSOLE.is_terminal)
        self._task = self._bar.add_task("training", total=1.0)
        self._num_printed = 0
        self._next_line = time.monotonic() + _FIRST_SWEEP_LINE_SECONDS

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        self._bar.stop()

    def update(self, progress: scheduler.Progress) -> None:
        """Shows how far the sweep is."""
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        done = f"{len(progress.finished)} of {progress.runs} runs{left}"
        self._bar.update(self._task, completed=progress.share, description=done)
        if CONSOLE.is_terminal:
            return
        now = time.monotonic()
        if len(progress.finished) > self._num_printed:
            for number, result in list(enumerate(progress.finished, start=1))[self._num_printed :]:
                outcome = f"top-1 {100 * result.top1_last:.1f} %" if result.status == FINISHED else result.status
                print(f"{result.run}  {outcome}  ({number} of {progress.runs}{left})", flush=True)
            self._num_printed = len(progress.finished)
            self._next_line = now + _SWEEP_LINE_SECONDS
        elif now >= self._next_line:
            print(f"{done}; in training: {_describe(progress.training)}", flush=True)
            self._next_line = now + _SWEEP_LINE_SECONDS


def _describe(training: Mapping[str, CohortProgress]) -> str:
    """Where the cohorts are: `random-0_seed-0_baseA at step 400 of 1,200, random-0_seed-0_baseB starting`."""
    steps = {name: f"at step {each.step:,} of {each.num_steps:,}" for name, each in training.items() if each.num_steps}
    return ", ".join(f"{name} {steps.get(name, 'starting')}" for name in training) or "nothing yet"
