"""Trains a whole experiment.

python bin/sweep.py --config=configs/quickstart.py --workdir=WORKDIR
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
_WORKDIR = flags.DEFINE_string("workdir", None, "Directory for results, figures and logs; continued if it exists.")
_DRY_RUN = flags.DEFINE_boolean("dry_run", False, "Only print what would be trained, and what it would cost.")
_RATE = flags.DEFINE_float("gflops", 40.0, "For --dry_run: rate of this machine while training, in GFLOP/s.", 0.001)
_JOIN = flags.DEFINE_boolean("join", False, "Help the sweep that is at work in --workdir; needs no --config.")
_OTHER_VERSIONS = flags.DEFINE_boolean(
    "allow_other_versions", False, "Go on in a workdir begun with other versions of TensorFlow, Keras or NumPy."
)


def main(_) -> None:
    """Trains what has no result yet, then writes table and figures."""
    from tf_transfer import console, dry_run
    from tf_transfer.experiment.config import Experiment

    if _JOIN.value:
        console.join(_WORKDIR.value, _OTHER_VERSIONS.value)
        return
    if not hasattr(_CONFIG.value, "to_dict"):
        raise ValueError(f"get_config() of the config must return a ConfigDict, got {type(_CONFIG.value).__name__}")
    experiment = Experiment.from_config(_CONFIG.value.to_dict())
    if _DRY_RUN.value:
        dry_run.print_plan(experiment, _WORKDIR.value, _RATE.value * 1e9)
        return
    if not _WORKDIR.value:
        raise ValueError("no workdir given: set --workdir=DIR, where results are to be kept")
    console.sweep(experiment, _WORKDIR.value, _OTHER_VERSIONS.value)


if __name__ == "__main__":
    command_line.run(main, required=["workdir"] if "--join" in sys.argv else ["config"])
