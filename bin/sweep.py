"""Trains a whole experiment.

python bin/sweep.py --config=configs/quickstart.py --workdir=WORKDIR
python bin/sweep.py --like=WORKDIR --workdir=NEW      # the experiment of another workdir, again
python bin/sweep.py --join --workdir=WORKDIR          # helps that sweep, here or on another machine
"""

from absl import flags

from tf_transfer import command_line

_CONFIG = flags.DEFINE_string(
    "config", None, "The experiment, for example configs/cifar100.py; its fields are set as --config.recipe.epochs=20."
)
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
    from tf_transfer import commands, dry_run
    from tf_transfer.experiment.config import Experiment
    from tf_transfer.results import workdir

    if _LIKE.value:
        experiment = workdir.read_experiment(_LIKE.value)
    elif _CONFIG.value:
        experiment = Experiment.from_config(command_line.load_config(_CONFIG.value).to_dict())
    if not _WORKDIR.value and not _DRY_RUN.value:
        raise ValueError("no workdir given: set --workdir=DIR, where results are to be kept")
    if _JOIN.value:
        commands.join(_WORKDIR.value, _OTHER_VERSIONS.value)
    elif _DRY_RUN.value:
        dry_run.print_plan(experiment, _WORKDIR.value, _RATE.value * 1e9)
    else:
        commands.sweep(experiment, _WORKDIR.value, _OTHER_VERSIONS.value)


if __name__ == "__main__":
    command_line.run(main, one_of=["config", "like", "join"])
