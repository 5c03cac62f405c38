import collections
import dataclasses
import math
import time

import pytest

from configs import imagenet_paper, imagenet_paper_complete
from tf_transfer import dry_run
from tf_transfer.analysis import published
from tf_transfer.data import expected_stores, image_store
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment import plan
from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.results import result_files, workdir


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """Path of a directory that only describes a store of ImageNet."""
    path = tmp_path_factory.mktemp("imagenet")
    image_store.write_meta(path, expected_stores.describe("imagenet2012")[0])
    return str(path)


def planned(config, imagenet):
    return plan.make_plan(dataclasses.replace(Experiment.from_config(config.to_dict()), store=imagenet))


def counted(made):
    return {name: collections.Counter(str(run.treatment.kind) for run in runs) for name, runs in made.blocks.items()}


def test_the_163_networks_of_the_paper_and_7_random_ones(imagenet):
    made = planned(imagenet_paper.get_config(), imagenet)
    assert counted(made) == {
        "bases": {"base": 8},
        "selffers": {"selffer": 28},
        "transfers": {"transfer": 56},
        "fine_tuned_selffers": {"selffer+": 14},
        "fine_tuned_transfers": {"transfer+": 28},
        "natural_man_made": {"base": 2, "transfer": 14},
        "all_classes": {"base": 1},
        "reduced_volumes": {"base": 12},
        "random_filters": {"random": 7},
    }
    assert len(made.runs) == 163 + 7


def test_every_published_network_is_planned_under_its_own_name_for_its_own_steps(imagenet):
    made = planned(imagenet_paper.get_config(), imagenet)
    steps = {run.name: made.num_steps(run) for run in made.runs}
    classes = {run.name: len(made.task(run, run.treatment.target).classes) for run in made.runs}
    theirs = published.read_table()
    assert len(theirs) == 148
    for row in theirs.itertuples():
        assert (steps[row.run], classes[row.run]) == (row.steps, row.num_classes), row.run
    assert {made.recipe(run).steps_per_evaluation(1) for run in made.runs} == {1000}


def test_the_recipe_is_the_paper_s():
    from tf_transfer.training.optimizers import build_optimizer

    recipe = Experiment.from_config(imagenet_paper.get_config().to_dict()).recipe
    solver = {
        "learning_rate": 0.01,
        "learning_rate_schedule": "step",
        "learning_rate_decay_steps": 100_000,
        "momentum": 0.9,
    }
    solver |= {
        "weight_decay": 5e-4,
        "bias_learning_rate_multiplier": 2.0,
        "batch_size": 256,
        "steps": 450_000,
        "evaluations": 450,
    }
    images = {"crop_padding": 0, "crop_size": 227, "random_flip": True, "normalisation": "mean image"}
    assert recipe == Recipe(**solver, **images, precision="float32")
    optimizer = build_optimizer(recipe, recipe.num_steps(1_281_167))
    rates = {0: 1e-2, 99_999: 1e-2, 100_000: 1e-3, 199_999: 1e-3, 200_000: 1e-4, 300_000: 1e-5, 449_999: 1e-6}
    assert {step: pytest.approx(float(optimizer._learning_rate(step))) for step in rates} == rates
    assert (optimizer.momentum, optimizer.nesterov, optimizer.l2, optimizer.bias_rate) == (0.9, False, 5e-4, 2)


def test_what_the_authors_left_out(imagenet):
    made = planned(imagenet_paper_complete.get_config(), imagenet)
    kinds = sum(counted(made).values(), collections.Counter())
    halves, natural = 4 * 2 * 7, 2 * 7
    for kind in ("selffer", "selffer+", "transfer", "transfer+"):
        assert kinds[kind] == halves + natural
    assert kinds["transfer-preserve1"] == kinds["selffer-preserve1"] == 2 * 6
    assert {run.name for run in planned(imagenet_paper.get_config(), imagenet).runs} < {run.name for run in made.runs}


