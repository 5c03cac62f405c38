"""The binaries as a user runs them: real processes, in which an import of TensorFlow is an error."""

import shutil

import pytest

from tests.helpers.files import read_files

CONFIG = "--config=configs/default.py"


@pytest.fixture(scope="module")
def run(run_without_tensorflow):
    """Returns a function that runs `bin/NAME.py` with some flags."""
    return lambda name, *flags: run_without_tensorflow(f"bin/{name}.py", *flags)


@pytest.mark.parametrize(
    "name, flags",
    [
        ("prepare", ["source", "out", "image_size", "format", "data_dir", "manual_dir", "holdout", "seed"]),
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


@pytest.mark.parametrize(
    "name, flags, message",
    [
        ("sweep", [CONFIG, "--colour=1"], "Unknown command line flag 'colour'"),
        ("prepare", ["--source=shapes", "--out=x", "--format=gif"], "flag --format=gif: value should be one of"),
        ("prepare", ["--source=shapes", "--out=x", "--holdout=2"], "flag --holdout=2: 2.0 is not a number in the"),
        ("prepare", ["--source=shapes"], "--out is missing; see --help"),
        ("prepare", ["--source=shapes", "--out="], "--out is missing; see --help"),
        ("sweep", ["--workdir=x"], "expected one of --config, --like, --join, got none of them; see --help"),
        (
            "sweep",
            [CONFIG, "--like=y", "--workdir=x"],
            "expected one of --config, --like, --join, got --config and --l",
        ),
        ("sweep", ["--config=README.md", "--workdir=x"], "the config cannot be loaded (SyntaxError: "),
        ("sweep", ["--config=setup.py", "--workdir=x"], "the config cannot be loaded (it ends the program: "),
        ("report", ["--workdir=x", "y"], "unexpected arguments ['y']: flags start with --; see --help"),
        (
            "report",
            [],
            "flags workdir=None, published=False: expected either --workdir=DIR or --published (see --help)",
        ),
        ("report", ["--workdir=x", "--published"], "flags workdir=x, published=True: expected either --workdir=DIR or"),
        ("report", ["--workdir=x", "--out=y"], "flags workdir=x, out=y: --out goes with --published; a workdir's"),
        ("report", ["--workdir=x", "--compare=y"], "flag --compare=y: value should be one of <published>"),
        (
            "report",
            ["--published", "--metric=top1_last"],
            "flags published=True, compare=None, metric=top1_last: --pub",
        ),
        (
            "report",
            ["--published", "--compare=published"],
            "flags published=True, compare=published, metric=None: --pu",
        ),
        ("sweep", [CONFIG, "--config.colour=1"], "the config has no field 'colour'; configs/default.py lists them all"),
        ("sweep", [CONFIG, "--config.stroe=x"], "the config has no field 'stroe'; perhaps 'store' is meant; "),
        ("sweep", [CONFIG, "--config.recipe.rate=1"], "the config has no field 'rate'; configs/default.py lists them"),
        ("sweep", [CONFIG, "--config.recipe.tests=3"], "the config field 'tests' is now called 'evaluations'; "),
        ("sweep", [CONFIG, "--config.recipe.epochs=x"], "flag --config.recipe.epochs=x: could not convert string to"),
    ],
)
def test_wrong_flags_are_one_line_and_status_2(run, name, flags, message):
    done = run(name, *flags)
    assert done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    "name, flags, message",
    [
        ("prepare", ["--source=folder:nowhere", "--out=x"], "there is no folder 'nowhere'; expected DIR"),
        (
            "prepare",
            ["--source=shapes", "--out=README.md/x"],
            "cannot write to README.md/x.partial (Not a directory); c",
        ),
        (
            "prepare",
            ["--source=shapes", "--out=x", "--image_size=9999"],
            "image_size must be 0 or a number of pixels up",
        ),
        ("prepare", ["--source=photos", "--out=x"], "unknown source 'photos': expected tfds:NAME[/CONFIG], folder:DIR"),
        ("sweep", [CONFIG, "--workdir=x"], "no image store given: set --config.store=PATH (made by bin/prepare.py)"),
        ("sweep", [CONFIG, "--config.store=nowhere", "--workdir=x"], "no image store at 'nowhere'"),
        ("sweep", [CONFIG, "--config.store={store}"], "no workdir given: set --workdir=DIR, where results are to"),
        (
            "sweep",
            ["--like=nowhere", "--workdir=x"],
            "'nowhere' is not the workdir of an experiment (no config.json in",
        ),
        ("sweep", ["--like={workdir}"], "no workdir given: set --workdir=DIR, where results are to"),
        ("sweep", ["--join"], "no workdir given: set --workdir=DIR, where results are to"),
        (
            "sweep",
            [CONFIG, "--config.store={store}", "--workdir=configs"],
            "'configs' is no workdir (no config.json in i",
        ),
        (
            "sweep",
            [CONFIG, "--config.recipe.learning_rate=nan"],
            "recipe.learning_rate: expected a finite number, got n",
        ),
        ("sweep", ["--config=configs/nowhere.py", "--workdir=x"], "there is no config 'configs/nowhere.py'; "),
        ("sweep", [CONFIG, "--config.treatments=XnB"], "unknown treatment 'XnB': expected some of BnB, BnB+, AnB"),
        ("sweep", [CONFIG, "--config.network=vgg"], "unknown network 'vgg': expected one of ['caffenet', "),
        ("sweep", [CONFIG, "--config.layers=(8,)"], "layers: n must lie in 1..7 for convnet (8 layers), got 8"),
        ("sweep", [CONFIG, "--config.layers=abc"], "layers[0]: expected int, got str"),
        (
            "report",
            ["--published", "--out=README.md"],
            "cannot write to 'README.md' (File exists); choose another --out",
        ),
        ("report", ["--workdir=README.md"], "'README.md' is a file, not a workdir; choose another --workdir"),
        ("export", ["--workdir=nowhere", "--run=A3B", "--to=x"], "'nowhere' is not the workdir of an experiment"),
        ("export", ["--workdir={workdir}", "--run=../../x", "--to=x"], "unknown treatment '../../x': expected baseA, "),
        ("report", ["--workdir=nowhere"], "'nowhere' is not the workdir of an experiment (no config.json in it)"),
    ],
)
def test_wrong_values_are_one_line_and_status_1(run, store, invented_workdir, name, flags, message):
    flags = [flag.format(store=store, workdir=invented_workdir) for flag in flags]
    if CONFIG in flags and not any(flag.startswith(("--workdir", "--config.store")) for flag in flags):
        flags += [f"--config.store={store}", "--dry_run"]
    done = run(name, *flags)
    assert done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (1, "")


def test_prepare_and_dry_run(run, image_folder, tmp_path):
    done = run("prepare", f"--source=folder:{image_folder}", f"--out={tmp_path}/store", "--format=jpeg")
    assert (done.returncode, done.stderr) == (0, "") and "train: 72 images, 12 per class" in done.stdout
    done = run("sweep", CONFIG, f"--config.store={tmp_path}/store", f"--workdir={tmp_path}/work", "--dry_run")
    assert (done.returncode, done.stderr) == (0, "") and "runs to train: 37 of 37, in 19 cohorts" in done.stdout
    assert not (tmp_path / "work").exists()


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
