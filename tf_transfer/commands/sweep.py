"""Trains a whole experiment, or goes on with it, and writes its report.

tf-transfer sweep --config=default --config.store=STORE --workdir=WORKDIR   # a config of the package
tf-transfer sweep --config=mine.py --workdir=WORKDIR                        # one's own
tf-transfer sweep --like=WORKDIR --workdir=NEW      # the experiment of another workdir, again
tf-transfer sweep --join --workdir=WORKDIR          # helps that sweep, here or on another machine
"""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import TYPE_CHECKING

from absl import flags

from tf_transfer.command_line import Command, define_path, load_config

if TYPE_CHECKING:
    from tf_transfer.experiment.config import Experiment

FLAGS = flags.FlagValues()
_CONFIG = define_path(
    "config",
    "The experiment: a Python file, or the name of a config of the package, such as cifar100; its fields are set as "
    "--config.recipe.epochs=20.",
    FLAGS,
)
_LIKE = define_path("like", "In place of --config: a workdir, whose experiment is trained again.", FLAGS)
_WORKDIR = define_path("workdir", "Directory for results, figures and logs; continued if it exists.", FLAGS)
_DRY_RUN = flags.DEFINE_boolean("dry_run", False, "Only print what would be trained, and what it would cost.", FLAGS)
_RATE = flags.DEFINE_float(
    "gflops", 40.0, "For --dry_run: rate of this machine while training, in GFLOP/s.", 0.001, flag_values=FLAGS
)
_JOIN = flags.DEFINE_boolean("join", False, "Help the sweep that is at work in --workdir; in place of --config.", FLAGS)
_OTHER_VERSIONS = flags.DEFINE_boolean(
    "allow_other_versions", False, "Go on in a workdir begun with other versions of TensorFlow, Keras or NumPy.", FLAGS
)


def main() -> None:
    """Trains what has no result yet, then writes table and figures."""
    from tf_transfer import dry_run
    from tf_transfer.experiment.config import Experiment
    from tf_transfer.results import workdir

    if _LIKE.value:
        experiment = workdir.read_experiment(_LIKE.value)
    elif _CONFIG.value:
        experiment = Experiment.from_config(load_config(_CONFIG.value).to_dict())
    if _DRY_RUN.value and not _JOIN.value:
        dry_run.print_plan(experiment, _WORKDIR.value, _RATE.value * 1e9)
    elif not _WORKDIR.value:
        raise ValueError("no workdir given: set --workdir=DIR, where results are to be kept")
    elif _JOIN.value:
        join(_WORKDIR.value, _OTHER_VERSIONS.value)
    else:
        sweep(experiment, _WORKDIR.value, _OTHER_VERSIONS.value)


def sweep(experiment: Experiment, workdir: str, allow_other_versions: bool) -> None:
    """Trains what has no result yet, under a progress bar, and then reports, if some failed also of the others.

    Raises:
      SweepFailed: As in `scheduler.run_sweep`, and whatever else that raises.
    """
    from tf_transfer.console import duration, print_caution, print_report
    from tf_transfer.progress_bars import SweepProgress
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
    from tf_transfer.progress_bars import SweepProgress
    from tf_transfer.sweep.scheduler import join_sweep

    with SweepProgress() as progress:
        join_sweep(workdir, progress.update, allow_other_versions)
    command = shlex.join(["tf-transfer", "report", f"--workdir={workdir}"])
    print(f"all runs are done; the other sweep writes table and figures, or {command}")


COMMAND = Command("sweep", __doc__, FLAGS, main, one_of=("config", "like", "join"))
