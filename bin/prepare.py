"""Makes an image store: python bin/prepare.py --source=folder:DIR --out=STORE."""

from absl import flags

from tf_transfer import command_line

_SOURCE = flags.DEFINE_string("source", None, "tfds:NAME[/CONFIG], folder:DIR, or shapes.")
_OUT = flags.DEFINE_string("out", None, "Directory of the image store.")
_SIZE = flags.DEFINE_integer("image_size", 0, "Side of the square images in pixels; 0: that of the first image.", 0)
_FORMAT = flags.DEFINE_enum("format", "raw", ["raw", "jpeg"], "raw: fastest to read; jpeg: a tenth of the space.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Where TFDS keeps its data sets.")
_MANUAL_DIR = flags.DEFINE_string("manual_dir", None, "Where files lie that TFDS cannot download itself.")
_HOLDOUT = flags.DEFINE_float("holdout", 0.2, "Share of test images, for a folder without train and test.", 0.0, 1.0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the hold-out and of the drawn shapes.", 0)


def main(_) -> None:
    """Prepares the store and prints what is in it."""
    from tf_transfer import commands

    options = {"data_dir": _DATA_DIR.value, "manual_dir": _MANUAL_DIR.value}
    options |= {"holdout": _HOLDOUT.value, "seed": _SEED.value}
    commands.prepare(_SOURCE.value, _OUT.value, _SIZE.value, _FORMAT.value, options)


if __name__ == "__main__":
    command_line.run(main, required=["source", "out"])
