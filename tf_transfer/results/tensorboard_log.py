"""TensorBoard event files, written with TensorBoard's own classes, so that TensorFlow need not be imported."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import time
from collections.abc import Mapping, Sequence

from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalar
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.summary.writer.record_writer import RecordWriter

from tf_transfer.experiment import treatments
from tf_transfer.files.atomic import name_in_errors
from tf_transfer.results.result import Result

Hyperparameters = Mapping[str, str | float | bool]


HYPERPARAMETERS = ("kind", "n", "target", "split", "images_per_class", "seed")  # the rest is in the run's name


def top1_tag(kind: str) -> str:
    """The tag of each run's second copy of its top-1 accuracy, so that a chart can show one treatment alone."""
    return f"top1/{treatments.pattern(kind)}"


def hyperparameters(result: Result) -> dict[str, str | float | bool]:
    """What distinguishes a run from the others, for the HParams tab."""
    row = result.row()
    return {name: row[name] for name in HYPERPARAMETERS}


class TensorBoardLog:
    """Writes one directory of events, which TensorBoard shows as one run."""

    def __init__(self, directory: pathlib.Path):
        """Starts a new log: what an earlier, interrupted run wrote there is removed."""
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("events.out.tfevents.*"):
            old.unlink()
        # TensorBoard's own EventFileWriter would import TensorFlow.
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"
        self._path = directory / name
        self._file = open(self._path, "wb")
        self._writer = RecordWriter(self._file)
        # Makes a TensorBoard that is showing the removed log forget it.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        try:
            self._write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
            self._write(event_pb2.Event(wall_time=time.time(), session_log=start))
        except OSError:
            self.close()
            raise

    def scalars(self, values: Mapping[str, float], step: int, wall_time: float | None = None) -> None:
        """Writes numbers under their tags; `wall_time` in seconds since 1970, now by default."""
        summaries = [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(summaries, step, wall_time)

    def image(self, tag: str, file: pathlib.Path, step: int = 0) -> None:
        """Writes a PNG file as an image."""
        with Image.open(file) as picture:
            width, height = picture.size
        image = summary_pb2.Summary.Image(
            height=height, width=width, colorspace=4, encoded_image_string=file.read_bytes()
        )
        self._add([summary_pb2.Summary.Value(tag=tag, image=image)], step)

    def session(self, values: Hyperparameters, name: str, finished: bool) -> None:
        """Writes the hyper-parameters of the run called `name`, and whether its training came to its end."""
        self._add(hparams_summary.hparams_pb(dict(values), trial_id=name).value, 0)
        status = api_pb2.STATUS_SUCCESS if finished else api_pb2.STATUS_FAILURE
        ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=time.time())
        value = summary_pb2.Summary.Value(
            tag=hparams_metadata.SESSION_END_INFO_TAG,
            metadata=hparams_metadata.create_summary_metadata(
                plugin_data_pb2.HParamsPluginData(session_end_info=ended)
            ),
            tensor=hparams_metadata.NULL_TENSOR,
        )
        self._add([value], 0)

    def sessions(self, values: Mapping[str, Sequence[str | float]], metrics: Mapping[str, str]) -> None:
        """Writes what the HParams tab shows of all sessions: hyper-parameters and results.

        Args:
          values: The values that each hyper-parameter takes.
          metrics: What each scalar is called there, by its tag.
        """
        hparams = [hparams_summary.HParam(name, hparams_summary.Discrete(of_one)) for name, of_one in values.items()]
        shown = [hparams_summary.Metric(tag, display_name=name) for tag, name in metrics.items()]
        self._add(hparams_summary.hparams_config_pb(hparams, shown).value, 0)

    def charts(self, tags: Mapping[str, Mapping[str, str]]) -> None:
        """Lays out the Custom Scalars tab.

        Args:
          tags: By category and by the chart's title, a regular expression of the tags that it shows, of all runs.
        """
        categories = [
            layout_pb2.Category(
                title=category,
                chart=[
                    layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=[expression]))
                    for title, expression in charts.items()
                ],
            )
            for category, charts in tags.items()
        ]
        content = layout_pb2.Layout(category=categories).SerializeToString()
        value = summary_pb2.Summary.Value(
            tag=custom_scalar.CONFIG_SUMMARY_TAG,
            metadata=custom_scalar.create_summary_metadata(),
            tensor=tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[content]),
        )
        self._add([value], 0)

    def close(self) -> None:
        """Closes the file."""
        with contextlib.suppress(OSError):  # the write that failed has been reported
            self._file.close()

    def __enter__(self) -> TensorBoardLog:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _add(self, values, step: int, wall_time: float | None = None) -> None:
        summary = summary_pb2.Summary(value=values)
        self._write(event_pb2.Event(wall_time=wall_time or time.time(), step=step, summary=summary))

    def _write(self, event: event_pb2.Event) -> None:
        with name_in_errors(self._path):
            self._writer.write(event.SerializeToString())
            self._file.flush()
