"""What several tests share: a folder of small pictures, the image store made of it, and networks trained on that."""

import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.helpers.commands import run_python
from tests.helpers.images import noisy_image
from tests.helpers.predictions import predictions_with
from tf_transfer.data import image_store
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment import class_splits
from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.experiment.plan import Run, make_plan
from tf_transfer.experiment.settings import settings_hash
from tf_transfer.experiment.treatments import parse
from tf_transfer.report import reports
from tf_transfer.results import result_files, workdir
from tf_transfer.results.result import FINISHED, Result

CLASS_NAMES = ("bird", "cat", "deer", "ship", "train", "truck")  # four words of CIFAR-10, and a tricky "train"
TRAIN_IMAGES, TEST_IMAGES, SIDE = 12, 4, 32  # per class, per class, pixels


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """Path of a folder train/CLASS/*.png and test/CLASS/*.png: 6 classes of 12 and 4 images of 32x32 pixels."""
    root = tmp_path_factory.mktemp("images") / "pictures"
    for label, name in enumerate(CLASS_NAMES):
        for number in range(TRAIN_IMAGES + TEST_IMAGES):
            split = "train" if number < TRAIN_IMAGES else "test"
            file = root / split / name / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noisy_image(label, number, SIDE)).save(file)
    return root


@pytest.fixture(scope="session")
def store(image_folder, tmp_path_factory):
    """Path of a raw image store made of `image_folder`, as a string."""
    path = str(tmp_path_factory.mktemp("stores") / "pictures")
    prepare_store(open_source(f"folder:{image_folder}"), path)
    return path


@pytest.fixture(scope="session")
def redescribe():
    """Returns a function that changes a store's description, such as `redescribe(path, image_size=16)`."""

    def change(path, **changes):
        image_store.write_meta(path, msgspec.structs.replace(image_store.read_meta(str(path)), **changes))
        image_store.read_meta.cache_clear()

    return change


@pytest.fixture(scope="session")
def experiment(store):
    """An experiment of 13 networks that train in seconds: `tiny` (3 layers), 3 classes in A and 3 in B, 24 steps."""
    recipe = Recipe(
        batch_size=12, steps=24, evaluations=4, learning_rate=0.05, crop_size=28, random_flip=True, precision="float32"
    )
    treatments = ("BnB", "BnB+", "AnB", "AnB+", "RnB", "AnB-preserve1")
    return Experiment(store, network="tiny", treatments=treatments, fine_tuned_cohort_size=4, recipe=recipe)


@pytest.fixture(scope="session")
def trained(experiment, tmp_path_factory):
    """Path of a workdir in which all runs of `experiment` have been trained, in this process. Not to be changed."""
    from tf_transfer.training import train

    path = tmp_path_factory.mktemp("trained")
    workdir.write_config(path, experiment)
    plan = make_plan(experiment)
    for cohort in plan.cohorts:
        train.train_cohort(path, plan, cohort)
    return path


@pytest.fixture
def bases(trained, experiment, tmp_path):
    """Path of a workdir of its own in which only the bases of `experiment` are done."""
    workdir.write_config(tmp_path, experiment)
    for name in ("baseA_random-0_seed-0", "baseB_random-0_seed-0"):
        shutil.copytree(result_files.run_directory(trained, name), result_files.run_directory(tmp_path, name))
    return tmp_path


