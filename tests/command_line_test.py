"""The binaries as a user runs them: real processes, in which an import of TensorFlow is an error."""

import shutil

import pytest

import tf_transfer
from tests.helpers.commands import ROOT, run_python
from tests.helpers.files import read_files
from tf_transfer.__main__ import COMMANDS

CONFIG = "--config=configs/default.py"
SLOW = pytest.mark.slow  # of several mistakes that are found in one way, the first is among the fast tests


@pytest.fixture(scope="module")
def run(run_without_tensorflow):
    """Returns a function that runs `bin/NAME.py` with some flags, and further arguments of `run_python`."""
    return lambda name, *flags, **how: run_without_tensorflow(ROOT / "bin" / f"{name}.py", *flags, **how)


@pytest.mark.parametrize(
    "name, flags",
    [
        ("prepare", ["source", "out", "image_size", "format", "data_dir", "manual_dir", "holdout", "seed"]),
        ("prepare", ["resize", "labels", "min_images_per_class", "max_bad_share", "[no]allow_duplicates"]),
        ("sweep", ["config", "like", "workdir", "[no]join", "[no]dry_run", "gflops"]),
        ("report", ["workdir", "metric", "compare", "[no]published", "out"]),
        ("export", ["workdir", "run", "to"]),
    ],
)
def test_help(run, name, flags):
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split(":")[0].strip() for line in done.stdout.splitlines()} >= {f"--{flag}" for flag in flags}
    assert f"python bin/{name}.py" in done.stdout
    # The two ways to call a command differ only in how its help shows that.
    by_name = run_python("-m", "tf_transfer", name, "--help")
    assert by_name.stdout == done.stdout.replace(f"python bin/{name}.py", f"tf-transfer {name}")


@pytest.mark.parametrize(
    "name, flags, words",
    [
        ("sweep", [CONFIG, "--colour=1"], ["Unknown", "'colour'"]),
        ("prepare", ["--source=shapes", "--out=x", "--format=gif"], ["--format=gif", "raw|jpeg"]),
        pytest.param("prepare", ["--source=shapes", "--out=x", "--holdout=2"], ["--holdout=2", "range"], marks=SLOW),
        ("prepare", ["--source=shapes"], ["--out", "--help"]),
        pytest.param("prepare", ["--source=shapes", "--out="], ["--out", "--help"], marks=SLOW),
        ("sweep", ["--workdir=x"], ["--config", "--like", "--join", "--help"]),
        ("sweep", [CONFIG, "--like=y", "--workdir=x"], ["--config", "--like", "--join", "--help"]),
        ("sweep", ["--config=configs/nowhere.py", "--workdir=x"], ["configs/nowhere.py"]),
        ("sweep", ["--config=cifar1000", "--workdir=x"], ["'cifar1000'", "cifar100"]),
        ("sweep", [CONFIG, "--workdir=gs://bucket/x"], ["--workdir", "no path of this machine"]),
        pytest.param("prepare", ["--source=shapes", "--out=C:\\x"], ["--out", "Windows"], marks=SLOW),
        ("sweep", ["--config.layers=(1,)", "--join", "--workdir=x"], ["--config.layers", "--config,"]),
        ("sweep", ["--config=README.md", "--workdir=x"], ["config", "SyntaxError"]),
        pytest.param("sweep", ["--config=setup.py", "--workdir=x"], ["config", "ends the program"], marks=SLOW),
        ("report", ["--workdir=x", "y"], ["'y'", "--help"]),
        ("report", [], ["--workdir", "--published", "--help"]),
        pytest.param("report", ["--workdir=x", "--published"], ["--workdir", "--published", "both"], marks=SLOW),
        ("report", ["--workdir=x", "--out=y"], ["--out", "--published"]),
        ("report", ["--workdir=x", "--compare=y"], ["--compare=y", "published"]),
        pytest.param("report", ["--published", "--metric=top1_last"], ["--published", "metric"], marks=SLOW),
        pytest.param("report", ["--published", "--compare=published"], ["--published", "--compare"], marks=SLOW),
        ("sweep", [CONFIG, "--config.colour=1"], ["'colour'", "configs/default.py"]),
        ("sweep", [CONFIG, "--config.stroe=x"], ["'stroe'", "'store'"]),
        pytest.param("sweep", [CONFIG, "--config.recipe.rate=1"], ["'recipe.rate'", "configs/default.py"], marks=SLOW),
        ("sweep", [CONFIG, "--config.recipe.tests=3"], ["recipe.tests", "recipe.evaluations"]),
        ("sweep", [CONFIG, "--config.recipe.epochs=x"], ["--config.recipe.epochs=x"]),
    ],
)
def test_wrong_flags_are_one_line_and_status_2(run, name, flags, words):
    done = run(name, *flags)
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not [word for word in words if word not in done.stderr], done.stderr
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    "name, flags, words",
    [
        ("prepare", ["--source=folder:nowhere", "--out=x"], ["'nowhere'"]),
        ("prepare", ["--source=shapes", "--out=README.md/x"], ["README.md/x", "Not a directory"]),
        pytest.param(
            "prepare", ["--source=shapes", "--out=x", "--image_size=9999"], ["image_size", "9999"], marks=SLOW
        ),
        pytest.param("prepare", ["--source=photos", "--out=x"], ["'photos'", "tfds:NAME", "folder:DIR"], marks=SLOW),
        ("sweep", [CONFIG, "--workdir=x"], ["--config.store", "tf-transfer prepare"]),
        ("sweep", [CONFIG, "--config.store=nowhere", "--workdir=x"], ["'nowhere'"]),
        ("sweep", [CONFIG, "--config.store={store}"], ["--workdir=DIR"]),
        pytest.param("sweep", ["--like={workdir}"], ["--workdir=DIR"], marks=SLOW),
        pytest.param("sweep", ["--join"], ["--workdir=DIR"], marks=SLOW),
        pytest.param("sweep", ["--like=nowhere", "--workdir=x"], ["'nowhere'", "config.json"], marks=SLOW),
        ("sweep", [CONFIG, "--config.store={store}", "--workdir=configs"], ["'configs'", "config.json"]),
        pytest.param(
            "sweep", [CONFIG, "--config.recipe.learning_rate=nan"], ["recipe.learning_rate", "nan"], marks=SLOW
        ),
        ("sweep", [CONFIG, "--config.treatments=XnB"], ["'XnB'", "AnB"]),
        pytest.param("sweep", [CONFIG, "--config.network=vgg"], ["'vgg'", "caffenet"], marks=SLOW),
        pytest.param("sweep", [CONFIG, "--config.layers=(8,)"], ["layers", "1..7", "8"], marks=SLOW),
        pytest.param("sweep", [CONFIG, "--config.layers=abc"], ["layers", "int", "str"], marks=SLOW),
        pytest.param("report", ["--published", "--out=README.md"], ["'README.md'", "--out"], marks=SLOW),
        ("report", ["--workdir=README.md"], ["'README.md'", "--workdir"]),
        pytest.param("report", ["--workdir=nowhere"], ["'nowhere'", "config.json"], marks=SLOW),
        ("export", ["--workdir=nowhere", "--run=A3B", "--to=x"], ["'nowhere'"]),
        ("export", ["--workdir={workdir}", "--run=../../x", "--to=x"], ["'../../x'", "baseA"]),
    ],
)
def test_wrong_values_are_one_line_and_status_1(run, store, invented_workdir, name, flags, words):
    flags = [flag.format(store=store, workdir=invented_workdir) for flag in flags]
    if CONFIG in flags and not any(flag.startswith(("--workdir", "--config.store")) for flag in flags):
        flags += [f"--config.store={store}", "--dry_run"]
    done = run(name, *flags)
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not [word for word in words if word not in done.stderr], done.stderr
    assert (done.returncode, done.stdout) == (1, "")


