"""Preparing an image store: every image of a source is decoded once, checked, resized and written."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import io
import itertools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image

from tf_transfer.data import image_store
from tf_transfer.data.sources import Example, Source
from tf_transfer.data.sources.decoder_pool import DecoderPool
from tf_transfer.data.sources.decoding import UnusableImageError
from tf_transfer.data.store_journal import JOURNAL, Journal, Progress, Record
from tf_transfer.files import safe_load
from tf_transfer.files.atomic import replace_file, sync
from tf_transfer.files.checksums import hash_file
from tf_transfer.files.printable import printable

MAX_BAD_SHARE = 0.01  # with more, the source is hardly the one that the user meant
JPEG_QUALITY = 95
_MAX_WAITING = 256  # images that may wait to be written, which bounds the memory
_PIXEL_VALUES = np.arange(256)
_CHUNK = 1024  # examples; so many, a few seconds' work, may have to be done again after a kill


@dataclasses.dataclass(frozen=True)
class PreparedStore:
    """A store that has just been made, or stood there already.

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
    on_progress: Callable[[int], None] = lambda examples: None,
) -> PreparedStore:
    """Makes an image store from a source; it appears under its name only once it is whole.

    Until then it lies in `PATH.partial`. Whatever stops the work, the same call goes on where it stopped.

    Args:
      source: Where the images come from.
      path: Directory of the store.
      image_size: Side of the square images, in pixels; the aspect ratio is not kept (as in the paper). 0 takes
        the side of the first image.
      image_format: `raw` (uint8, the fastest to read) or `jpeg` (quality 95).
      on_progress: Called with the number of examples done in all, those of an earlier call among them.

    Raises:
      FileExistsError: `path` holds something else, or `PATH.partial` was begun from something else.
      OSError: There is no room on the disk.
      ValueError: An argument is wrong, over 1 % of the images are bad, or a class has no images.
    """
    if image_format not in image_store.FORMATS:
        raise ValueError(f"unknown format {image_format!r}: expected one of {image_store.FORMATS}")
    if not 0 <= image_size <= image_store.MAX_SIZE:
        raise ValueError(f"image_size must be 0 or a number of pixels up to {image_store.MAX_SIZE}, got {image_size}")
    out = pathlib.Path(path)
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        return _open_existing_store(source, out, image_size, image_format)
    image_size = image_size or _side_of_first_image(source)
    partial = out.with_name(f"{out.name}.partial")
    specification = {"source": source.name, "files": source.identity, "image_size": image_size, "format": image_format}
    journal = Journal(partial, specification, image_format)
    try:
        _check_disk_space(source, journal, partial, image_size, image_format)
        _write_images(source, journal, image_size, image_format, on_progress)
        meta = _write_meta(source, journal, partial, image_size, image_format)
        (partial / JOURNAL).unlink()
        sync(partial)
        os.replace(partial, out)
        sync(out.parent)
    except ValueError:  # the source has to be mended, and will then be another one
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        journal.close()
    image_store.read_meta.cache_clear()
    return PreparedStore(meta, tuple(_set_aside_lines(journal)), already_there=False)


def _write_images(source: Source, journal: Journal, image_size: int, image_format: str, on_progress) -> None:
    on_progress(_examples_done(journal))
    for split, progress in journal.progress.items():
        left = itertools.islice(source.examples(split), progress.examples, None)
        for _ in journal.write(split, _decode_examples(left, image_size, image_format, split), _CHUNK):
            on_progress(_examples_done(journal))
            _check_share_of_bad_images(_set_aside_lines(journal), sum(source.counts.values()))
        _images_per_class(progress.labels, source.class_names, split)
    _check_share_of_bad_images(_set_aside_lines(journal), _examples_done(journal))


def _write_meta(
    source: Source, journal: Journal, partial: pathlib.Path, image_size: int, image_format: str
) -> image_store.StoreMeta:
    files = [partial / image_store.SET_ASIDE]
    with replace_file(files[0]) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in _set_aside_lines(journal)), encoding="utf-8")
    for split, progress in journal.progress.items():
        arrays: dict[str, np.ndarray] = {
            "labels": np.array(progress.labels, np.int32),
            "sums": np.array(progress.sums, np.uint64),
        }
        if image_format == "jpeg":
            arrays["ends"] = np.cumsum(progress.lengths, dtype=np.int64)
        for content, array in arrays.items():
            files.append(partial / image_store.array_file(split, content))
            with replace_file(files[-1]) as temporary:
                np.save(temporary, array)
    mean, std = _mean_and_std(journal.progress["train"], image_size)
    fields = {
        "name": source.name,
        "source": source.identity,
        "class_names": source.class_names,
        "image_size": image_size,
        "format": image_format,
        "images_per_class": {
            split: _images_per_class(progress.labels, source.class_names, split)
            for split, progress in journal.progress.items()
        },
        "channel_mean": mean,
        "channel_std": std,
        "files": {file.name: hash_file(file) for file in files},
    }
    meta = safe_load.convert(fields, image_store.StoreMeta)
    image_store.write_meta(partial, meta)
    return meta


