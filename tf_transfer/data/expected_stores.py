"""Descriptions of image stores that do not exist yet, for a dry run before gigabytes are prepared."""

from __future__ import annotations

import importlib.util
import pathlib

from tf_transfer.data import image_store

IMAGENET = "imagenet2012"
NAMES = (IMAGENET,)
IMAGENET_TRAIN, IMAGENET_TEST = 1_281_167, 50_000  # ILSVRC2012's training and validation images
_IMAGENET_CLASSES = 1000


def describe(name: str) -> tuple[image_store.StoreMeta, str]:
    """Describes a store of a data set as it will be, as far as that is known.

    Args:
      name: One of `NAMES`.

    Returns:
      The description, whose channel statistics and checksums are empty, and a sentence that says what is assumed.

    Raises:
      ValueError: The name is unknown.
    """
    if name != IMAGENET:
        raise ValueError(f"unknown expected_store {name!r}: expected one of {NAMES}")
    per_class, remainder = divmod(IMAGENET_TRAIN, _IMAGENET_CLASSES)
    train = tuple(per_class + (label < remainder) for label in range(_IMAGENET_CLASSES))
    test = (IMAGENET_TEST // _IMAGENET_CLASSES,) * _IMAGENET_CLASSES
    nothing = (0.0, 0.0, 0.0)
    meta = image_store.StoreMeta(
        name, "", _imagenet_wordnet_ids(), 256, "jpeg", {"train": train, "test": test}, nothing, nothing, {}
    )
    assumed = (
        f"ILSVRC2012, {IMAGENET_TRAIN:,} training images, taken as evenly spread over its classes (they have 732 to "
        f"1300), and {test[0]} validation images of each class, as JPEG of 256x256 pixels"
    )
    return meta, assumed


def _imagenet_wordnet_ids() -> tuple[str, ...]:
    # TFDS ships the list in a file. It is read without importing TFDS, which takes seconds.
    package = importlib.util.find_spec("tensorflow_datasets")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("tensorflow_datasets is not installed; it holds the list of ImageNet's classes")
    directory = pathlib.Path(package.submodule_search_locations[0])
    return tuple((directory / "datasets" / "imagenet2012" / "labels.txt").read_text().split())
