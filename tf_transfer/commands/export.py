"""Writes a trained network as a SavedModel.

tf-transfer export --workdir=WORKDIR --run=A3B+ --to=DIR
"""

from __future__ import annotations

from absl import flags

from tf_transfer.command_line import Command, define_path

FLAGS = flags.FlagValues()
_WORKDIR = define_path("workdir", "The experiment's directory.", FLAGS)
_RUN = flags.DEFINE_string("run", None, "The run's name, or its treatment where only one run has it.", FLAGS)
_TO = define_path("to", "Directory to write; it must not exist yet.", FLAGS)


def main() -> None:
    """Exports one network and says how to load it."""
    import tf_transfer
    from tf_transfer.results import result_files, workdir

    assert _WORKDIR.value and _RUN.value
    # Mistakes are told before TensorFlow is imported, which takes seconds.
    workdir.read_experiment(_WORKDIR.value)
    result_files.find_run(_WORKDIR.value, _RUN.value)
    path = tf_transfer.export(_WORKDIR.value, _RUN.value, _TO.value)
    print(f"exported to {path}; use it with tf.saved_model.load({str(path)!r}).signatures['serving_default']")


COMMAND = Command("export", __doc__, FLAGS, main, required=("workdir", "run", "to"))
