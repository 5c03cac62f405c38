"""Preparing an image store: every image of a source is decoded once, checked, resized and written."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import io
import itertools
import math
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image

from tf_transfer.data import image_store
from tf_transfer.data.duplicates import Duplicates, SplitImages, find_duplicates
from tf_transfer.data.sources import Example, Source
from tf_transfer.data.sources.decoder_pool import DecoderPool
from tf_transfer.data.sources.decoding import RESIZES, Resize, UnusableImageError
from tf_transfer.data.store_journal import JOURNAL, PROBLEMS, Journal, Progress, Record
from tf_transfer.files import safe_load
from tf_transfer.files.atomic import replace_file, sync
from tf_transfer.files.checksums import hash_file
from tf_transfer.files.paths import local_path
from tf_transfer.files.printable import printable

MAX_BAD_SHARE = 0.01  # with more, the source is hardly the one that the user meant
MAX_DUPLICATE_SHARE = 0.01  # of test images; 0.1 % of CIFAR-100's are training images too
JPEG_QUALITY = 95
_MAX_WAITING = 256  # images that may wait to be written, which bounds the memory
_PIXEL_VALUES = np.arange(256)
_CHUNK = 1024  # examples; so many, a few seconds' work, may have to be done again after a kill
_HOPELESS = 10_000  # examples, most of them bad, after which the others are not read only to list them
_IMBALANCED = 3  # times as many images in the largest class as in the smallest, from which on it is said
_NO_SPLIT = "-"  # of a file that is no example, in the list of what was set aside


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """What may be wrong with images that are prepared nonetheless.

    Attributes:
      max_bad_share: Share of the images that may be unusable.
      allow_duplicates: Whether test images may be training images too, and images lie in two classes, however many.
    """

    max_bad_share: float = MAX_BAD_SHARE
    allow_duplicates: bool = False


@dataclasses.dataclass(frozen=True)
class PreparedStore:
    """A store that has just been made, or stood there already.

    Attributes:
      meta: The store's description.
      set_aside: One line for each image that could not be used: its split, name and the reason.
      duplicates: Images that are there more than once.
      already_there: Whether the same store stood there before.
    """

    meta: image_store.StoreMeta
    set_aside: tuple[str, ...]
    duplicates: Duplicates
    already_there: bool

    def cautions(self) -> list[str]:
        """What has to be kept in mind when results on this store are read."""
        said = self.duplicates.sentences()
        train, test = self.meta.images_per_class["train"], self.meta.images_per_class["test"]
        if max(train) >= _IMBALANCED * min(train):
            largest = test.index(max(test))
            said.append(
                f"classes are imbalanced, with {min(train):,} to {max(train):,} training images; a network that always "
                f"says {self.meta.class_names[largest]!r} is right for {max(test) / sum(test):.1%} of the test images"
            )
        return said


class SourceProblemsError(ValueError):
    """Too much is wrong with a source; what has been decoded is kept for a call that allows it."""


@dataclasses.dataclass(frozen=True)
class _Form:
    """How images are stored."""

    image_size: int
    image_format: str
    resize: Resize


def prepare_store(
    source: Source,
    path: str | os.PathLike,
    image_size: int = 0,
    image_format: str = "raw",
    resize: Resize = "squash",
    tolerance: Tolerance = Tolerance(),  # noqa: B008 (it is frozen)
    on_progress: Callable[[int], None] = lambda examples: None,
) -> PreparedStore:
    """Makes an image store from a source; it appears under its name only once it is whole.

    Until then it lies in `PATH.partial`. Whatever stops the work, the same call goes on where it stopped; after one
    that found too much wrong, so does a call that tolerates more.

    Args:
      source: Where the images come from.
      path: Directory of the store.
      image_size: Side of the square images, in pixels. 0 takes the side of the first image: its width, or with `crop`
        its shorter and with `pad` its longer side.
      image_format: `raw` (uint8, the fastest to read) or `jpeg` (quality 95).
      resize: `squash` (the aspect ratio is not kept, as in the paper), `crop` (the middle square) or `pad` (black).
      tolerance: What may be wrong with the images.
      on_progress: Called with the number of examples done in all, those of an earlier call among them.

    Raises:
      FileExistsError: `path` holds something else, or `PATH.partial` was begun from something else.
      OSError: There is no room on the disk.
      SourceProblemsError: More images are bad, or there twice, than is tolerated, or a class has no usable images; all
        of them are listed in `PATH.partial/problems.txt`.
      ValueError: An argument is wrong.
    """
    form = _Form(image_size, image_format, resize)
    _check_arguments(form, tolerance)
    out = local_path(path)
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        return _open_existing_store(source, out, form)
    form = dataclasses.replace(form, image_size=image_size or _side_of_first_image(source, resize))
    partial = out.with_name(f"{out.name}.partial")
    specification: dict[str, object] = {"source": source.name, "files": source.identity}
    specification |= {"image_size": form.image_size, "format": image_format, "resize": resize}
    journal = Journal(partial, specification, image_format, tuple(source.counts))
    try:
        if (partial / PROBLEMS).is_file() and _too_many_bad(journal, _examples_done(journal), tolerance):
            journal.begin_anew()  # what could not be read then may have been mended
        _check_disk_space(source, journal, partial, form)
        read_to_the_end = _write_images(source, journal, form, tolerance, on_progress)
        duplicates = _find_duplicates(source, journal)
        empty = _classes_without_images(source, journal) if read_to_the_end else []
        _check_problems(journal, partial, empty, duplicates, tolerance)
        meta = _write_meta(source, journal, partial, form, duplicates)
        (partial / PROBLEMS).unlink(missing_ok=True)
        (partial / JOURNAL).unlink()
        sync(partial)
        os.replace(partial, out)
        sync(out.parent)
    except SourceProblemsError:
        raise
    except ValueError:  # the source has to be mended, and will then be another one
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        journal.close()
    image_store.read_meta.cache_clear()
    return PreparedStore(meta, tuple(_set_aside_lines(journal)), duplicates, already_there=False)


def _check_arguments(form: _Form, tolerance: Tolerance) -> None:
    if form.image_format not in image_store.FORMATS:
        raise ValueError(f"unknown format {form.image_format!r}: expected one of {image_store.FORMATS}")
    if not 0 <= form.image_size <= image_store.MAX_SIZE:
        raise ValueError(
            f"image_size must be 0 or a number of pixels up to {image_store.MAX_SIZE}, got {form.image_size}"
        )
    if form.resize not in RESIZES:
        raise ValueError(f"unknown resize {form.resize!r}: expected one of {RESIZES}")
    if not 0 <= tolerance.max_bad_share <= 1:
        raise ValueError(f"max_bad_share must be a share between 0 and 1, got {tolerance.max_bad_share:g}")


def _write_images(source: Source, journal: Journal, form: _Form, tolerance: Tolerance, on_progress) -> bool:
    """Writes what is left, and returns whether all was; where most images are bad, the others are not read."""
    on_progress(_examples_done(journal))
    for split, progress in journal.progress.items():
        left = itertools.islice(source.examples(split), progress.examples, None)
        for _ in journal.write(split, _decode_examples(left, form, split), _CHUNK):
            done = _examples_done(journal)
            on_progress(done)
            if done >= _HOPELESS and len(_set_aside_lines(journal)) > max(0.5, tolerance.max_bad_share) * done:
                return False
    return True


def _too_many_bad(journal: Journal, total: int, tolerance: Tolerance) -> bool:
    return len(_set_aside_lines(journal)) > tolerance.max_bad_share * total


def _find_duplicates(source: Source, journal: Journal) -> Duplicates:
    splits = {
        split: SplitImages(np.array(progress.labels, np.int32), np.array(progress.sums, np.uint64), progress.names)
        for split, progress in journal.progress.items()
    }
    return find_duplicates(splits, source.class_names)


def _check_problems(
    journal: Journal, partial: pathlib.Path, empty: list[str], duplicates: Duplicates, tolerance: Tolerance
) -> None:
    """Says everything that is wrong at once, and lists it in a file."""
    set_aside, done = _set_aside_lines(journal), _examples_done(journal)
    problems = []
    if _too_many_bad(journal, done, tolerance):
        first = ": ".join(set_aside[0].split("\t")[1:])
        share = math.ceil(100 * len(set_aside) / done) / 100
        problems.append(
            f"{len(set_aside):,} of {done:,} images cannot be used, more than {100 * tolerance.max_bad_share:.3g}%; "
            f"the first is {first}; mend or remove them, or check that this is the right source; "
            f"--max_bad_share={share:g} goes on without them"
        )
    if empty:
        problems.append(
            f"{'; '.join(empty)}; every class needs at least one, or leave it out with a larger --min_images_per_class"
        )
    if duplicates.worst_share() > MAX_DUPLICATE_SHARE and not tolerance.allow_duplicates:
        problems.append(
            f"{' and '.join(duplicates.sentences())}, more than {MAX_DUPLICATE_SHARE:.0%}, so that results would say "
            "little; remove one of each, or go on with --allow_duplicates"
        )
    if problems:
        file = partial / PROBLEMS
        lines = [f"cannot be used\t{line}" for line in set_aside] + [f"empty class\t{line}" for line in empty]
        lines += [f"same picture {line}" for line in duplicates.lines]
        with replace_file(file) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        raise SourceProblemsError(f"{'; and '.join(problems)}; the whole list is in {file}")


def _classes_without_images(source: Source, journal: Journal) -> list[str]:
    lines = []
    for split in image_store.SPLITS:
        counts = np.bincount(journal.progress[split].labels, minlength=len(source.class_names))
        if names := [repr(source.class_names[label]) for label in np.flatnonzero(counts == 0).tolist()]:
            kind = "class" if len(names) == 1 else "classes"
            lines.append(f"{kind} {', '.join(names)} without any usable {split} image")
    return lines


def _write_meta(
    source: Source, journal: Journal, partial: pathlib.Path, form: _Form, duplicates: Duplicates
) -> image_store.StoreMeta:
    left_out = [f"{_NO_SPLIT}\t{line}" for line in source.left_out]
    texts = {image_store.SET_ASIDE: [*_set_aside_lines(journal), *left_out]}
    if duplicates.lines:
        texts[image_store.DUPLICATES] = list(duplicates.lines)
    texts |= {image_store.names_file(split): progress.names for split, progress in journal.progress.items()}
    files = []
    for name, lines in texts.items():
        files.append(partial / name)
        with replace_file(files[-1]) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for split, progress in journal.progress.items():
        arrays: dict[str, np.ndarray] = {
            "labels": np.array(progress.labels, np.int32),
            "sums": np.array(progress.sums, np.uint64),
        }
        if form.image_format == "jpeg":
            arrays["ends"] = np.cumsum(progress.lengths, dtype=np.int64)
        for content, array in arrays.items():
            files.append(partial / image_store.array_file(split, content))
            with replace_file(files[-1]) as temporary:
                np.save(temporary, array)
    mean, std = _mean_and_std(journal.progress["train"], form.image_size)
    fields = {
        "name": source.name,
        "source": source.identity,
        "class_names": source.class_names,
        "image_size": form.image_size,
        "format": form.image_format,
        "images_per_class": {
            split: tuple(np.bincount(progress.labels, minlength=len(source.class_names)).tolist())
            for split, progress in journal.progress.items()
        },
        "channel_mean": mean,
        "channel_std": std,
        "files": {file.name: hash_file(file) for file in files},
        "resize": form.resize,
    }
    meta = safe_load.convert(fields, image_store.StoreMeta)
    image_store.write_meta(partial, meta)
    return meta


def _open_existing_store(source: Source, out: pathlib.Path, form: _Form) -> PreparedStore:
    if not (out / image_store.META).is_file():
        raise FileExistsError(f"{out} exists and is not an image store; choose another --out or remove it")
    store = image_store.ImageStore(out)
    meta = store.meta
    found = {"source": meta.name, "classes": meta.class_names, "image_size": meta.image_size, "format": meta.format}
    found["resize"] = meta.resize
    wanted = {"source": source.name, "classes": source.class_names, "image_size": form.image_size or meta.image_size}
    wanted |= {"format": form.image_format, "resize": form.resize}
    differing = [
        f"its {name}: {found[name]!r} there, {wanted[name]!r} now" for name in found if found[name] != wanted[name]
    ]
    if not differing and meta.source != source.identity:
        differing = ["its source's files had other names or sizes when it was made"]
    if differing:
        raise FileExistsError(f"{out} is another store ({differing[0]}); choose another --out or remove it")
    lines = (out / image_store.SET_ASIDE).read_text(encoding="utf-8").splitlines()
    set_aside = tuple(line for line in lines if not line.startswith(f"{_NO_SPLIT}\t"))
    splits = {
        split: SplitImages(store.labels(split), store.checksums(split), store.names(split)) for split in meta.splits
    }
    return PreparedStore(meta, set_aside, find_duplicates(splits, meta.class_names), already_there=True)


def _check_disk_space(source: Source, journal: Journal, partial: pathlib.Path, form: _Form) -> None:
    image_size, image_format = form.image_size, form.image_format
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


def _side_of_first_image(source: Source, resize: Resize) -> int:
    with DecoderPool(count=1) as pool:
        for example in source.examples("train"):
            with contextlib.suppress(UnusableImageError):
                height, width, _ = pool.decode(_load_example(example)).shape
                side = {"squash": width, "crop": min(height, width), "pad": max(height, width)}[resize]
                return min(side, image_store.MAX_SIZE)
    raise ValueError(f"none of the images of {source.name} can be decoded")


def _decode_examples(examples: Iterable[Example], form: _Form, split: str) -> Iterator[Record]:
    """Decodes and encodes on all cores; records come in the order of the examples."""

    def record(example: Example) -> Record:
        try:
            pixels = decoders.decode(_load_example(example), form.image_size, form.resize)
        except UnusableImageError as error:  # any other error is not the image's fault
            line = f"{split}\t{printable(example.name)}\t{printable(' '.join(str(error).split()))}"
            return Record(example.label, set_aside=line)
        image = pixels.tobytes() if form.image_format == "raw" else _encode_jpeg(pixels)
        counts = np.reshape(Image.fromarray(pixels).histogram(), (3, 256))  # 30 times faster than summing pixels
        sums, squares = counts @ _PIXEL_VALUES, counts @ _PIXEL_VALUES**2
        name = printable(example.name)
        return Record(example.label, image, "", tuple(sums.tolist()), tuple(squares.tolist()), name)

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