def test_the_dry_run_needs_no_store_and_says_what_it_assumes(capsys):
    start = time.process_time()
    dry_run.print_plan(Experiment.from_config(imagenet_paper.get_config().to_dict()), None, flops_per_second=580e9)
    assert time.process_time() - start < 3  # seconds; 0.6 on an idle machine
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert printed[0].startswith("the store 'stores/imagenet' is not there; assumed: ILSVRC2012, 1,281,167 training")
    words = "163 networks (10 bases, 140 transfers, 1 full base, 12 reduced volumes) and 7 of random filters"
    assert f"the experiment: {words}" in printed
    assert "all_classes 1 1 base 60,965,224 450,000 476.4 9.5 days" in printed  # as on the authors' K20
    assert "reduced_volumes 12 12 base 60,965,224 200,000 2,540.9 50.7 days" in printed
    assert any(line.startswith("in all 170 23 base, ") for line in printed)
    assert "store imagenet2012: 1,331,167 images of 256x256 pixels, about 48 GB as jpeg" in printed
    assert "split natural-man-made: A: 449 classes, 575,336 images; B: 551 classes, 705,831 images" in printed


def test_what_is_expected_must_be_known():
    with pytest.raises(ValueError, match="unknown expected_store 'imagenet': expected one of .'imagenet2012'"):
        expected_stores.describe("imagenet")


def test_a_sweep_needs_the_store(tmp_path):
    from tf_transfer.sweep.scheduler import run_sweep

    with pytest.raises(FileNotFoundError, match="no image store at 'stores/imagenet'"):
        run_sweep(Experiment.from_config(imagenet_paper.get_config().to_dict()), tmp_path / "work")


def trained(image_folder, path, cohorts):
    """Trains cohorts of the experiment, on 36 small pictures and for a few steps of 4; returns the steps by run."""
    from tf_transfer.training import train

    store, work = str(path / "store"), path / "work"
    prepare_store(open_source(f"folder:{image_folder}"), store, image_size=72, image_format="jpeg")
    config = imagenet_paper.get_config()
    config.store = store
    config.layers = (6, 7)
    config.recipe.update(
        batch_size=4, steps=2, evaluations=2, learning_rate_decay_steps=1, crop_size=67
    )  # the least that caffenet takes
    config.blocks.reduced_volumes.update(images_per_class=(1, 2), steps=1, evaluations=1)
    experiment = Experiment.from_config(config.to_dict())
    made = plan.make_plan(experiment)
    assert len(made.runs) == 8 + 8 + 16 + 4 + 8 + 6 + 1 + 2 + 2
    with workdir.owned(work):
        workdir.write_config(work, experiment)
    for name in cohorts:
        [cohort] = [cohort for cohort in made.cohorts if cohort.name == name]
        train.train_cohort(work, made, cohort)
    table = result_files.table(result_files.read_result(work, name) for name in result_files.finished_runs(work))
    assert all(math.isfinite(loss) for loss in table["loss_last"])
    return dict(zip(table["run"], table["steps"], strict=True))


def test_a_small_step_of_it_really_runs(image_folder, tmp_path):
    steps = trained(image_folder, tmp_path, ["all_seed-0_images-2_baseB"])
    assert steps == {"baseB_all_seed-0_images-2": 1}


@pytest.mark.slow
def test_small_steps_of_a_transfer_really_run(image_folder, tmp_path):
    names = ("baseA", "A6B", "A7B")
    steps = trained(image_folder, tmp_path, ["natural-man-made_seed-0_baseA", "natural-man-made_seed-0_A6-7B"])
    assert steps == {f"{name}_natural-man-made_seed-0": 2 for name in names}
    base, transfer = (
        result_files.read_weights(tmp_path / "work", f"{name}_natural-man-made_seed-0") for name in names[:2]
    )
    assert (base["layer6/0"] == transfer["layer6/0"]).all() and (base["layer7/0"] != transfer["layer7/0"]).any()
