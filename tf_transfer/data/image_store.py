"""Image stores: the images and labels of one data set, prepared once, read by index for ever.

A store is a directory:
  meta.json         class names, image size, format, counts, mean and standard deviation, checksums of the files below
  train_labels.npy  int32 [images]
  train_sums.npy    uint64 [images], the first 64 bits of each image's SHA-256
  train.raw         uint8 images one after another, [images, size, size, 3]  (format `raw`), or
  train.jpeg        JPEG files one after another                             (format `jpeg`), and
  train_ends.npy    int64 [images], where each of them ends
  train_names.txt   what each image is called, one a line
  set_aside.txt     the images that could not be used and the files that are none, and why
  duplicates.txt    pictures that are there more than once, if there are any
and the same for `test`, and for `val` where validation images are kept. Images are in the source's order.

Damage is found and named: in a small file, or where a data file was cut off, when the store is opened; in an image when
it is first read.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
import os
import pathlib
import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

import msgspec
import numpy as np
from msgspec import Meta
from PIL import Image

from tf_transfer.data.sources.decoding import Resize
from tf_transfer.files import safe_load
from tf_transfer.files.atomic import replace_file
from tf_transfer.files.checksums import hash_json, seal_json, unseal_json
from tf_transfer.files.printable import printable

META = "meta.json"
SET_ASIDE = "set_aside.txt"
DUPLICATES = "duplicates.txt"
SPLITS = ("train", "test")  # those of every store
VALIDATION = "val"
ALL_SPLITS = (*SPLITS, VALIDATION)
Format = Literal["raw", "jpeg"]
FORMATS = get_args(Format)
JPEG_BYTES_PER_PIXEL = 0.55  # with room to spare: 200 photographs of ImageNet at 256 pixels, quality 95, took 0.44
MAX_SIZE = 4096  # pixels; no network that is trained on photographs takes larger ones


def data_file(split: str, image_format: str) -> str:
    """Name of the file with the images of a split."""
    return f"{split}.{image_format}"


def bytes_per_image(image_size: int, image_format: str) -> float:
    """Bytes that an image takes; for JPEG, an estimate."""
    return image_size**2 * (3 if image_format == "raw" else JPEG_BYTES_PER_PIXEL)


def array_file(split: str, content: str) -> str:
    """Name of the file with the `labels`, `sums` or `ends` of the images of a split."""
    return f"{split}_{content}.npy"


def names_file(split: str) -> str:
    """Name of the file with the names of the images of a split."""
    return f"{split}_names.txt"


def image_checksum(image: bytes) -> int:
    """The checksum of a stored image: the first 64 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(image).digest()[:8], "little")


class StoreMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """What is known of a store without reading its images.

    Attributes:
      name: The data set's name, for example `folder:cifar100`.
      source: Differs for other files of the same name, see `sources.Source.identity`.
      class_names: Class names in label order.
      image_size: Side of the square images, in pixels.
      format: `raw` or `jpeg`.
      images_per_class: For `train`, `test` and perhaps `val`, the number of images of each class; of `val`, a class may
        have none.
      channel_mean: Mean of the training images per channel, pixel range 0-255.
      channel_std: Standard deviation likewise.
      files: SHA-256 of the small files, in hexadecimal.
      resize: How images were made square: `squash`ed, `crop`ped from the middle, or `pad`ded with black.
    """

    name: str
    source: str
    class_names: Annotated[tuple[str, ...], Meta(min_length=1)]
    image_size: Annotated[int, Meta(ge=1, le=MAX_SIZE)]
    format: Format
    images_per_class: dict[str, tuple[Annotated[int, Meta(ge=0)], ...]]
    channel_mean: tuple[float, float, float]
    channel_std: tuple[float, float, float]
    files: dict[str, Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]]
    resize: Resize = "squash"

    def __post_init__(self):
        for name in (self.name, *self.class_names):
            if name != printable(name):
                raise ValueError(f"the name {printable(name)!r} holds characters that cannot be printed")
        if len(set(self.class_names)) < len(self.class_names):
            raise ValueError("class_names must not repeat a name")
        num_counts = {split: len(counts) for split, counts in self.images_per_class.items()}
        if not {*SPLITS} <= num_counts.keys() <= {*ALL_SPLITS} or {*num_counts.values()} != {len(self.class_names)}:
            raise ValueError(
                "images_per_class must give a number of images for each class, of train, of test and perhaps of val"
            )
        if not all(all(self.images_per_class[split]) for split in SPLITS) or not all(
            map(any, self.images_per_class.values())
        ):
            raise ValueError("images_per_class must be at least 1 for each class of train and of test")

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all that training depends on: sizes, format, labels, the images' checksums."""
        told = {SET_ASIDE, DUPLICATES, *map(names_file, ALL_SPLITS)}
        files = {name: sha256 for name, sha256 in self.files.items() if name not in told}
        fields = {**msgspec.structs.asdict(self), "name": "", "source": "", "files": files}
        if self.resize == "squash":  # as all stores were before there was a choice
            del fields["resize"]
        return hash_json(fields)

    @property
    def splits(self) -> tuple[str, ...]:
        """`train`, `test` and, if there are validation images, `val`."""
        return tuple(split for split in ALL_SPLITS if split in self.images_per_class)

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def num_images(self, split: str, classes: Sequence[int], images_per_class: int = 0) -> int:
        """Counts the images of some classes, at most `images_per_class` of each (0: all)."""
        counts = [self.images_per_class[split][label] for label in classes]
        return sum(min(count, images_per_class) if images_per_class else count for count in counts)


