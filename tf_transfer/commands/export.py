"""Writes a trained network for use elsewhere: as a Keras file or as a SavedModel.

tf-transfer export --workdir=WORKDIR --run=A3B+ --to=NAME.keras
tf-transfer export --workdir=WORKDIR --run=A3B+ --to=DIR
"""

from __future__ import annotations

from absl import flags

from tf_transfer.command_line import Command, define_path

FLAGS = flags.FlagValues()
_WORKDIR = define_path("workdir", "The experiment's directory.", FLAGS)
_RUN = flags.DEFINE_string("run", None, "The run's name, or its treatment where only one run has it.", FLAGS)
_TO = define_path(
    "to",
    "What to write; it must not exist yet. NAME.keras: a file for keras.models.load_model, which takes RGB pixels of 0 "
    "to 255 in the network's input size. Any other name: a directory with a SavedModel, for TensorFlow Serving and "
    "TFLite, which also takes images of any size and JPEG files. docs/export.md shows how each is used.",
    FLAGS,
)


def main() -> None:
    """Exports one network and says how to load it."""
    import tf_transfer

    assert _WORKDIR.value and _RUN.value and _TO.value
    path = tf_transfer.export(_WORKDIR.value, _RUN.value, _TO.value)
    if path.suffix == ".keras":
        load = f"keras.models.load_model({str(path)!r})"
    else:
        load = f"tf.saved_model.load({str(path)!r}).signatures['serving_default']"
    print(f"exported to {path}; load it with {load}")


COMMAND = Command("export", __doc__, FLAGS, main, required=("workdir", "run", "to"))
