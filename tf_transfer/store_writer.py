"""Preparing an image store: every image of a source is decoded once, checked, resized and written."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image

from tf_transfer import image_store
from tf_transfer.printable import printable
from tf_transfer.sources import Example, Source
from tf_transfer.sources.decoders import Decoders
from tf_transfer.sources.decoding import Unusable

MAX_BAD_SHARE = 0.01  # more than this, and the source is not what the user believes it is
JPEG_QUALITY = 95
_LOOK_AHEAD = 256  # decoded images that may wait to be written, which bounds the memory


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A store that has just been made, or was found made.

    Attributes:
      meta: The store's description.
      set_aside: One line for each image that could not be used: its name and the reason.
      already_there: Whether the same store stood there before.
    """

    meta: image_store.StoreMeta
    set_aside: tuple[str, ...]
    already_there: bool


def prepare_store(
    source: Source,
    path: str,
    image_size: int = 0,
    image_format: str = "raw",
    on_progress: Callable[[int], None] = lambda images: None,
) -> Prepared:
    """Makes an image store from a source; the store appears under its name only once it is whole.

    Args:
      source: Where the images come from.
      path: Directory of the store.
      image_size: Side of the square images, in pixels; the aspect ratio is not kept (as in the paper). 0 takes
        the side of the first image.
      image_format: `raw` (uint8, the fastest to read) or `jpeg` (quality 95).
      on_progress: Called with the number of images done since the last call.

    Raises:
      FileExistsError: `path` holds something else.
      ValueError: An argument is wrong, over 1 % of the images are bad, or a class has no images.
    """
    if image_format not in image_store.FORMATS:
        raise ValueError(f"unknown format {image_format!r}: expected one of {image_store.FORMATS}")
    if image_size < 0:
        raise ValueError(f"image_size must be 0 or a number of pixels, got {image_size}")
    out = pathlib.Path(path)
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        return _existing(source, out, image_size, image_format)
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        meta, set_aside = _write(source, partial, image_size, image_format, on_progress)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    image_store.read_meta.cache_clear()
    return Prepared(meta, set_aside, already_there=False)


def _write(
    source: Source, partial: pathlib.Path, image_size: int, image_format: str, on_progress: Callable[[int], None]
) -> tuple[image_store.StoreMeta, tuple[str, ...]]:
    image_size = image_size or _side_of_first_image(source)
    set_aside: list[str] = []
    digest, statistics, counts = hashlib.sha256(image_format.encode()), _ChannelStatistics(), {}
    for split in image_store.SPLITS:
        labels = []
        with _writer(partial, split, image_format) as write:
            for label, image in _decoded(source.examples(split), image_size, split, set_aside, on_progress):
                write(image)
                labels.append(label)
                digest.update(image.tobytes())
                if split == "train":
                    statistics.add(image)
        _check_share(set_aside, sum(source.counts.values()))
        labels = np.array(labels, dtype=np.int32)
        digest.update(labels.tobytes())
        np.save(partial / f"{split}_labels.npy", labels)
        counts[split] = _count(labels, source.class_names, split)
    mean, std = statistics.mean_and_std()
    meta = image_store.StoreMeta(
        source.name, source.class_names, image_size, image_format, counts, mean, std, digest.hexdigest()
    )
    (partial / "set_aside.txt").write_text("".join(f"{line}\n" for line in set_aside), encoding="utf-8")
    (partial / image_store.META).write_text(json.dumps(dataclasses.asdict(meta), indent=1))
    return meta, tuple(set_aside)


