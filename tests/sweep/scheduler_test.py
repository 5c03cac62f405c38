"""Real sweeps: the command, and processes that train. They take long, so the fast tests look at one."""

import random
import shutil

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.helpers.commands import run_python
from tests.helpers.files import limit_file_size, read_scalars
from tests.helpers.sweeps import assert_same_workdirs, run_to_the_end, run_until, sweep_arguments
from tf_transfer.results import result_files

RUNS = {f"{treatment}_random-0_seed-0" for treatment in ("baseB", "B1B", "B1B+")}
COLUMNS = (
    "run treatment kind split source target n images_per_class seed steps top1_mean_best10 top1_last per_class_last "
    "loss_last train_top1_last num_classes num_train_images num_test_images chance status caution seconds"
).split()


@pytest.fixture(scope="module")
def swept(store, tmp_path_factory):
    """The workdir of a sweep that nothing disturbed. Not to be changed."""
    path = tmp_path_factory.mktemp("swept")
    run_to_the_end([sweep_arguments(store, path)])
    return path


@pytest.fixture
def copied(swept, tmp_path):
    """A copy of that workdir, to be changed."""
    return shutil.copytree(swept, tmp_path / "copied")


def files_of_training(workdir):
    """When each result and each log was last written to, in nanoseconds."""
    files = [*workdir.glob("runs/*/*"), *workdir.glob("logs/*"), *workdir.glob("tensorboard/*_seed-0/*")]
    return {file: file.stat().st_mtime_ns for file in files}


def test_the_table_has_one_row_for_each_run(swept):
    table = pd.read_csv(swept / "results.csv")
    assert table.columns.tolist() == COLUMNS
    assert set(table["run"]) == RUNS
    assert set(table["status"]) == {"finished"}
    assert set(table["steps"]) == {12}
    assert table["top1_last"].between(0, 1).all()


def test_figures_are_drawn_of_accuracies_and_filters(swept):
    for name in ("figure2", "filters_baseB_random-0_seed-0"):
        assert (swept / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_run_has_its_curves_in_tensorboard(swept):
    for name in RUNS:
        curves = read_scalars(swept / "tensorboard" / name)
        assert set(curves) > {"loss", "learning_rate", "top1", "train_top1"}
        values = {tag: [value for _, value in points] for tag, points in curves.items()}
        assert [step for step, _ in curves["top1"]] == [4, 8, 12]
        outcome = result_files.read_result(swept, name)
        assert values["top1"] == pytest.approx(outcome.top1_history)
        assert values["loss"] == pytest.approx(outcome.loss_history)
        rates = values["learning_rate"]
        assert 0.03 > rates[0] > rates[1] > rates[2] == 0  # half a cosine


def test_the_figures_are_in_tensorboard(swept):
    events = EventAccumulator(str(swept / "tensorboard" / "report")).Reload()
    for tag in ("figure2", "learning_curves", "confusion", "filters/baseB_random-0_seed-0"):
        [image] = events.Images(tag)
        assert image.encoded_image_string == (swept / "figures" / f"{tag.replace('/', '_')}.png").read_bytes()


def test_swept_again_nothing_is_trained(copied, store):
    before = files_of_training(copied)
    again = run_python(*sweep_arguments(store, copied))
    assert again.returncode == 0, again.stderr
    assert "all runs are done" in again.stdout
    assert files_of_training(copied) == before


@pytest.mark.slow
def test_a_sweep_that_is_killed_twice_goes_on_to_the_same_results(swept, store, tmp_path):
    work = tmp_path / "work"
    commands = [sweep_arguments(store, work)]
    for kind, log in (("kill sweep", "random-0_seed-0_baseB.log"), ("terminate group", "random-0_seed-0_B1B.log")):
        begun = work / "logs" / log
        assert run_until(
            commands, lambda begun=begun: begun.exists() and b"starts" in begun.read_bytes(), kind, random.Random(1)
        )
        assert not (work / "results.csv").exists()
    run_to_the_end(commands)
    assert_same_workdirs(work, swept)


@pytest.mark.slow
def test_a_sweep_on_a_full_disk_says_so_and_goes_on_once_there_is_room(swept, store, tmp_path):
    arguments = sweep_arguments(store, tmp_path / "work", {"checkpoint_steps": 3})
    with limit_file_size(6 * 1024):
        failed = run_python(*arguments)
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert line.startswith("error: random-0_seed-0_baseB ") and "File too large" in line and "step-00000003" in line
    assert not (tmp_path / "work" / "runs").exists()
    run_to_the_end([arguments])
    assert_same_workdirs(tmp_path / "work", swept)


@pytest.mark.slow
def test_processes_that_grow_are_replaced(swept, store, tmp_path):
    # Each process finds that it has doubled with every cohort, and so ends after its second one.
    (tmp_path / "sitecustomize.py").write_text("""
import itertools, resource, types
growing = itertools.count(1)
resource.getrusage = lambda who: types.SimpleNamespace(ru_maxrss=2 ** next(growing))
""")
    arguments = sweep_arguments(store, tmp_path / "work", {"processes": 1})
    done = run_python(*arguments, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert result_files.finished_runs(tmp_path / "work") == result_files.finished_runs(swept)


@pytest.mark.slow
def test_a_damaged_result_is_named_moved_aside_and_trained_again(swept, copied, store):
    weights = copied / "runs" / "baseB_random-0_seed-0" / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1])
    (copied / "runs" / "B1B_random-0_seed-0" / "predictions.npz").unlink()
    again = run_python(*sweep_arguments(store, copied))
    assert again.returncode == 0, again.stderr
    for number, name in enumerate(("baseB_random-0_seed-0/weights.npz", "B1B_random-0_seed-0/predictions.npz")):
        caution, damaged = again.stdout.splitlines()[number], copied / "damaged" / name.split("/")[0]
        assert caution.startswith("caution: ") and f"{copied}/runs/{name}" in caution and f"{damaged}-1" in caution
    assert len(list((copied / "damaged").iterdir())) == 2
    assert_same_workdirs(copied, swept)


def test_a_cohort_that_fails_is_one_line_that_names_its_log(copied, store):
    shutil.rmtree(copied / "runs" / "B1B_random-0_seed-0")
    shutil.rmtree(copied / "tensorboard" / "B1B_random-0_seed-0")
    (copied / "tensorboard" / "B1B_random-0_seed-0").touch()  # in the way of the run's directory
    failed = run_python(*sweep_arguments(store, copied))
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    log = copied / "logs" / "random-0_seed-0_B1B.log"
    for word in ("error: random-0_seed-0_B1B", "FileExistsError", str(log), "run the same command again"):
        assert word in line
    assert "Traceback" in log.read_text()
    assert "planned and not done: B1B\n" in failed.stdout and "Not complete" in (copied / "report.html").read_text()


def test_a_workdir_belongs_to_one_config(copied, store):
    before = (copied / "config.json").read_text()
    refused = run_python(*sweep_arguments(store, copied, {"recipe.momentum": 0.5}))
    assert refused.returncode == 1
    [line] = refused.stderr.splitlines()
    assert str(copied) in line and "momentum: 0.9 there, 0.5 now" in line
    assert (copied / "config.json").read_text() == before
