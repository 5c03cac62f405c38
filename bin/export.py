"""Writes a trained network as a SavedModel: python bin/export.py --workdir=WORKDIR --run=A3B+ --to=DIR."""

from absl import flags

import tf_transfer
from tf_transfer import command_line

_WORKDIR = flags.DEFINE_string("workdir", None, "The experiment's directory.")
_RUN = flags.DEFINE_string("run", None, "The run's name, or its treatment where only one run has it.")
_TO = flags.DEFINE_string("to", None, "Directory to write; it must not exist yet.")


def main(_) -> None:
    """Exports one network and says how to load it."""
    from tf_transfer.results import result_files, workdir

    # Mistakes are told before TensorFlow is imported, which takes seconds.
    workdir.read_experiment(_WORKDIR.value)
    result_files.find_run(_WORKDIR.value, _RUN.value)
    path = tf_transfer.export(_WORKDIR.value, _RUN.value, _TO.value)
    print(f"exported to {path}; use it with tf.saved_model.load({str(path)!r}).signatures['serving_default']")


if __name__ == "__main__":
    command_line.run(main, required=["workdir", "run", "to"])
