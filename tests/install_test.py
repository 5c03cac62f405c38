"""The package as `pip install .` leaves it, used from elsewhere, without the checkout."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.commands import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Returns a function that runs `tf-transfer` with some arguments, as it was installed into a directory."""
    root = tmp_path_factory.mktemp("installed")
    shutil.copytree(ROOT, root / "source", ignore=shutil.ignore_patterns(".*", "build", "work", "stores", "tests"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={root / 'packages'}"]
    subprocess.run([*pip, root / "source"], check=True, cwd=root)
    shutil.rmtree(root / "source")
    environment = {**os.environ, "PYTHONPATH": str(root / "packages")}

    def run(*arguments):
        command = [sys.executable, root / "packages" / "bin" / "tf-transfer", *arguments]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)

    return run


def test_the_whole_way(installed, store, tmp_path):
    fields = [f"--config.store={store}", "--config.network=tiny", "--config.layers=1", "--config.treatments=BnB"]
    fields += ["--config.recipe.steps=4", "--config.recipe.evaluations=2", "--config.recipe.batch_size=12"]
    done = installed("sweep", "--config=default", *fields, f"--workdir={tmp_path}/a b")
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "a b" / "report.html").is_file()
    done = installed("report", f"--workdir={tmp_path}/a b")
    assert (done.returncode, done.stderr) == (0, "")
    done = installed("export", f"--workdir={tmp_path}/a b", "--run=B1B", f"--to={tmp_path}/out")
    assert (done.returncode, done.stderr) == (0, "")  # nothing of TensorFlow's


def test_the_configs_are_there(installed):
    done = installed("sweep", "--config=cifar100", "--dry_run")
    assert done.returncode == 1 and "tf-transfer prepare --source=... --out=stores/cifar100" in done.stderr
    done = installed("sweep", "--config=imagenet_paper", "--dry_run")  # which starts from the default config
    assert (done.returncode, done.stderr) == (0, "") and "163 networks" in done.stdout
