"""What the commands of `bin/` do, and say meanwhile: prepare a store, train an experiment, help another sweep."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tf_transfer.console import duration, print_caution, print_report
from tf_transfer.data import image_store
from tf_transfer.experiment.config import Experiment
from tf_transfer.files.printable import printable
from tf_transfer.progress_bars import PrepareProgress, SweepProgress

if TYPE_CHECKING:
    from tf_transfer.data.store_writer import PreparedStore

_SET_ASIDE_SHOWN = 3  # enough to see what they are; the file has them all


def prepare(source: str, out: str, image_size: int, image_format: str, options: Mapping[str, Any]) -> None:
    """Prepares an image store under a progress bar and prints what is in it."""
    from tf_transfer.data.sources import open_source
    from tf_transfer.data.store_writer import prepare_store

    if source.startswith("tfds:") and not options.get("manual_dir"):
        print("asking TFDS (without a network it tries for some minutes before it gives up)", flush=True)
    opened = open_source(source, **options)
    start = time.monotonic()
    with PrepareProgress(opened.name, sum(opened.counts.values())) as progress:
        made = prepare_store(opened, out, image_size, image_format, on_progress=progress.update)
    print(f"{'already prepared' if made.already_there else f'prepared in {time.monotonic() - start:.0f} s'}: {out}")
    _print_store(made, out)


def _print_store(made: PreparedStore, out: str) -> None:
    meta = made.meta
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


def sweep(experiment: Experiment, workdir: str, allow_other_versions: bool) -> None:
    """Trains what has no result yet, under a progress bar, and then reports, if some failed also of the others.

    Raises:
      SweepFailed: As in `scheduler.run_sweep`, and whatever else that raises.
    """
    from tf_transfer.report import reports
    from tf_transfer.sweep.scheduler import SweepFailed, run_sweep

    start = time.monotonic()
    try:
        with SweepProgress() as progress:
            run_sweep(experiment, workdir, progress.update, print_caution, allow_other_versions)
    except SweepFailed:
        with contextlib.suppress(FileNotFoundError):  # no run is finished
            print_report(reports.write_report(workdir, experiment.metric))
        raise
    print(f"all runs are done ({duration(time.monotonic() - start)})")
    print_report(reports.write_report(workdir, experiment.metric))


def join(workdir: str, allow_other_versions: bool) -> None:
    """Helps the sweep of a workdir, under a progress bar, until all its runs are done."""
    from tf_transfer.sweep.scheduler import join_sweep

    with SweepProgress() as progress:
        join_sweep(workdir, progress.update, allow_other_versions)
    print(f"all runs are done; table and figures are the other sweep's, or bin/report.py --workdir={workdir}")
