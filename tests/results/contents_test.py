import shutil

import numpy as np
import pytest

from tests.helpers.predictions import predictions_with
from tf_transfer.data import image_store
from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.plan import make_plan
from tf_transfer.experiment.tasks import make_task
from tf_transfer.results import result_files, workdir
from tf_transfer.results.contents import missing_cohorts, read_contents


def names(cohorts):
    return [run.treatment.name for cohort in cohorts for run in cohort.runs]


def test_contents_of_a_finished_workdir(invented_workdir):
    contents = read_contents(invented_workdir)
    runs = result_files.finished_runs(invented_workdir)
    assert [outcome.run for outcome in contents.outcomes] == runs and set(contents.table["run"]) == set(runs)
    assert contents.missing == () and contents.plan_error == ""
    assert contents.images.correct.keys() == set(runs)
    assert all((len(correct), correct.sum()) == (12, 6) for correct in contents.images.correct.values())
    # A and B of one split share no test image, and together they have all of them.
    ids = contents.images.image_ids
    assert ids.keys() == {("random-0", "A"), ("random-0", "B")}
    assert sorted(np.concatenate(list(ids.values()))) == list(range(24))


def test_an_image_of_two_class_splits_has_one_number(store, make_result, tmp_path):
    workdir.write_config(tmp_path, Experiment(store))
    # Results of a split that the last sweep did not ask for count too.
    for split in ("random-0", "random-5"):
        result_files.write_result(tmp_path, make_result("baseB", split=split), {}, predictions_with(np.zeros(12, bool)))
    ids = read_contents(tmp_path).images.image_ids
    first, second = (set(ids[split, "B"]) for split in ("random-0", "random-5"))
    assert len(first) == len(second) == 12 and first | second < set(range(24))
    classes = [{*make_task(Experiment(store), ClassSplit("random", seed), "B").classes} for seed in (0, 5)]
    assert len(first & second) == 4 * len(classes[0] & classes[1])


def test_without_the_image_store_the_results_still_count(invented_workdir, store, tmp_path):
    moved = shutil.copytree(store, tmp_path / "store")
    directory = tmp_path / "work"
    directory.mkdir()
    workdir.write_config(directory, Experiment(str(moved)))
    shutil.copytree(invented_workdir / "runs", directory / "runs")
    shutil.rmtree(moved)
    image_store.read_meta.cache_clear()
    contents = read_contents(directory)
    assert len(contents.outcomes) == 37 and len(contents.images.correct) == 37 and contents.images.image_ids == {}
    assert contents.missing == () and str(moved) in contents.plan_error


def test_missing_cohorts_have_only_the_runs_that_are_lacking(invented_workdir, store, tmp_path):
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    for name in ("A3B", "B1B+"):
        shutil.rmtree(result_files.run_directory(directory, f"{name}_random-0_seed-0"))
    assert sorted(names(missing_cohorts(make_plan(Experiment(store)), directory))) == ["A3B", "B1B+"]
    assert sorted(names(read_contents(directory).missing)) == ["A3B", "B1B+"]


def test_no_finished_run(tmp_path):
    (tmp_path / "runs").mkdir()
    with pytest.raises(FileNotFoundError, match="no run is finished"):
        read_contents(tmp_path)
