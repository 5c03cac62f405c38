"""A disk that is full at any write: an error that says so, nothing half-written, and it goes on once there is room."""

import contextlib
import errno
import pathlib
import shutil

import numpy as np
import pytest

from tests.helpers.files import limit_file_size, read_event_values, read_files
from tests.helpers.predictions import predictions_with
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.experiment.tasks import Task
from tf_transfer.networks import normalisation
from tf_transfer.report.reports import write_report
from tf_transfer.results import checkpoints, result_files, workdir
from tf_transfer.results.tensorboard_log import TensorBoardLog

ARRAYS = {"layer1/0": np.arange(5000.0), "layer1/1": np.zeros(5000)}


def write_result(path, make_result):
    result_files.write_result(path, make_result("A1B"), ARRAYS, predictions_with(np.zeros(5000, bool)))


def write_checkpoint(path, make_result):
    checkpoints.save(path / "checkpoints", checkpoints.Checkpoint(3, {"runs": []}, ARRAYS, {"history": [0.5] * 3000}))


def write_table(path, make_result):
    result_files.write_table(path, result_files.table([make_result("A1B")] * 60))


def write_config(path, make_result):
    workdir.write_config(path, Experiment(store=write_config.store))


@pytest.mark.parametrize("write", [write_result, write_checkpoint, write_table, write_config])
@pytest.mark.parametrize("room", [0, 700, 4096])
def test_nothing_is_half_written(write, room, store, tmp_path, make_result):
    write_config.store = store
    with limit_file_size(room):
        try:
            write(tmp_path, make_result)
        except OSError as error:
            assert error.errno == errno.EFBIG
            assert read_files(tmp_path) == {}
        else:
            assert room == 4096 and write is write_config
    write(tmp_path, make_result)
    whole = read_files(tmp_path)
    with limit_file_size(room), contextlib.suppress(OSError):
        write(tmp_path, make_result)
    assert read_files(tmp_path) == whole


@pytest.mark.parametrize("room", [0, 30_000, 100_000])
def test_a_report_on_a_full_disk_leaves_the_old_one_whole(room, reported, tmp_path):
    path = shutil.copytree(reported.page_path.parent, tmp_path / "work")
    for file in path.glob("figures/*.png"):
        file.write_bytes(b"old")
    with limit_file_size(room), pytest.raises(OSError, match="File too large"):
        write_report(path, "top1_last")
    assert not [name for name in read_files(path) if pathlib.Path(name).name.startswith(".")]
    for file in path.glob("figures/*.png"):
        content = file.read_bytes()
        assert content == b"old" or content.endswith(b"IEND\xaeB`\x82"), file
    assert (path / "report.html").read_text().rstrip().endswith("</html>")
    assert len((path / "results.csv").read_text().splitlines()) == 38


@pytest.mark.parametrize("room, file", [(0, "journal.jsonl"), (100_000, "train.raw")])
def test_a_store_on_a_full_disk_is_not_taken_for_one(room, file, image_folder, tmp_path):
    message = f"File too large; {tmp_path}/store.partial/{file} could not be written"
    with limit_file_size(room), pytest.raises(OSError, match=message):
        prepare_store(open_source(f"folder:{image_folder}"), str(tmp_path / "store"))
    assert not (tmp_path / "store" / "meta.json").exists()
    made = prepare_store(open_source(f"folder:{image_folder}"), str(tmp_path / "store"))
    assert sum(made.meta.images_per_class["train"]) == 72 and not made.already_there


def test_a_mean_image_that_cannot_be_kept_is_computed_each_time(store, tmp_path):
    copied = str(shutil.copytree(store, tmp_path / "store", ignore=shutil.ignore_patterns("mean_images")))
    task, recipe = Task(copied, (1, 4)), Recipe(normalisation="mean image")
    with limit_file_size(4096):
        mean = normalisation.of_task(task, recipe).mean
    assert not any((tmp_path / "store" / "mean_images").iterdir())
    np.testing.assert_array_equal(normalisation.of_task(task, recipe).mean, mean)
    assert len(list((tmp_path / "store" / "mean_images").iterdir())) == 1


@pytest.mark.parametrize("room", [0, 100, 300])
def test_a_log_on_a_full_disk_is_named_and_written_anew(room, tmp_path):
    with limit_file_size(room), pytest.raises(OSError, match=r"too large; .*/events\.out\..* could not be written"):
        with TensorBoardLog(tmp_path) as log:
            for step in range(100):
                log.scalars({"loss": 1.0}, step)
    with TensorBoardLog(tmp_path) as log:
        log.scalars({"loss": 1.0}, 7)
    assert [(step, value.simple_value) for step, value in read_event_values(tmp_path)] == [(7, 1.0)]