@pytest.fixture(scope="session")
def make_result():
    """Returns a function that invents the result of a run, such as `make_result("A3B+", top1=0.4)`."""

    def make(treatment_name, top1=0.4, seed=0, split="random-0", images_per_class=0, **changes):
        run = Run(parse(treatment_name), class_splits.parse(split), seed, images_per_class)
        tests = len(changes.get("top1_history", changes.get("test_steps", "12")))
        top1_history = changes.get("top1_history", (max(top1 - 0.2, 0.0),) * (tests - 1) + (top1,))
        invented = Result(
            run=run.name,
            status=FINISHED,
            steps=20,
            num_classes=changes.get("num_classes", 10),
            num_train_images=10 * (images_per_class or 100),
            test_images_per_class=(100,) * changes.get("num_classes", 10),
            test_steps=tuple(10 * number for number in range(1, tests + 1)),
            top1_history=top1_history,
            per_class_history=top1_history,
            top5_last=1.0,
            loss_history=(2.0,) * (tests - 1) + (1.5,),
            train_top1_history=(0.1,) * (tests - 1) + (0.3,),
            copied_sha256="",
            frozen_sha256="",
            precision="float32",
            settings_hash="0",
            versions={"python": "3.11"},
            cohort="all",
            cohort_runs=(run.name,),
            seconds=1.5,
            images_per_second=100.0,
        )
        return msgspec.structs.replace(invented, **changes)

    return make


@pytest.fixture(scope="session")
def invented_workdir(store, make_result, tmp_path_factory):
    """Path of a workdir with results of all 37 networks of the paper's figure, none of which was ever trained."""
    path = tmp_path_factory.mktemp("invented")
    experiment = workdir.write_config(path, Experiment(store=store))  # in which the precision is settled
    weights = {"layer1/0": np.random.default_rng(0).normal(size=(5, 5, 3, 4)), "layer1/1": np.zeros(4)}
    plan = make_plan(experiment)
    rng = np.random.default_rng(1)
    for run in plan.runs:
        top1 = 0.5 - 0.01 * run.treatment.n * len(run.treatment.source)
        steps, tests = plan.num_steps(run), plan.recipe(run).evaluations
        test_steps = tuple(steps // tests * number for number in range(1, tests + 1))
        rising = {"top1_history": tuple(np.linspace(top1 / 2, top1, tests).tolist()), "test_steps": test_steps}
        rising |= {"loss_history": (2.0,) * (tests - 1) + (1.5,), "train_top1_history": (0.3,) * tests}
        hash_of_settings = settings_hash(experiment)
        invented = make_result(run.treatment.name, top1, steps=steps, settings_hash=hash_of_settings, **rising)
        result_files.write_result(path, invented, weights, predictions_with(rng.permutation(12) % 2 == 0))
    return path


@pytest.fixture(scope="session")
def reported(invented_workdir, tmp_path_factory):
    """The report of a copy of `invented_workdir`, beside the published scores. Not to be changed."""
    directory = shutil.copytree(invented_workdir, tmp_path_factory.mktemp("reported") / "work")
    return reports.write_report(directory, "top1_last", compare=True)


@pytest.fixture(scope="session")
def bfloat16_convolutions():
    """Skips the test where TensorFlow counts on instructions of the processor that oneDNN is kept from."""
    import tensorflow as tf

    try:
        tf.nn.conv2d(tf.zeros([1, 4, 4, 1], tf.bfloat16), tf.zeros([3, 3, 1, 1], tf.bfloat16), 1, "SAME")
    except tf.errors.AbortedError:
        pytest.skip("TensorFlow cannot convolve bfloat16 here; is ONEDNN_MAX_CPU_ISA set?")


@pytest.fixture(scope="session")
def run_without_tensorflow(tmp_path_factory):
    """Returns a function like `run_python`, in whose processes an import of TensorFlow, or of what needs it, fails.

    With no ImportError, since some libraries catch that.
    """
    barred = tmp_path_factory.mktemp("barred")
    for module in ("tensorflow", "keras", "jax", "tensorflow_datasets"):
        (barred / f"{module}.py").write_text("raise RuntimeError(f'{__name__} is imported')")
    return lambda *arguments, env=None, **how: run_python(
        *arguments, env={**(env or {}), "PYTHONPATH": str(barred)}, **how
    )


@pytest.fixture(scope="session")
def published_report(run_without_tensorflow, tmp_path_factory):
    """(directory, what was printed) of the command that reports on the published scores. Not to be changed."""
    directory = tmp_path_factory.mktemp("published") / "out"
    done = run_without_tensorflow("bin/report.py", "--published", f"--out={directory}")
    assert (done.returncode, done.stderr) == (0, "")
    return directory, done.stdout
