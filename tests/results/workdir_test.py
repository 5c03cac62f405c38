import dataclasses
import pathlib
import shutil
import subprocess
import sys

import pytest

from tf_transfer.data import image_store
from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.experiment.machine import Machine
from tf_transfer.experiment.settings import settings
from tf_transfer.results import workdir


def test_a_workdir_is_made_and_remembers_its_experiment(store, tmp_path):
    experiment = Experiment(store=store, layers=(1, 3))
    with workdir.owned(tmp_path / "deep" / "work") as path:
        settled = workdir.write_config(path, experiment)
    assert workdir.read_experiment(tmp_path / "deep" / "work") == settled
    assert dataclasses.replace(settled, recipe=experiment.recipe) == experiment


def test_another_process_holds_it_until_it_dies(tmp_path):
    code = "import sys\nfrom tf_transfer.results.workdir import owned\nwith owned(sys.argv[1]): print('held'); input()"
    command = [sys.executable, "-u", "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"held\n"
            with pytest.raises(ValueError, match="another sweep is at work in .*; wait for it, help it"):
                with workdir.owned(tmp_path):
                    pass
        finally:
            process.kill()
    with workdir.owned(tmp_path):
        pass


def test_other_runs_of_the_same_experiment_may_join(store, tmp_path):
    workdir.write_config(tmp_path, Experiment(store=store, layers=(1,)))
    more = Experiment(store=store, layers=(2,), split_seeds=(5,), cohort_size=1)
    assert workdir.write_config(tmp_path, more) == workdir.read_experiment(tmp_path)
    assert workdir.read_experiment(tmp_path).layers == (2,)


def test_another_experiment_may_not_and_the_fields_are_named(store, tmp_path):
    experiment = workdir.write_config(tmp_path, Experiment(store=store))
    other = dataclasses.replace(experiment, network="tiny", recipe=Recipe(batch_size=32))
    with pytest.raises(ValueError) as error:
        workdir.write_config(tmp_path, other)
    assert str(error.value) == (
        f"the workdir {str(tmp_path)!r} belongs to another config (network: 'convnet' there, 'tiny' now; "
        "recipe.batch_size: 64 there, 32 now); choose another --workdir, or go back to that config"
    )
    assert workdir.read_experiment(tmp_path) == experiment


def test_a_store_that_has_changed_at_the_same_path_is_another_one(store, tmp_path, redescribe):
    path = shutil.copytree(store, tmp_path / "store")
    experiment = Experiment(store=str(path))
    (tmp_path / "work").mkdir()
    workdir.write_config(tmp_path / "work", experiment)
    before, written = settings(experiment)["store"], (tmp_path / "work" / "config.json").read_bytes()
    meta = image_store.read_meta(str(path))
    redescribe(path, files=meta.files | {"train_sums.npy": "0" * 64})  # one image is another
    after = settings(experiment)["store"]
    for refuse in (workdir.check_config, workdir.write_config):
        with pytest.raises(ValueError, match=f"belongs to another config .store: '{before}' there, '{after}' now.;"):
            refuse(tmp_path / "work", experiment)
    assert (tmp_path / "work" / "config.json").read_bytes() == written


def test_a_workdir_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()  # below a file not even root can make a directory
    with pytest.raises(PermissionError, match="cannot write to the workdir .*file/work' [(].*[)]; choose another"):
        with workdir.owned(tmp_path / "file" / "work"):
            pass


def test_not_the_workdir_of_an_experiment(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not the workdir of an experiment [(]no config.json in it[)]"):
        workdir.read_experiment(tmp_path)


def test_a_damaged_config(store, tmp_path):
    (tmp_path / "config.json").write_text('{"config": ')
    with pytest.raises(ValueError, match=r"config.json is damaged \(.*\); restore it, or choose another workdir"):
        workdir.read_experiment(tmp_path)
    (tmp_path / "other").mkdir()
    workdir.write_config(tmp_path / "other", Experiment(store=store, seeds=(1,)))
    written = (tmp_path / "other" / "config.json").read_text()
    (tmp_path / "config.json").write_text(written.replace('"seeds": [\n   1', '"seeds": [\n   3'))
    with pytest.raises(ValueError, match=r"config.json is damaged \(its SHA-256 does not fit: it has changed since"):
        workdir.read_experiment(tmp_path)


@pytest.mark.parametrize("content", ["5", '{"config": 5}', '{"config": {}, "settings": []}', "[" * 10**5, "\x00"])
def test_a_config_of_other_types(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config.json is damaged \(.*\); restore it, or choose another workdir"):
        workdir.read_experiment(tmp_path)


def test_a_directory_of_something_else_is_not_written_to(store, image_folder):
    for path in (store, image_folder):
        found = min(entry.name for entry in pathlib.Path(path).iterdir())  # a used store also keeps mean images
        for use in (lambda path: workdir.owned(path).__enter__(), workdir.check_is_workdir, workdir.read_experiment):
            with pytest.raises(ValueError, match=f"not a workdir [(]no config.json in it[)] and not empty .*{found}"):
                use(path)
        assert not (pathlib.Path(path) / "lock").exists()


@pytest.mark.parametrize("link", ["results.csv", "runs", "tensorboard/report", "logs/x.log", "config.json"])
def test_no_link_leads_out_of_a_workdir(store, tmp_path, link):
    path, victim = tmp_path / "work", tmp_path / "victim"
    path.mkdir()
    workdir.write_config(path, Experiment(store=store))
    victim.mkdir()
    (path / link).unlink(missing_ok=True)
    (path / link).parent.mkdir(exist_ok=True)
    (path / link).symlink_to(victim)
    for use in (workdir.read_experiment, lambda path: workdir.check_config(path, Experiment(store=store))):
        with pytest.raises(ValueError, match=f"has a link in it, {link}, which might lead anywhere"):
            use(path)


def test_other_versions_are_named_and_mixed_knowingly_only(store, tmp_path, monkeypatch):
    monkeypatch.setattr(workdir, "installed_versions", lambda: {"python": "3.10.0", "keras": "3.0", "numpy": "2.1"})
    workdir.write_config(tmp_path, Experiment(store=store))
    monkeypatch.setattr(workdir, "installed_versions", lambda: {"python": "3.11.0", "keras": "3.1", "numpy": "2.1"})
    with pytest.raises(ValueError) as error:
        workdir.write_config(tmp_path, Experiment(store=store))
    assert str(error.value) == (
        f"the workdir {str(tmp_path)!r} was made with other versions (keras: '3.0' there, '3.1' now), which may "
        "compute differently; install those, choose another --workdir, or mix them knowingly with "
        "--allow_other_versions"
    )
    workdir.write_config(tmp_path, Experiment(store=store), allow_other_versions=True)
    workdir.write_config(tmp_path, Experiment(store=store))


def test_a_workdir_finds_its_store_from_everywhere(store, tmp_path, monkeypatch):
    monkeypatch.chdir(pathlib.Path(store).parent)
    workdir.write_config(tmp_path, Experiment(store=pathlib.Path(store).name))
    assert workdir.read_experiment(tmp_path).store == store


def test_a_file_is_no_workdir(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file' is a file, not a workdir; choose another --workdir"):
        workdir.check_is_workdir(tmp_path / "file")


def test_precision_is_settled_when_the_workdir_is_begun(store, tmp_path, monkeypatch):
    machine = Machine(num_cores=2, has_gpu=False, has_bfloat16=True)
    monkeypatch.setattr(Machine, "detect", lambda: machine)
    begun = workdir.write_config(tmp_path, Experiment(store=store))
    assert begun.recipe.precision == "mixed_bfloat16" == workdir.read_experiment(tmp_path).recipe.precision
    monkeypatch.setattr(Machine, "detect", lambda: dataclasses.replace(machine, has_bfloat16=False))
    # A machine without such instructions goes on as it was begun, unless it is told to do otherwise.
    assert workdir.write_config(tmp_path, Experiment(store=store)) == begun
    with pytest.raises(ValueError, match="recipe.precision: 'mixed_bfloat16' there, 'float32' now"):
        workdir.write_config(tmp_path, Experiment(store=store, recipe=Recipe(precision="float32")))