def _open_existing_store(source: Source, out: pathlib.Path, image_size: int, image_format: str) -> PreparedStore:
    if not (out / image_store.META).is_file():
        raise FileExistsError(f"{out} exists and is not an image store; choose another --out or remove it")
    meta = image_store.ImageStore(out).meta
    found = {"source": meta.name, "classes": meta.class_names, "image_size": meta.image_size, "format": meta.format}
    wanted = {"source": source.name, "classes": source.class_names, "image_size": image_size or meta.image_size}
    wanted |= {"format": image_format}
    differing = [
        f"its {name}: {found[name]!r} there, {wanted[name]!r} now" for name in found if found[name] != wanted[name]
    ]
    if not differing and meta.source != source.identity:
        differing = ["its source's files had other names or sizes when it was made"]
    if differing:
        raise FileExistsError(f"{out} is another store ({differing[0]}); choose another --out or remove it")
    set_aside = (out / image_store.SET_ASIDE).read_text(encoding="utf-8").splitlines()
    return PreparedStore(meta, tuple(set_aside), already_there=True)


def _check_disk_space(
    source: Source, journal: Journal, partial: pathlib.Path, image_size: int, image_format: str
) -> None:
    per_image = image_store.bytes_per_image(image_size, image_format)
    left = sum(source.counts.values()) - _examples_done(journal)
    needed, free = per_image * left, shutil.disk_usage(partial).free
    if needed > free:
        smaller = "" if image_format == "jpeg" else ", or --format=jpeg, which takes a fifth of the space"
        raise OSError(
            f"{left:,} images of {image_size}x{image_size} pixels need about {needed / 1e9:.1f} GB as {image_format}, "
            f"and {partial.parent.resolve()} has {free / 1e9:.1f} GB free; make room, or choose another --out{smaller}"
        )


def _examples_done(journal: Journal) -> int:
    return sum(progress.examples for progress in journal.progress.values())


def _set_aside_lines(journal: Journal) -> list[str]:
    return [line for progress in journal.progress.values() for line in progress.set_aside]


def _side_of_first_image(source: Source) -> int:
    with DecoderPool(count=1) as pool:
        for example in source.examples("train"):
            with contextlib.suppress(UnusableImageError):
                return min(pool.decode(_load_example(example)).shape[1], image_store.MAX_SIZE)
    raise ValueError(f"none of the images of {source.name} can be decoded")


def _decode_examples(examples: Iterable[Example], image_size: int, image_format: str, split: str) -> Iterator[Record]:
    """Decodes and encodes on all cores; records come in the order of the examples."""

    def record(example: Example) -> Record:
        try:
            pixels = decoders.decode(_load_example(example), image_size)
        except UnusableImageError as error:  # any other error is not the image's fault
            line = f"{split}\t{printable(example.name)}\t{printable(' '.join(str(error).split()))}"
            return Record(example.label, set_aside=line)
        image = pixels.tobytes() if image_format == "raw" else _encode_jpeg(pixels)
        counts = np.reshape(Image.fromarray(pixels).histogram(), (3, 256))  # 30 times faster than summing pixels
        sums, squares = counts @ _PIXEL_VALUES, counts @ _PIXEL_VALUES**2
        return Record(example.label, image, "", tuple(sums.tolist()), tuple(squares.tolist()))

    waiting: collections.deque = collections.deque()
    with DecoderPool() as decoders, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for example in examples:
                waiting.append(pool.submit(record, example))
                if len(waiting) >= _MAX_WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # also when stopped half-way
            pool.shutdown(cancel_futures=True)


def _load_example(example: Example) -> bytes | Image.Image:
    try:
        return example.load()
    except UnusableImageError:
        raise
    except Exception as error:  # whatever goes wrong when an image is read, that image is set aside
        raise UnusableImageError(f"{type(error).__name__}: {error}") from error


def _encode_jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=JPEG_QUALITY, subsampling="4:2:0")
    return buffer.getvalue()


def _mean_and_std(train: Progress, image_size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    pixels = image_size**2 * len(train.labels)
    mean = [total / pixels for total in train.channel_sum]
    variance = [squares / pixels - m**2 for squares, m in zip(train.channel_squares, mean, strict=True)]
    return tuple(mean), tuple(float(np.sqrt(max(v, 0.0))) for v in variance)


def _check_share_of_bad_images(set_aside: list[str], total: int) -> None:
    if len(set_aside) > MAX_BAD_SHARE * total:
        first = ": ".join(set_aside[0].split("\t")[1:])
        raise ValueError(
            f"{len(set_aside)} of {total} images cannot be used, more than {MAX_BAD_SHARE:.0%}; the first is {first}; "
            "mend or remove them, or check that this is the right source"
        )


def _images_per_class(labels: list[int], class_names: tuple[str, ...], split: str) -> tuple[int, ...]:
    counts = np.bincount(labels, minlength=len(class_names))
    if not counts.all():
        empty = class_names[int(np.argmin(counts))]
        raise ValueError(f"class {empty!r} has no usable {split} images; every class needs at least one")
    return tuple(counts.tolist())