def _existing(source: Source, out: pathlib.Path, image_size: int, image_format: str) -> Prepared:
    if not (out / image_store.META).is_file():
        raise FileExistsError(f"{out} exists and is not an image store; choose another --out or remove it")
    meta = image_store.read_meta(str(out))
    set_aside = (out / "set_aside.txt").read_text(encoding="utf-8").splitlines()
    found = {"source": meta.name, "classes": meta.class_names, "image_size": meta.image_size, "format": meta.format}
    found["images"] = sum(map(sum, meta.images_per_class.values())) + len(set_aside)
    wanted = {"source": source.name, "classes": source.class_names, "image_size": image_size or meta.image_size}
    wanted |= {"format": image_format, "images": sum(source.counts.values())}
    differing = [name for name in found if found[name] != wanted[name]]
    if differing:
        name = differing[0]
        raise FileExistsError(
            f"{out} is another store (its {name}: {found[name]!r} there, {wanted[name]!r} now); "
            "choose another --out or remove it"
        )
    return Prepared(meta, tuple(set_aside), already_there=True)


def _side_of_first_image(source: Source) -> int:
    with Decoders(count=1) as decoders:
        for example in source.examples("train"):
            with contextlib.suppress(Exception):
                return decoders.decode(example.load()).shape[1]
    raise ValueError(f"none of the images of {source.name} can be decoded")


def _decoded(
    examples: Iterable[Example], image_size: int, split: str, set_aside: list[str], on_progress
) -> Iterator[tuple[int, np.ndarray]]:
    def load(example: Example) -> tuple[np.ndarray | None, str]:
        try:
            image = example.load()
        except Exception as error:  # whatever a source raises when it reads an image, that image is set aside
            return None, str(error) if isinstance(error, Unusable) else f"{type(error).__name__}: {error}"
        try:
            return decoders.decode(image, image_size), ""
        except Unusable as error:
            return None, str(error)

    waiting: collections.deque = collections.deque()
    with Decoders() as decoders, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:

        def take():
            example, future = waiting.popleft()
            image, reason = future.result()
            on_progress(1)
            if image is None:
                set_aside.append(f"{split}\t{printable(example.name)}\t{printable(' '.join(reason.split()))}")
            else:
                yield example.label, image

        for example in examples:
            waiting.append((example, pool.submit(load, example)))
            if len(waiting) >= _LOOK_AHEAD:
                yield from take()
        while waiting:
            yield from take()


@contextlib.contextmanager
def _writer(directory: pathlib.Path, split: str, image_format: str):
    if image_format == "raw":
        with open(directory / image_store.RAW_FILE.format(split), "wb") as file:
            yield lambda image: file.write(image.tobytes())
        return
    from array_record.python.array_record_module import ArrayRecordWriter

    # One record per group, so that any record can be read without decompressing its neighbours.
    writer = ArrayRecordWriter(str(directory / image_store.JPEG_FILE.format(split)), "group_size:1,uncompressed")

    def write(image: np.ndarray) -> None:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling=0)
        writer.write(buffer.getvalue())

    try:
        yield write
    finally:
        writer.close()


class _ChannelStatistics:
    def __init__(self):
        self._pixels, self._sum, self._squares = 0, np.zeros(3), np.zeros(3)

    def add(self, image: np.ndarray) -> None:
        pixels = image.reshape(-1, 3).astype(np.float64)
        self._pixels += len(pixels)
        self._sum += pixels.sum(0)
        self._squares += (pixels**2).sum(0)

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        mean = self._sum / self._pixels
        std = np.sqrt(np.maximum(self._squares / self._pixels - mean**2, 0))
        return tuple(mean.tolist()), tuple(std.tolist())


def _check_share(set_aside: list[str], total: int) -> None:
    if len(set_aside) > MAX_BAD_SHARE * total:
        first = ": ".join(set_aside[0].split("\t")[1:])
        raise ValueError(
            f"{len(set_aside)} of {total} images cannot be used, more than {MAX_BAD_SHARE:.0%}; the first is {first}; "
            "mend or remove them, or check that this is the right source"
        )


def _count(labels: np.ndarray, class_names: tuple[str, ...], split: str) -> tuple[int, ...]:
    counts = np.bincount(labels, minlength=len(class_names))
    if not counts.all():
        empty = class_names[int(np.argmin(counts))]
        raise ValueError(f"class {empty!r} has no usable {split} images; every class needs at least one")
    return tuple(counts.tolist())