def write_meta(path: str | os.PathLike, meta: StoreMeta) -> None:
    """Writes a store's description; without anything else, it is enough to make a plan."""
    with replace_file(pathlib.Path(path) / META) as temporary:
        temporary.write_text(json.dumps(seal_json(msgspec.structs.asdict(meta)), indent=1))


@functools.lru_cache(maxsize=16)
def read_meta(path: str) -> StoreMeta:
    """Reads a store's description.

    Raises:
      FileNotFoundError: There is no store at `path`.
      ValueError: The description is damaged, or not one of a store.
    """
    file = pathlib.Path(path) / META
    if not file.is_file():
        command = f"tf-transfer prepare --source=... {shlex.quote(f'--out={path}')}"
        raise FileNotFoundError(f"no image store at {path!r} (no {META} in it); make one: {command}")
    try:
        return unseal_json(safe_load.read_bytes(file), StoreMeta)
    except ValueError as error:
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
          ValueError: One of its files is damaged or cut off.
        """
        self.path = pathlib.Path(path)
        self.meta = read_meta(str(path))
        safe_load.refuse_links(path)
        optional = {DUPLICATES, *map(names_file, self.meta.splits)}  # stores made earlier have none of them
        for name in (SET_ASIDE, *sorted(optional & self.meta.files.keys())):
            self._read_file(name)
        self._labels, self._sums = self._read_arrays("labels"), self._read_arrays("sums")
        self._ends = self._read_arrays("ends") if self.meta.format == "jpeg" else {}
        for split in self.meta.splits:
            self._check_arrays(split)
        self._data = {split: self._map_images(split) for split in self.meta.splits}
        self._unchecked = {split: np.ones(len(labels), bool) for split, labels in self._labels.items()}

    def _file(self, name: str) -> pathlib.Path:
        file = self.path / name
        if not file.is_file():
            raise FileNotFoundError(f"the image store {str(self.path)!r} lacks {name}; prepare it again")
        return file

    def _read_file(self, name: str) -> bytes:
        content = safe_load.read_bytes(self._file(name))
        if hashlib.sha256(content).hexdigest() != self.meta.files.get(name):
            raise self._damaged(f"{name} has changed since it was written")
        return content

    def _read_arrays(self, content: str) -> dict[str, np.ndarray]:
        return {split: safe_load.parse_array(self._read_file(array_file(split, content))) for split in self.meta.splits}

    def _check_arrays(self, split: str) -> None:
        labels, ends = self._labels[split], self._ends.get(split)
        arrays = [("labels", labels, np.int32), ("sums", self._sums[split], np.uint64)]
        if ends is not None:
            arrays.append(("ends", ends, np.int64))
        for content, array, dtype in arrays:
            if array.dtype != dtype or array.shape != (sum(self.meta.images_per_class[split]),):
                raise self._damaged(f"{array_file(split, content)} holds {array.dtype} of shape {array.shape}")
        in_range = labels.min() >= 0 and labels.max() < self.meta.num_classes  # else counting could take any memory
        if not in_range or tuple(np.bincount(labels)) != self.meta.images_per_class[split]:
            raise self._damaged(f"{array_file(split, 'labels')} has other numbers of images than {META}")
        if ends is not None and (np.diff(ends, prepend=0) <= 0).any():
            raise self._damaged(f"{array_file(split, 'ends')} does not increase")

    def _damaged(self, what: str) -> ValueError:
        return ValueError(f"the image store {str(self.path)!r} is damaged: {what}; remove it and prepare it again")

    def _map_images(self, split: str) -> np.ndarray:
        file = self._file(data_file(split, self.meta.format))
        size, ends = self.meta.image_size, self._ends.get(split)
        shape: tuple[int, ...]
        shape = (len(self._labels[split]), size, size, 3) if ends is None else (int(ends[-1]),)
        expected, found = math.prod(shape), file.stat().st_size
        if found != expected:
            raise self._damaged(f"{file.name} has {found:,} bytes instead of {expected:,}")
        return np.asarray(np.memmap(file, np.uint8, mode="r", shape=shape))  # a plain array is sliced faster

    def labels(self, split: str) -> np.ndarray:
        """Returns the labels of a split, int32 [images]."""
        return self._labels[split]

    def checksums(self, split: str) -> np.ndarray:
        """Returns the checksums of a split's images, uint64 [images], see `image_checksum`."""
        return self._sums[split]

    def names(self, split: str) -> tuple[str, ...]:
        """Returns what each image of a split is called: its path in the folder that it came from, for example."""
        if names_file(split) not in self.meta.files:
            return tuple(f"{split}[{index}]" for index in range(len(self._labels[split])))
        names = self._read_file(names_file(split)).decode().split("\n")[:-1]
        if len(names) != len(self._labels[split]):
            raise self._damaged(f"{names_file(split)} has {len(names):,} lines for {len(self._labels[split]):,} images")
        return tuple(names)

    def indices(self, split: str, classes: Sequence[int], images_per_class: int = 0) -> np.ndarray:
        """Finds the images of some classes.

        Args:
          split: `train`, `test` or `val`.
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
          split: `train`, `test` or `val`.
          indices: Integer array [batch] of image indices.

        Returns:
          uint8 array [batch, image_size, image_size, 3].

        Raises:
          ValueError: One of them is damaged.
        """
        if self.meta.format == "jpeg":
            return np.stack(list(self.images(split, indices)))
        images = self._data[split][indices]
        for number in np.flatnonzero(self._unchecked[split][indices]):
            self._check_image(split, int(indices[number]), images[number].tobytes())
        return images

    def images(self, split: str, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yields images one by one, uint8 [size, size, 3], not copied where possible; raises as `read` does."""
        if self.meta.format == "jpeg":
            yield from map(decode_jpeg, self.read_jpeg(split, indices))
            return
        for index in indices:
            image = self._data[split][index]
            if self._unchecked[split][index]:
                self._check_image(split, int(index), image.tobytes())
            yield image

    def read_jpeg(self, split: str, indices: np.ndarray) -> list[bytes]:
        """Reads images of a `jpeg` store as JPEG files; takes and raises what `read` does."""
        data, ends = self._data[split], self._ends[split]
        records = [data[ends[index - 1] if index else 0 : ends[index]].tobytes() for index in indices]
        for index, record in zip(indices, records, strict=True):
            if self._unchecked[split][index]:
                self._check_image(split, int(index), record)
        return records

    def _check_image(self, split: str, index: int, image: bytes) -> None:
        file = data_file(split, self.meta.format)
        if image_checksum(image) != self._sums[split][index]:
            raise self._damaged(f"image {index} of {file} has changed since it was written")
        if self.meta.format == "jpeg" and _jpeg_size(image) != (self.meta.image_size,) * 2:
            raise self._damaged(f"image {index} of {file} is no JPEG file of {self.meta.image_size} pixels")
        self._unchecked[split][index] = False


def _jpeg_size(record: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(record), formats=("JPEG",)) as image:
            return image.size
    except Exception:  # Pillow raises errors of many kinds for what is no JPEG file
        return 0, 0


def decode_jpeg(record: bytes) -> np.ndarray:
    """Decodes a JPEG file to uint8 [height, width, 3]."""
    with Image.open(io.BytesIO(record), formats=("JPEG",)) as image:
        return np.asarray(image.convert("RGB"))
