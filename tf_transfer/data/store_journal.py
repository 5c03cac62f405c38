"""The journal of a store that is being written: which chunks of images have reached the disk.

PARTIAL/journal.jsonl   first line: what is being made; then one line for each chunk of examples, each sealed
PARTIAL/train.raw       and the like: the images, one after another
PARTIAL/problems.txt    if all images have been read, and too much is wrong with them: each image and what is wrong

A chunk's line is written once its images have reached the disk. So a process that is killed, or loses power, leaves
whole chunks and perhaps a torn end. When the work goes on, everything from the first damaged line on is cut off and
done again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import itertools
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, BinaryIO, Literal

import msgspec
from msgspec import Meta

from tf_transfer.data import image_store
from tf_transfer.files import safe_load
from tf_transfer.files.atomic import name_in_errors
from tf_transfer.files.checksums import seal_json, unseal_json

JOURNAL = "journal.jsonl"
PROBLEMS = "problems.txt"  # what was wrong with the source, if that is why the store is not finished

_Label = Annotated[int, Meta(ge=0, lt=2**31)]
_Count = Annotated[int, Meta(ge=0)]
_Totals = Annotated[list[_Count], Meta(min_length=3, max_length=3)]


@dataclasses.dataclass(frozen=True)
class Record:
    """What an example became: an image, or a reason why there is none.

    Attributes:
      label: Its class index.
      image: The image as it stands in the store: pixels, or a JPEG file. Empty if the example was set aside.
      set_aside: What is wrong with it; empty if nothing.
      channel_sum: Sum of the red, green and blue pixel values.
      channel_squares: Sum of their squares.
      name: What it is called.
    """

    label: int
    image: bytes = b""
    set_aside: str = ""
    channel_sum: tuple[int, int, int] = (0, 0, 0)
    channel_squares: tuple[int, int, int] = (0, 0, 0)
    name: str = ""


class Progress(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What has been written of one split, in one chunk or in all of them.

    Attributes:
      examples: Number of the source's examples, those that were set aside among them.
      labels: Label of each image.
      names: Name of each image, printable.
      lengths: Number of bytes of each image.
      sums: `image_store.image_checksum` of each image.
      set_aside: One line for each example that could not be used.
      channel_sum: Sum of all red, green and blue pixel values.
      channel_squares: Sum of their squares.
    """

    examples: _Count = 0
    labels: list[_Label] = []
    names: list[str] = []
    lengths: list[Annotated[int, Meta(ge=1)]] = []
    sums: list[_Count] = []
    set_aside: list[str] = []
    channel_sum: _Totals = msgspec.field(default_factory=lambda: [0, 0, 0])
    channel_squares: _Totals = msgspec.field(default_factory=lambda: [0, 0, 0])

    def __post_init__(self):
        counts = {len(part) for part in (self.labels, self.names, self.lengths, self.sums)}
        counts.add(self.examples - len(self.set_aside))
        if len(counts) > 1 or any(checksum >> 64 for checksum in self.sums):
            raise ValueError("labels, names, lengths and sums do not belong to the same images")
        if not all(name.isprintable() for name in self.names):
            raise ValueError("a name holds characters that cannot be printed")

    def add(self, other: Progress) -> None:
        """Adds a chunk."""
        self.examples += other.examples
        self.labels += other.labels
        self.names += other.names
        self.lengths += other.lengths
        self.sums += other.sums
        self.set_aside += other.set_aside
        self.channel_sum = _add_up([self.channel_sum, other.channel_sum])
        self.channel_squares = _add_up([self.channel_squares, other.channel_squares])


class _Chunk(Progress, forbid_unknown_fields=True, kw_only=True):
    split: Literal["train", "test", "val"]


