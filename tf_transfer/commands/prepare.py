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
    from tf_transfer.data.image_store import StoreMeta
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
_RESIZE = flags.DEFINE_enum(
    "resize",
    "squash",
    ["squash", "crop", "pad"],
    "How images become square. squash: the aspect ratio is not kept, as in the paper; crop: the largest square in the "
    "middle; pad: the whole image in the middle of a black square.",
    FLAGS,
)
_LABELS = define_path("labels", "CSV with the columns file, label and perhaps split, for a folder's images.", FLAGS)
_LABEL_FEATURE = flags.DEFINE_string("label_feature", None, "Of a TFDS data set with several labels, the one.", FLAGS)
_DATA_DIR = define_path("data_dir", "Where TFDS keeps its data sets.", FLAGS)
_MANUAL_DIR = define_path("manual_dir", "Where files lie that TFDS cannot download itself.", FLAGS)
_HOLDOUT = flags.DEFINE_float(
    "holdout",
    0.2,
    "Share of each class that is held out as test images, where there are no test or validation images.",
    0.0,
    1.0,
    flag_values=FLAGS,
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the hold-out and of the drawn shapes.", 0, flag_values=FLAGS)
_MIN_IMAGES = flags.DEFINE_integer(
    "min_images_per_class",
    0,
    "Leave out classes with fewer (training) images, and those that cannot be tested; 0: such classes are an error.",
    0,
    flag_values=FLAGS,
)
_MAX_BAD_SHARE = flags.DEFINE_float(
    "max_bad_share", 0.01, "Share of the images that may be unusable.", 0.0, 1.0, flag_values=FLAGS
)
_ALLOW_DUPLICATES = flags.DEFINE_boolean(
    "allow_duplicates",
    False,
    "Go on where over 1 % of the test images are training images too, or of all images lie in two classes.",
    FLAGS,
)

_SET_ASIDE_SHOWN = 3  # enough to see what they are; the file has them all
_CLASSES_SHOWN = 10  # of the largest and of the smallest
_RESIZED = {"squash": "", "crop": ", cropped from the middle", "pad": ", padded with black"}


def main() -> None:
    """Prepares the store and prints what is in it."""
    from tf_transfer.data.store_writer import Tolerance

    store_options = {"image_size": _SIZE.value, "image_format": _FORMAT.value, "resize": _RESIZE.value}
    store_options["tolerance"] = Tolerance(_MAX_BAD_SHARE.value, _ALLOW_DUPLICATES.value)
    source_options = {
        "data_dir": _DATA_DIR.value, "manual_dir": _MANUAL_DIR.value, "holdout": _HOLDOUT.value, "seed": _SEED.value,
        "labels": _LABELS.value, "min_images_per_class": _MIN_IMAGES.value, "label_feature": _LABEL_FEATURE.value,
    }  # fmt: skip
    assert _SOURCE.value and _OUT.value
    prepare(_SOURCE.value, _OUT.value, store_options, source_options)


def prepare(source: str, out: str, store_options: Mapping[str, Any], source_options: Mapping[str, Any]) -> None:
    """Prepares an image store under a progress bar and prints what is in it.

    Args:
      source: `tfds:NAME[/CONFIG]`, `folder:DIR` or `shapes`.
      out: Directory of the store.
      store_options: `image_size`, `image_format`, `resize` and `tolerance` of `store_writer.prepare_store`.
      source_options: Fields of `sources.SourceOptions`.
    """
    from tf_transfer.data.sources import open_source
    from tf_transfer.data.store_writer import prepare_store
    from tf_transfer.files.printable import printable
    from tf_transfer.progress_bars import PrepareProgress

    if source.startswith("tfds:") and not source_options.get("manual_dir"):
        print("asking TFDS (without a network it tries for some minutes before it gives up)", flush=True)
    opened = open_source(source, **source_options)
    for note in opened.notes:
        print(f"note: {printable(note)}", flush=True)
    start = time.monotonic()
    with PrepareProgress(opened.name, sum(opened.counts.values())) as progress:
        made = prepare_store(opened, out, **store_options, on_progress=progress.update)
    print(f"{'already prepared' if made.already_there else f'prepared in {time.monotonic() - start:.0f} s'}: {out}")
    _print_store(made, out)


def _print_store(made: PreparedStore, out: str) -> None:
    from tf_transfer.console import print_caution
    from tf_transfer.data import image_store
    from tf_transfer.files.paths import local_path
    from tf_transfer.files.printable import printable

    meta = made.meta
    print(f"  {meta.num_classes} classes: {', '.join(meta.class_names[:6])}{', ...' * (meta.num_classes > 6)}")
    for split in meta.splits:
        counts = meta.images_per_class[split]
        spread = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
        print(f"  {split}: {sum(counts)} images, {spread} per class")
    if len(set(meta.images_per_class["train"])) > 1:
        print(f"  training images of each class: {_describe_counts(meta)}")
    print(f"  {meta.image_size}x{meta.image_size} pixels, {meta.format}{_RESIZED[meta.resize]}")
    print("  mean " + ", ".join(f"{value:.1f}" for value in meta.channel_mean) + " (red, green, blue; of 255)")
    if made.set_aside:
        print(f"  set aside: {len(made.set_aside)}, listed in {local_path(out) / image_store.SET_ASIDE}")
        for line in made.set_aside[:_SET_ASIDE_SHOWN]:
            print("    " + printable(": ".join(line.split("\t")[1:])))
        if len(made.set_aside) > _SET_ASIDE_SHOWN:
            print("    ...")
    for sentence in made.cautions():
        print_caution(sentence)
    if made.duplicates.lines:
        print(f"pictures that are there more than once: {local_path(out) / image_store.DUPLICATES}")


def _describe_counts(meta: StoreMeta) -> str:
    """The numbers of training images of the largest and the smallest classes, or of all if they are few."""
    counts = sorted(zip(meta.images_per_class["train"], meta.class_names, strict=True), key=lambda pair: -pair[0])
    named = [f"{name} {count}" for count, name in counts]
    if len(named) > 2 * _CLASSES_SHOWN:
        named = [*named[:_CLASSES_SHOWN], "...", *named[-_CLASSES_SHOWN:]]
    return ", ".join(named)


COMMAND = Command("prepare", __doc__, FLAGS, main, required=("source", "out"))
