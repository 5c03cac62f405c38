"""TensorBoard event files, written with TensorBoard's own parts, so that no TensorFlow has to be imported."""

from __future__ import annotations

import os
import pathlib
import socket
import time
from collections.abc import Mapping

from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.summary.writer.record_writer import RecordWriter


class TensorBoardLog:
    """Writes one directory of events, which TensorBoard shows as one run."""

    def __init__(self, directory: pathlib.Path):
        """Starts the log afresh: what an earlier, interrupted run wrote there is removed."""
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("events.out.tfevents.*"):
            old.unlink()
        # TensorBoard's own EventFileWriter would import TensorFlow.
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._file = open(directory / name, "wb")
        self._writer = RecordWriter(self._file)
        self._write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Writes numbers under their tags."""
        self._add([summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()], step)

    def image(self, tag: str, file: pathlib.Path, step: int = 0) -> None:
        """Writes a PNG file as an image."""
        with Image.open(file) as picture:
            width, height = picture.size
        image = summary_pb2.Summary.Image(
            height=height, width=width, colorspace=4, encoded_image_string=file.read_bytes()
        )
        self._add([summary_pb2.Summary.Value(tag=tag, image=image)], step)

    def hparams(self, values: Mapping[str, str | float | bool], name: str) -> None:
        """Writes the hyper-parameters of the run called `name`."""
        self._add(hparams_summary.hparams_pb(dict(values), trial_id=name).value, 0)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _add(self, values, step: int) -> None:
        summary = summary_pb2.Summary(value=values)
        self._write(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, event: event_pb2.Event) -> None:
        self._writer.write(event.SerializeToString())
        self._file.flush()
