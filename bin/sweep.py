"""Trains a whole experiment.

python bin/sweep.py --config=configs/quickstart.py --workdir=WORKDIR
python bin/sweep.py --like=WORKDIR --workdir=NEW      # the experiment of another workdir, again
python bin/sweep.py --join --workdir=WORKDIR          # helps that sweep, here or on another machine
"""

import pathlib
import sys

from absl import flags
from ml_collections import config_flags

from tf_transfer import command_line

# A config may start from another one: `from configs import default`.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment, for example configs/cifar100.py.")
_LIKE = flags.DEFINE_string("like", None, "In place of --config: a workdir, whose experiment is trained again.")
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory for results, figures and logs; continued if it exists.")
_DRY_RUN = flags.DEFINE_boolean("dry_run", False, "Only print what would be trained, and what it would cost.")
_RATE = flags.DEFINE_float("gflops", 40.0, "For --dry_run: rate of this machine while training, in GFLOP/s.", 0.001)
_JOIN = flags.DEFINE_boolean("join", False, "Help the sweep that is at work in --workdir; in place of --config.")
_OTHER_VERSIONS = flags.DEFINE_boolean(
    "allow_other_versions", False, "Go on in a workdir begun with other versions of TensorFlow, Keras or NumPy."
)


def main(_) -> None:
    """Trains what has no result yet, then writes table and figures."""
    from tf_transfer import console, dry_run
    from tf_transfer.experiment.config import Experiment
    from tf_transfer.results import workdir

    if not _WORKDIR.value and not _DRY_RUN.value:
        raise ValueError("no workdir given: set --workdir=DIR, where results are to be kept")
    if _JOIN.value:
        console.join(_WORKDIR.value, _OTHER_VERSIONS.value)
        return
    if _LIKE.value:
        experiment = workdir.read_experiment(_LIKE.value)
    elif hasattr(_CONFIG.value, "to_dict"):
        experiment = Experiment.from_config(_CONFIG.value.to_dict())
    else:
        raise ValueError(f"get_config() of the config must return a ConfigDict, got {type(_CONFIG.value).__name__}")
    if _DRY_RUN.value:
        dry_run.print_plan(experiment, _WORKDIR.value, _RATE.value * 1e9)
    else:
        console.sweep(experiment, _WORKDIR.value, _OTHER_VERSIONS.value)


if __name__ == "__main__":
    command_line.run(main, one_of=["config", "like", "join"])