def test_prepare_and_dry_run(run, image_folder, tmp_path):
    done = run("prepare", f"--source=folder:{image_folder}", f"--out={tmp_path}/store", "--format=jpeg")
    assert (done.returncode, done.stderr) == (0, "") and "train: 72 images, 12 per class" in done.stdout
    done = run("sweep", CONFIG, f"--config.store={tmp_path}/store", f"--workdir={tmp_path}/work", "--dry_run")
    assert (done.returncode, done.stderr) == (0, "") and "runs to train: 37 of 37, in 19 cohorts" in done.stdout
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "line, words",
    [
        ("config.recipe.tests = 3", ["field tests", "called evaluations", "mine.py, line 5"]),
        ("config.recipe.update(mirror=True)", ["field mirror", "called random_flip", "mine.py, line 5"]),
        ("config.blocks.mine = {'tests': 3}", ["blocks.mine.tests", "called blocks.mine.evaluations"]),
        pytest.param("config.colour = 1", ["cannot be loaded", "AttributeError", "colour"], marks=SLOW),
        pytest.param("1 / 0", ["cannot be loaded", "ZeroDivisionError"], marks=SLOW),
        pytest.param("return 5", ["must return a ConfigDict, got int"], marks=SLOW),
    ],
)
def test_what_is_wrong_in_a_config_is_one_line(run, tmp_path, line, words):
    config = tmp_path / "mine.py"
    lines = ["from configs import default", "", "def get_config():", "    config = default.get_config()", f"    {line}"]
    config.write_text("\n".join([*lines, "    return config"]))
    done = run("sweep", f"--config={config}", "--config.store=x", "--dry_run")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not [word for word in words if word not in done.stderr], done.stderr
    assert done.returncode in (1, 2) and done.stdout == ""


