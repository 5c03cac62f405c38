"""Image stores: the images and labels of one data set, prepared once, read by index for ever.

A store is a directory:
  meta.json           class names, image size, format, counts, mean and standard deviation, fingerprint
  train_labels.npy    int32 [images]
  train.raw           uint8 images one after another, [images, size, size, 3]  (format `raw`), or
  train.array_record  one JPEG file per record           (format `jpeg`)
  set_aside.txt       what could not be used, and why
and the same for `test`. Images stand in the order in which the source gave them.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

META = "meta.json"
SPLITS = ("train", "test")
FORMATS = ("raw", "jpeg")
RAW_FILE = "{}.raw"
JPEG_FILE = "{}.array_record"


@dataclasses.dataclass(frozen=True)
class StoreMeta:
    """What is known of a store without reading its images.

    Attributes:
      name: The data set's name, for example `folder:cifar100`.
      class_names: Class names in label order.
      image_size: Side of the square images, in pixels.
      format: `raw` or `jpeg`.
      images_per_class: For `train` and `test`, the number of images of each class.
      channel_mean: Mean of the training images per channel, pixel range 0-255.
      channel_std: Standard deviation likewise.
      fingerprint: SHA-256 over format, images and labels, in hexadecimal.
    """

    name: str
    class_names: tuple[str, ...]
    image_size: int
    format: str
    images_per_class: dict[str, tuple[int, ...]]
    channel_mean: tuple[float, float, float]
    channel_std: tuple[float, float, float]
    fingerprint: str

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def num_images(self, split: str, classes: Sequence[int], images_per_class: int = 0) -> int:
        """Counts the images of some classes, at most `images_per_class` of each (0: all)."""
        counts = [self.images_per_class[split][label] for label in classes]
        return sum(min(count, images_per_class) if images_per_class else count for count in counts)


@functools.lru_cache(maxsize=16)
def read_meta(path: str) -> StoreMeta:
    """Reads a store's description.

    Raises:
      FileNotFoundError: There is no store at `path`.
      ValueError: The description is not one of a store.
    """
    file = pathlib.Path(path) / META
    if not file.is_file():
        raise FileNotFoundError(
            f"no image store at {path!r} (no {META} in it); make one: python bin/prepare.py --source=... --out={path}"
        )
    try:
        fields = json.loads(file.read_text())
        for name in ("class_names", "channel_mean", "channel_std"):
            fields[name] = tuple(fields[name])
        fields["images_per_class"] = {split: tuple(counts) for split, counts in fields["images_per_class"].items()}
        return StoreMeta(**fields)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} does not describe an image store ({error}); prepare the store again") from error


class ImageStore:
    """Random access to a prepared store.

    Attributes:
      path: The store's directory.
      meta: Its description.
    """

    def __init__(self, path: str | pathlib.Path):
        """Opens the store at `path`.

        Raises:
          FileNotFoundError: There is no store, or one of its files is missing.
        """
        self.path = pathlib.Path(path)
        self.meta = read_meta(str(path))
        self._labels = {split: np.load(self._file(f"{split}_labels.npy"), allow_pickle=False) for split in SPLITS}
        self._readers = {split: self._open(split) for split in SPLITS}

    def _file(self, name: str) -> str:
        file = self.path / name
        if not file.is_file():
            raise FileNotFoundError(f"the image store {str(self.path)!r} lacks {name}; prepare it again")
        return str(file)

    def _open(self, split: str):
        if self.meta.format == "raw":
            shape = (len(self._labels[split]), self.meta.image_size, self.meta.image_size, 3)
            return np.memmap(self._file(RAW_FILE.format(split)), np.uint8, mode="r", shape=shape)
        from array_record.python.array_record_module import ArrayRecordReader

        return ArrayRecordReader(self._file(JPEG_FILE.format(split)))

    def labels(self, split: str) -> np.ndarray:
        """Returns the labels of `train` or `test`, int32 [images]."""
        return self._labels[split]

    def indices(self, split: str, classes: Sequence[int], images_per_class: int = 0) -> np.ndarray:
        """Finds the images of some classes.

        Args:
          split: `train` or `test`.
          classes: Class indices.
          images_per_class: Take only the first so many of each class; 0 takes all.

        Returns:
          Sorted int64 array of image indices.
        """
        found = [np.flatnonzero(self._labels[split] == label) for label in classes]
        return np.sort(np.concatenate([indices[: images_per_class or None] for indices in found]))

    def read(self, split: str, indices: np.ndarray) -> np.ndarray:
        """Reads images.

        Args:
          split: `train` or `test`.
          indices: Integer array [batch] of image indices.

        Returns:
          uint8 array [batch, image_size, image_size, 3].
        """
        reader = self._readers[split]
        if self.meta.format == "raw":
            return reader[indices]
        return np.stack([decode_jpeg(record) for record in reader.read([int(index) for index in indices])])


def decode_jpeg(record: bytes) -> np.ndarray:
    """Decodes a JPEG file to uint8 [height, width, 3]."""
    with Image.open(io.BytesIO(record), formats=("JPEG",)) as image:
        return np.asarray(image.convert("RGB"))