class Journal:
    """Writes the images of a store; opened again on the same directory, it goes on where it was stopped.

    Attributes:
      progress: By split, what has been written.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        specification: Mapping[str, object],
        image_format: str,
        splits: Sequence[str] = image_store.SPLITS,
    ):
        """Opens or begins the journal of `directory`, and cuts off whatever is not part of a whole chunk.

        Args:
          directory: The store's directory while it is being written; made if need be.
          specification: What is being made, as JSON values. A directory begun with another one is refused, unless its
            source turned out to have problems, and so has been mended: then all begins anew.
          image_format: `raw` or `jpeg`.
          splits: Those of the store, in the order in which they are written.

        Raises:
          FileExistsError: The directory was begun with something else, or another process is at work in it.
          PermissionError: The directory cannot be written to.
          ValueError: Images that had been written are gone, or the journal's first line is damaged.
        """
        self._directory, self._specification, self._format = directory, specification, image_format
        self.progress = {split: Progress() for split in splits}
        if directory.is_dir() and any(directory.iterdir()) and not (directory / JOURNAL).is_file():
            raise FileExistsError(f"{directory} exists, and is no store that was begun; choose another --out")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = open(directory / JOURNAL, "ab+")
        except OSError as error:
            raise PermissionError(f"cannot write to {directory} ({error.strerror}); choose another --out") from error
        try:
            self._resume()
        except BaseException:
            self._close_file()
            raise

    def _resume(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"another process is preparing {self._directory}; wait for it") from None
        lines = self._read_sound_lines()
        if lines and lines[0] != self._specification and (self._directory / PROBLEMS).is_file():
            self.begin_anew()
            return
        if lines and lines[0] != self._specification:
            wanted = self._specification
            differing = [name for name in wanted if lines[0].get(name) != wanted[name]]
            raise FileExistsError(
                f"{self._directory} holds a store that was begun from something else (other {', '.join(differing)}); "
                "go on with the command that began it, or remove the directory"
            )
        if not lines:
            self._append_line(self._specification)
        for line in lines[1:]:
            try:
                chunk = safe_load.convert(line, _Chunk)
            except ValueError as error:
                raise self._damaged(str(error)) from error
            if chunk.split not in self.progress:
                raise self._damaged(f"there are no {chunk.split} images")
            self.progress[chunk.split].add(chunk)
        for split, progress in self.progress.items():
            self._truncate_images(split, sum(progress.lengths))

    def begin_anew(self) -> None:
        """Forgets whatever has been written."""
        (self._directory / PROBLEMS).unlink(missing_ok=True)
        self._file.truncate(0)
        self._append_line(self._specification)
        for split in image_store.ALL_SPLITS:
            if split not in self.progress:
                self._data_file(split).unlink(missing_ok=True)
        for split in self.progress:
            self.progress[split] = Progress()
            self._truncate_images(split, 0)

    def _read_sound_lines(self) -> list[dict[str, object]]:
        self._file.seek(0)
        lines: list[dict[str, object]] = []
        size = 0
        for line in self._file:
            try:
                lines.append(_read_line(line))
            except ValueError as error:
                if line.endswith(b"\n") and not lines:  # nobody knows what the rest belongs to
                    raise self._damaged(str(error)) from error
                break
            size += len(line)
        self._file.truncate(size)
        return lines

    def _damaged(self, what: str) -> ValueError:
        file = self._directory / JOURNAL
        return ValueError(f"{file} is damaged ({what}); remove {self._directory} and begin again")

    def _data_file(self, split: str) -> pathlib.Path:
        return self._directory / image_store.data_file(split, self._format)

    def _truncate_images(self, split: str, size: int) -> None:
        file = self._data_file(split)
        file.touch()
        if file.stat().st_size < size:
            raise ValueError(f"{file} has lost images that were written; remove {self._directory} and begin again")
        os.truncate(file, size)

    def _append_line(self, line: Mapping[str, object]) -> None:
        with name_in_errors(self._directory / JOURNAL):
            self._file.write(json.dumps(seal_json(line)).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def _close_file(self) -> None:
        with contextlib.suppress(OSError):  # it tries once more to write a line that failed, which was reported
            self._file.close()

    def write(self, split: str, records: Iterable[Record], chunk: int) -> Iterator[None]:
        """Writes records, and yields after each chunk, once it is on the disk and counts as progress.

        Args:
          split: One of the store's.
          records: Those that have not been written yet, in order.
          chunk: Number of examples in a chunk.
        """
        file = self._data_file(split)
        for batch in _batches(records, chunk):
            with name_in_errors(file), open(file, "ab") as data:
                written = _write_images(data, batch)
                data.flush()
                os.fsync(data.fileno())
            self._append_line({"split": split, **msgspec.structs.asdict(written)})
            self.progress[split].add(written)
            yield

    def close(self) -> None:
        """Gives up the directory's lock, and removes the directory if nothing has been written."""
        if not any(progress.examples for progress in self.progress.values()):
            shutil.rmtree(self._directory, ignore_errors=True)
        self._close_file()


def _read_line(line: bytes) -> dict[str, object]:
    if not line.endswith(b"\n"):
        raise ValueError("its end is torn")
    return unseal_json(line, dict[str, object])


def _batches(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    iterator = iter(records)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _write_images(data: BinaryIO, records: Sequence[Record]) -> Progress:
    good = [record for record in records if not record.set_aside]
    for record in good:
        data.write(record.image)
    return Progress(
        examples=len(records),
        labels=[record.label for record in good],
        names=[record.name for record in good],
        lengths=[len(record.image) for record in good],
        sums=[image_store.image_checksum(record.image) for record in good],
        set_aside=[record.set_aside for record in records if record.set_aside],
        channel_sum=_add_up([record.channel_sum for record in good]),
        channel_squares=_add_up([record.channel_squares for record in good]),
    )


def _add_up(channels: Iterable[Sequence[int]]) -> list[int]:
    red, green, blue = (sum(values) for values in zip((0, 0, 0), *channels, strict=True))
    return [red, green, blue]
