"""Makes an image store.

tf-transfer prepare --source=folder:DIR --out=STORE
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from tf_transfer.command_line import Command, define_path

if TYPE_CHECKING:
    from tf_transfer.data.store_writer import PreparedStore

FLAGS = flags.FlagValues()
_SOURCE = flags.DEFINE_string("source", None, "tfds:NAME[/CONFIG], folder:DIR, or shapes.", FLAGS)
_OUT = define_path("out", "Directory of the image store.", FLAGS)
_SIZE = flags.DEFINE_integer(
    "image_size", 0, "Side of the square images in pixels; 0: that of the first image.", 0, flag_values=FLAGS
)
_FORMAT = flags.DEFINE_enum(
    "format", "raw", ["raw", "jpeg"], "raw: fastest to read; jpeg: a tenth of the space.", FLAGS
)
_DATA_DIR = define_path("data_dir", "Where TFDS keeps its data sets.", FLAGS)
_MANUAL_DIR = define_path("manual_dir", "Where files lie that TFDS cannot download itself.", FLAGS)
_HOLDOUT = flags.DEFINE_float(
    "holdout", 0.2, "Share of test images, for a folder without train and test.", 0.0, 1.0, flag_values=FLAGS
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the hold-out and of the drawn shapes.", 0, flag_values=FLAGS)

_SET_ASIDE_SHOWN = 3  # enough to see what they are; the file has them all


def main() -> None:
    """Prepares the store and prints what is in it."""
    options = {
        "data_dir": _DATA_DIR.value, "manual_dir": _MANUAL_DIR.value, "holdout": _HOLDOUT.value, "seed": _SEED.value
    }  # fmt: skip
    assert _SOURCE.value and _OUT.value
    prepare(_SOURCE.value, _OUT.value, _SIZE.value, _FORMAT.value, options)


def prepare(source: str, out: str, image_size: int, image_format: str, options: Mapping[str, Any]) -> None:
    """Prepares an image store under a progress bar and prints what is in it."""
    from tf_transfer.data.sources import open_source
    from tf_transfer.data.store_writer import prepare_store
    from tf_transfer.progress_bars import PrepareProgress

    if source.startswith("tfds:") and not options.get("manual_dir"):
        print("asking TFDS (without a network it tries for some minutes before it gives up)", flush=True)
    opened = open_source(source, **options)
    start = time.monotonic()
    with PrepareProgress(opened.name, sum(opened.counts.values())) as progress:
        made = prepare_store(opened, out, image_size, image_format, on_progress=progress.update)
    print(f"{'already prepared' if made.already_there else f'prepared in {time.monotonic() - start:.0f} s'}: {out}")
    _print_store(made, out)


def _print_store(made: PreparedStore, out: str) -> None:
    from tf_transfer.data import image_store
    from tf_transfer.files.printable import printable

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


COMMAND = Command("prepare", __doc__, FLAGS, main, required=("source", "out"))
