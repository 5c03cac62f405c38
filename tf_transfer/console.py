"""What the binaries print: progress bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from math import nan

import rich.box
import rich.console
import rich.progress
import rich.table

from tf_transfer.analysis import table1
from tf_transfer.data import image_store
from tf_transfer.experiment import config as experiments
from tf_transfer.experiment import treatments
from tf_transfer.files.printable import printable

_SET_ASIDE_SHOWN = 3  # enough to see what they are; the file has them all

# Off a terminal nothing says how wide a line may be, so that tables get all that they need.
CONSOLE = rich.console.Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)

LINE_SECONDS = 20.0  # off a terminal, from one line of progress to the next


def prepare(source: str, out: str, image_size: int, image_format: str, options: Mapping) -> None:
    """Prepares an image store under a progress bar and prints what is in it."""
    from tf_transfer.data.sources import open_source
    from tf_transfer.data.store_writer import prepare_store

    if source.startswith("tfds:") and not options.get("manual_dir"):
        print("asking TFDS (without a network it tries for some minutes before it gives up)", flush=True)
    opened = open_source(source, **options)
    start = time.monotonic()
    with _PrepareProgress(opened.name, sum(opened.counts.values())) as progress:
        made = prepare_store(opened, out, image_size, image_format, on_progress=progress.update)
    meta = made.meta
    print(f"{'already prepared' if made.already_there else f'prepared in {time.monotonic() - start:.0f} s'}: {out}")
    print(f"  {meta.num_classes} classes: {', '.join(meta.class_names[:6])}{', ...' * (meta.num_classes > 6)}")
    for split in image_store.SPLITS:
        counts = meta.images_per_class[split]
        spread = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
        print(f"  {split}: {sum(counts)} images, {spread} per class")
    print(f"  {meta.image_size}x{meta.image_size} pixels, {meta.format}")
    print("  mean " + ", ".join(f"{value:.1f}" for value in meta.channel_mean) + " (red, green, blue; of 255)")
    if made.set_aside:
        print(f"  set aside: {len(made.set_aside)}, listed in {out}/{image_store.SET_ASIDE}")
        for line in made.set_aside[:_SET_ASIDE_SHOWN]:
            print("    " + printable(": ".join(line.split("\t")[1:])))
        if len(made.set_aside) > _SET_ASIDE_SHOWN:
            print("    ...")


def sweep(experiment: experiments.Experiment, workdir: str, allow_other_versions: bool) -> None:
    """Trains what has no result yet, under a progress bar, and then reports, if some failed also of the others.

    Raises:
      SweepFailed: As in `sweep.run_sweep`, and whatever else that raises.
    """
    from tf_transfer.report import reports
    from tf_transfer.sweep.scheduler import SweepFailed, run_sweep

    start = time.monotonic()
    try:
        with _SweepProgress() as progress:
            run_sweep(experiment, workdir, progress.update, _caution, allow_other_versions)
    except SweepFailed:
        with contextlib.suppress(FileNotFoundError):  # no run is finished
            print_report(reports.write_report(workdir, experiment.metric))
        raise
    print(f"all runs are done ({duration(time.monotonic() - start)})")
    print_report(reports.write_report(workdir, experiment.metric))


def join(workdir: str, allow_other_versions: bool) -> None:
    """Helps the sweep of a workdir, under a progress bar, until all its runs are done."""
    from tf_transfer.sweep.scheduler import join_sweep

    with _SweepProgress() as progress:
        join_sweep(workdir, progress.update, allow_other_versions)
    print(f"all runs are done; table and figures are the other sweep's, or bin/report.py --workdir={workdir}")


def _caution(message: str) -> None:
    print(f"caution: {message}", flush=True)


def print_report(report) -> None:
    """Prints the tables, the effects, what they say, and where everything lies."""
    for name, means in report.means.items():
        table = rich.table.Table(f"top-1 (%){f', {name}' if len(report.means) > 1 else ''}", box=rich.box.SIMPLE)
        for n in means.columns:
            table.add_column(f"n = {n}" if n else "-", justify="right")
        for kind, row in means.iterrows():
            table.add_row(treatments.pattern(kind), *_one_decimal(row))
        CONSOLE.print(table)
    if len(report.boost):
        _print_table1(report.boost, report.with_published)
    _print_effects(report.effects)
    for warning in report.warnings:
        _caution(warning)
    for sentence in report.findings.sentences:
        print(sentence)
    if report.missing:
        lacking = (run.treatment.name for cohort in report.missing for run in cohort.runs)
        print(f"planned and not done: {', '.join(lacking)}")
    print(f"report:      {report.page_path}")
    print(f"table:       {report.table_path}")
    if report.effects_path:
        print(f"effects:     {report.effects_path}")
    for path in report.figure_paths.values():
        print(f"figure:      {path}")
    if report.tensorboard_path:
        print(f"tensorboard: tensorboard --host=localhost --load_fast=false --logdir={report.tensorboard_path}")


def _print_table1(boost, with_published: bool) -> None:
    table = rich.table.Table("boost of AnB+ (points), layers n =", *boost.columns, box=rich.box.SIMPLE)
    for name, row in boost.iterrows():
        table.add_row(name, *_one_decimal(row))
    if with_published:
        for name, row in table1.PAPER.items():
            table.add_row(
                f"{name}, Table 1 of the paper", *_one_decimal(row.get(layers, nan) for layers in boost.columns)
            )
    CONSOLE.print(table)


def _one_decimal(values) -> list[str]:
    return ["" if value != value else f"{value:.1f}" for value in values]


def _print_effects(effects) -> None:
    """One row an effect, one column a layer: the estimate in points and, below it, its 95 % interval."""
    if effects.empty:
        return
    table = rich.table.Table("points [95 %]", box=rich.box.SIMPLE)
    layers = sorted(effects["n"].dropna().unique())
    for n in layers:
        table.add_column(f"n = {n}", justify="right")
    for effect, rows in effects.groupby("effect", sort=False):
        by_layer = {row.n: row for row in rows[rows["n"].notna()].itertuples()}
        table.add_row(effect, *(_with_interval(by_layer.get(n)) for n in layers))
    CONSOLE.print(table)


def _with_interval(row) -> str:
    if row is None:
        return ""
    ends = "" if row.low != row.low else f"\n{row.low:.1f} to {row.high:.1f}"
    return f"{row.estimate:.1f}{ends}"


class _PrepareProgress:
    """A bar on a terminal; elsewhere a line now and then."""

    def __init__(self, name: str, total: int):
        self._bar = _progress_bar("images") if CONSOLE.is_terminal else None
        self._name, self._total = name, total
        self._first: int | None = None  # images that were there already

    def __enter__(self):
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=self._total)
        return self

    def __exit__(self, *_):
        if self._bar:
            self._bar.stop()

    def update(self, done: int) -> None:
        if self._first is None:  # what an earlier call has done says nothing about the speed of this one
            self._first, self._start, self._printed = done, time.monotonic(), time.monotonic()
            if self._bar:
                self._bar.reset(self._task, completed=done)
            elif done:
                print(f"going on after {done:,} images", flush=True)
            return
        now = time.monotonic()
        if self._bar:
            self._bar.update(self._task, completed=done)
        elif now - self._printed >= LINE_SECONDS:
            self._printed = now
            rate = (done - self._first) / (now - self._start)
            left = duration(max(0, self._total - done) / rate)
            print(f"{done:,} of {self._total:,} images, {rate:.0f} a second, {left} left", flush=True)


class _SweepProgress:
    """A bar on a terminal; elsewhere a line for each run that is finished."""

    def __init__(self):
        self._bar = _progress_bar("") if CONSOLE.is_terminal else None
        self._reported: set[str] = set()

    def __enter__(self):
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("training", total=1.0)
        return self

    def __exit__(self, *_):
        if self._bar:
            self._bar.stop()

    def update(self, progress) -> None:
        done = f"{len(progress.finished)} of {progress.runs} runs"
        if self._bar:
            left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
            self._bar.update(self._task, completed=progress.share, description=f"{done}{left}")
            return
        for number, result in enumerate(progress.finished, start=1):
            if result.run not in self._reported:
                self._reported.add(result.run)
                left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
                outcome = f"top-1 {100 * result.top1_last:.1f} %" if result.status == "finished" else result.status
                print(f"{result.run}  {outcome}  ({number} of {progress.runs}{left})", flush=True)


def _progress_bar(unit: str) -> rich.progress.Progress:
    columns = [rich.progress.TextColumn("{task.description}", markup=False), rich.progress.BarColumn()]
    if unit:
        columns += [
            rich.progress.MofNCompleteColumn(),
            rich.progress.TextColumn(unit),
            rich.progress.TimeRemainingColumn(),
        ]
    else:
        columns += [rich.progress.TaskProgressColumn(), rich.progress.TimeElapsedColumn()]
    return rich.progress.Progress(*columns, console=CONSOLE, disable=not sys.stdout.isatty())


def duration(seconds: float) -> str:
    """Writes a time in its natural unit: `40 s`, `12 min`, `3.4 h`, `9.5 days`."""
    for unit, length, least in (("days", 86400, 2 * 86400), ("h", 3600, 7200), ("min", 60, 120)):
        if seconds >= least:
            return f"{seconds / length:.1f} {unit}" if length > 60 else f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
