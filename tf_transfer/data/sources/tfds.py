"""A TensorFlow Datasets data set as a source."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from absl import logging

from tf_transfer.data.sources import Example, Source
from tf_transfer.data.sources.imagenet import open_imagenet
from tf_transfer.files.quiet_import import import_quietly


def open_tfds(name: str, data_dir: str | None = None, manual_dir: str | None = None) -> Source:
    """Downloads (where TFDS can) and prepares a TFDS data set of labelled images.

    ImageNet, unless TFDS has prepared it already, is read straight from its tar files in `manual_dir`.

    Args:
      name: `NAME[/CONFIG][:VERSION]` as TFDS knows it, for example `cifar100`.
      data_dir: Where TFDS keeps its data sets; None for its default.
      manual_dir: Directory of files that must be downloaded by hand.

    Raises:
      ValueError: The data set is not known, has no labelled images, or no test or validation split.
      FileNotFoundError: TFDS could not get the data.
    """
    logging.set_verbosity(logging.ERROR)  # TFDS warns of absent splits that nobody asked for
    import_quietly("tensorflow")  # which TFDS would import in the midst of its own progress
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError, ImportError) as error:
        raise ValueError(
            f"TFDS has no data set {name!r} ({_first_line(error)}); see tensorflow.org/datasets"
        ) from error
    image_key, label_key = _supervised_keys(builder)
    if builder.name == "imagenet2012" and not builder.data_path.exists():
        return open_imagenet(builder, manual_dir)
    try:
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual_dir))
    except Exception as error:  # TFDS raises many kinds here: network, checksums, missing manual files
        raise FileNotFoundError(
            f"TFDS could not prepare {name!r}: {_first_line(error)}; "
            "check the network, or give --manual_dir with the files to be downloaded by hand"
        ) from error
    splits = {"train": "train", "test": _test_split(builder)}
    counts = {split: builder.info.splits[theirs].num_examples for split, theirs in splits.items()}
    return Source(
        name=f"tfds:{builder.info.full_name}",
        identity=f"{builder.info.full_name} {counts}",
        class_names=tuple(builder.info.features[label_key].names),
        counts=counts,
        examples=lambda split: _examples(builder, splits[split], image_key, label_key),
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _supervised_keys(builder) -> tuple[str, str]:
    keys = builder.info.supervised_keys
    if not keys or len(keys) != 2 or not getattr(builder.info.features[keys[1]], "names", None):
        raise ValueError(f"TFDS data set {builder.name!r} is not one of images with class labels; choose another")
    return keys


def _test_split(builder) -> str:
    # ImageNet's own test labels were never published; its validation images serve as test images (as in the paper).
    wanted = ("validation",) if builder.name.startswith("imagenet2012") else ("test", "validation")
    for split in wanted:
        if split in builder.info.splits:
            return split
    raise ValueError(f"TFDS data set {builder.name!r} has neither a test nor a validation split; choose another")


def _examples(builder, split: str, image_key: str, label_key: str) -> Iterable[Example]:
    import tensorflow_datasets as tfds

    read_config = tfds.ReadConfig(interleave_cycle_length=1)  # keeps the order of the files
    dataset = builder.as_dataset(
        split=split, decoders={image_key: tfds.decode.SkipDecoding()}, read_config=read_config, shuffle_files=False
    )
    for number, example in enumerate(tfds.as_numpy(dataset)):
        encoded, label = example[image_key], int(example[label_key])
        yield Example(f"{split}[{number}]", label, functools.partial(bytes, encoded))
