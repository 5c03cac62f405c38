"""Directories, full disks, and TensorBoard's event files."""

from __future__ import annotations

import contextlib
import pathlib
import resource
import struct
from collections.abc import Iterator

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary


def read_files(directory: str | pathlib.Path) -> dict[str, bytes]:
    """The contents of all files in a directory and below it, by their paths from there."""
    root = pathlib.Path(directory)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@contextlib.contextmanager
def limit_file_size(num_bytes: int) -> Iterator[None]:
    """Within it, no file can grow beyond so many bytes: writing more fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def read_event_values(directory: pathlib.Path) -> list[tuple[int, Summary.Value]]:
    """(step, value) of everything in a directory's event files, in the order in which it was written.

    TensorBoard's own reader hides what a value is described by. A record is its length, a check, the event, a check.
    """
    values = []
    for file in directory.iterdir():
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            values += [(event.step, value) for value in event.summary.value]
            content = content[12 + length + 4 :]
    return values


def read_scalars(directory: pathlib.Path) -> dict[str, list[tuple[int, float]]]:
    """TensorBoard's curves in a directory: (step, value) of each point, by tag."""
    events = EventAccumulator(str(directory)).Reload()
    return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