def test_fields_of_the_config_are_set_on_the_command_line(run, store, tmp_path):
    fields = [f"--config.store={store}", "--config.layers=(1, 4)", "--config.recipe.epochs", "2.5"]
    fields += ["--config.recipe.random_flip", "--config.split_seeds=3,5", "--config.treatments=AnB"]
    done = run("sweep", CONFIG, *fields, f"--workdir={tmp_path}", "--dry_run")
    assert (done.returncode, done.stderr) == (0, "") and "runs to train: 8 of 8" in done.stdout
    assert "split random-3" in done.stdout and "split random-5" in done.stdout


def test_a_config_of_the_package_by_its_name(run, store, tmp_path):
    (tmp_path / "default").write_text("no config")  # what lies in the current directory is not meant
    flags = [f"--config.store={store}", "--config.network=tiny", "--dry_run"]
    done = run("sweep", "--config=default", *flags, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and "runs to train: 12 of 12" in done.stdout


def test_home_in_paths_and_blanks_in_printed_commands(run, store, tmp_path):
    home = tmp_path / "Ann \u00e9"
    home.mkdir()
    flags = [CONFIG, "--config.store=~/my store", "--config.network=tiny", "--workdir=~/work", "--dry_run"]
    missing = run("sweep", *flags, env={"HOME": str(home)})
    assert missing.returncode == 1 and f"'--out={home}/my store'" in missing.stderr
    shutil.copytree(store, home / "my store")
    done = run("sweep", *flags, env={"HOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_that_knows_ascii_alone(run, tmp_path):
    done = run("report", f"--workdir={tmp_path}/caf\u00e9", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 1 and "caf\\xe9" in done.stderr and done.stderr.count("\n") == 1


def test_one_program_for_all_commands():
    done = run_python("-m", "tf_transfer")
    assert done.returncode == 0 and all(f"tf-transfer {name}" in done.stdout for name in COMMANDS)
    assert run_python("-m", "tf_transfer", "--version").stdout == f"tf_transfer {tf_transfer.__version__}\n"
    done = run_python("-m", "tf_transfer", "swep", "--workdir=x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "'swep'; perhaps 'sweep'" in done.stderr


def test_on_windows_all_ends_in_one_line(tmp_path):
    (tmp_path / "fcntl.py").write_text("raise ModuleNotFoundError('No module named fcntl')")
    env = {"PYTHONPATH": str(tmp_path)}
    for name in COMMANDS:
        done = run_python(f"bin/{name}.py", "--workdir=x", env=env)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "Windows" in done.stderr
    done = run_python("-c", "import tf_transfer; tf_transfer.prepare", env=env)
    assert done.stderr.splitlines()[-1].startswith("ImportError: ") and "WSL" in done.stderr


def test_what_is_wrong_with_images_is_one_line_with_the_flag_that_goes_on(run, image_folder, tmp_path):
    folder = shutil.copytree(image_folder / "test", tmp_path / "my pictures" / "Training")
    shutil.copytree(folder, tmp_path / "my pictures" / "Testing")
    (folder / "cat" / "torn.png").write_bytes(b"no image")
    flags = (f"--source=folder:{folder.parent}", f"--out={tmp_path}/a store", "--resize=crop")
    done = run("prepare", *flags)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "1 of 49 images cannot be used" in done.stderr and "--max_bad_share=0.03" in done.stderr
    assert "24 of 24 test images are train images too" in done.stderr and "--allow_duplicates" in done.stderr
    assert f"{tmp_path}/a store.partial/problems.txt" in done.stderr
    done = run("prepare", *flags, "--max_bad_share=0.03", "--allow_duplicates")
    assert (done.returncode, done.stderr) == (0, "") and "caution: 24 of 24 test images are" in done.stdout


def test_the_experiment_of_another_workdir(run, invented_workdir, tmp_path):
    done = run("sweep", f"--like={invented_workdir}", f"--workdir={tmp_path}/new", "--dry_run")
    assert (done.returncode, done.stderr) == (0, "") and "runs to train: 37 of 37, in 19 cohorts" in done.stdout


def test_the_report_of_a_workdir(run, invented_workdir, tmp_path):
    workdir = tmp_path / "work"
    shutil.copytree(invented_workdir, workdir, ignore=shutil.ignore_patterns("[AR]?B*", "B[2-7]B*"))
    done = run("report", f"--workdir={workdir}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "planned and not done: A1B" in done.stdout and f"{workdir}/report.html" in done.stdout
    drawn = {"report.html", "results.csv", "figures/figure2.png", "figures/filters_baseB_random-0_seed-0.png"}
    assert drawn <= read_files(workdir).keys()


def test_the_published_report(published_report):
    directory, printed = published_report
    lines = [line.split() for line in printed.splitlines()]
    assert ["baseB", "62.5"] in lines and ["over", "baseB", "1.6", "1.8", "2.1"] in lines
    assert [line[-1] for line in lines if line[:1] == ["AnB"]] == ["54.2", "34.5"]
    assert (directory / "reduced_volume.png").is_file()
