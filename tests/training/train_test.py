import dataclasses
import shutil

import keras
import numpy as np
import pytest

from tf_transfer.experiment.plan import make_cohort, make_plan
from tf_transfer.experiment.settings import settings_hash
from tf_transfer.networks import cohort_model, layer_blocks
from tf_transfer.results import checkpoints, result_files
from tf_transfer.results.result import DIVERGED, FINISHED
from tf_transfer.training import train

SUFFIX = "_random-0_seed-0"  # of the names of all runs here
FROZEN = {"A1B": 1, "A2B": 2, "B1B": 1, "B2B": 2, "R1B": 1, "R2B": 2, "A1B-preserve1": 1}
NOT_FROZEN = ("baseA", "baseB", "A1B+", "A2B+", "B1B+", "B2B+")


def train_runs(directory, experiment, *treatments):
    """Trains some runs as one cohort and returns their results."""
    plan = make_plan(experiment)
    chosen = [run for run in plan.runs if run.treatment.name in treatments]
    return train.train_cohort(directory, plan, make_cohort(chosen))


def weights(directory, treatment):
    return result_files.read_weights(directory, treatment + SUFFIX)


def assert_same_files(treatment, first, second):
    """The networks of two workdirs are the same bit for bit."""
    for name, array in weights(first, treatment).items():
        np.testing.assert_array_equal(array, weights(second, treatment)[name], err_msg=f"{treatment} {name}")
    one, other = (result_files.read_result(directory, treatment + SUFFIX) for directory in (first, second))
    assert one.top1_history == other.top1_history
    assert one.loss_history == other.loss_history


def poison(directory, treatment, value):
    """Puts one bad number into the weights of a base."""
    name, arrays = treatment + SUFFIX, weights(directory, treatment)
    arrays["layer1/0"][0, 0, 0, 0] = value
    result_files.write_result(
        directory, result_files.read_result(directory, name), arrays, result_files.read_predictions(directory, name)
    )


@pytest.mark.parametrize("treatment", ["baseB", "A2B", "B1B", "R1B", "A1B-preserve1", "B2B+"])
def test_a_network_is_the_same_from_a_cohort_and_alone(treatment, trained, bases, experiment):
    if treatment == "baseB":  # trained alone in the first place; here beside another
        train_runs(bases, experiment, "baseB", "B1B+")
    else:
        train_runs(bases, experiment, treatment)
    for name, array in weights(trained, treatment).items():
        np.testing.assert_allclose(weights(bases, treatment)[name], array, rtol=1e-4, atol=1e-5, err_msg=name)
    one, other = (result_files.read_result(directory, treatment + SUFFIX) for directory in (trained, bases))
    assert one.top1_history == other.top1_history
    assert one.loss_history == pytest.approx(other.loss_history, rel=1e-4)
    assert one.frozen_sha256 == other.frozen_sha256


@pytest.mark.parametrize(("treatment", "frozen"), FROZEN.items())
def test_frozen_layers_are_written_as_they_came_and_all_others_moved(treatment, frozen, trained):
    source = treatment[0]
    # Random layers came from no file; they are the same ones in R1B and R2B.
    origin = weights(trained, "R2B" if source == "R" else f"base{source}")
    written = weights(trained, treatment)
    for layer in range(1, 4):
        same = [np.array_equal(written[f"layer{layer}/{part}"], origin[f"layer{layer}/{part}"]) for part in (0, 1)]
        assert same == [layer <= frozen or treatment == "R2B"] * 2
    frozen_arrays = {name: array for name, array in written.items() if int(name[5]) <= frozen}
    assert result_files.read_result(trained, treatment + SUFFIX).frozen_sha256 == cohort_model.hash_weights(
        frozen_arrays
    )


@pytest.mark.parametrize("treatment", ["A2B+", "B1B+"])
def test_fine_tuned_layers_move(treatment, trained):
    origin = weights(trained, f"base{treatment[0]}")
    for name, array in weights(trained, treatment).items():
        assert not np.array_equal(array, origin[name]), name


def test_every_run_of_the_plan_is_trained(trained):
    assert result_files.finished_runs(trained) == sorted(name + SUFFIX for name in (*FROZEN, *NOT_FROZEN))


def test_a_result_says_everything_about_its_run(trained, experiment):
    outcome = result_files.read_result(trained, "A2B" + SUFFIX)
    assert outcome.run == "A2B_random-0_seed-0"
    assert (outcome.status, outcome.precision, outcome.num_classes) == ("finished", "float32", 3)
    assert (outcome.steps, outcome.test_steps) == (24, [6, 12, 18, 24])
    for history in (outcome.top1_history, outcome.train_top1_history):
        assert len(history) == 4 and all(0 <= value <= 1 for value in history)
    assert len(outcome.loss_history) == 4 and all(loss > 0 for loss in outcome.loss_history)
    assert outcome.settings_hash == settings_hash(experiment)
    assert outcome.versions["keras"] == keras.__version__
    assert outcome.cohort.startswith("random-0_seed-0_A1-2B")
    assert outcome.seconds > 0
    assert outcome.images_per_second == pytest.approx(24 * 12 / outcome.seconds, rel=0.02)


def test_a_base_is_its_own_source(trained):
    outcome = result_files.read_result(trained, "baseA" + SUFFIX)
    assert outcome.frozen_sha256 == ""


@pytest.mark.parametrize("treatment", [*FROZEN, *NOT_FROZEN])
def test_predictions_add_up_to_the_last_test(treatment, trained, experiment):
    predictions = result_files.read_predictions(trained, treatment + SUFFIX)
    assert predictions.labels.tolist() == sorted([0, 1, 2] * 4)  # three classes of four images
    assert predictions.top1() == pytest.approx(result_files.read_result(trained, treatment + SUFFIX).top1_last)
    assert ((predictions.predicted == predictions.labels) == predictions.correct).all()
    assert ((1 / 3 <= predictions.confidence) & (predictions.confidence <= 1)).all()
    assert predictions.ranks.max() <= 2


def test_base_learns_its_classes(trained):
    outcome = result_files.read_result(trained, "baseB" + SUFFIX)
    assert outcome.loss_history[-1] < 0.7 * outcome.loss_history[0]
    assert outcome.top1_last > 0.6  # chance: 0.33


def test_networks_beside_diverged_ones_are_as_beside_sound_ones_and_as_without_them(
    trained, bases, experiment, tmp_path_factory
):
    poisoned, others = ("A1B", "A1B-preserve1"), ("B1B", "R1B")
    apart, beside_inf = (
        shutil.copytree(bases, tmp_path_factory.mktemp(name), dirs_exist_ok=True) for name in ("apart", "beside_inf")
    )
    train_runs(apart, experiment, *others)
    for directory, value in ((bases, np.nan), (beside_inf, np.inf)):
        poison(directory, "baseA", value)
        outcomes = {
            outcome.planned.treatment.name: outcome for outcome in train_runs(directory, experiment, *poisoned, *others)
        }
        assert {name for name, outcome in outcomes.items() if outcome.status == DIVERGED} == set(poisoned)
        assert outcomes["A1B"].loss_history == [None] * 4
        for treatment in others:
            assert outcomes[treatment].status == FINISHED
            assert_same_files(treatment, apart, directory)
            assert_same_files(treatment, trained, directory)


class AfterFirstTest:
    """Does something to the networks; it stands where a request to stop is looked for, three times an interval."""

    def __init__(self, monkeypatch, act):
        self.looks_left, self.act, build_cohort = 3, act, cohort_model.build_cohort

        def build(*given, **options):
            self.trained = build_cohort(*given, **options)
            return self.trained

        monkeypatch.setattr(cohort_model, "build_cohort", build)

    def is_set(self):
        self.looks_left -= 1
        if self.looks_left == -1:
            self.act(self.trained.blocks)
        return False


def finished(directory):
    return [name.removesuffix(SUFFIX) for name in result_files.finished_runs(directory)]


def test_frozen_weights_that_move_stop_it_and_nothing_is_written(bases, experiment, monkeypatch):
    def move(blocks):
        kernel = blocks["A2B" + SUFFIX][1].weights[0]
        kernel.assign(kernel + 1e-6)

    plan = make_plan(dataclasses.replace(experiment, checkpoint_steps=6))
    cohort = make_cohort([run for run in plan.runs if run.treatment.name == "A2B"])
    with pytest.raises(RuntimeError, match=f"A2B{SUFFIX}: frozen weights moved .*; nothing of this cohort is written"):
        train.train_cohort(bases, plan, cohort, stop=AfterFirstTest(monkeypatch, move))
    assert finished(bases) == ["baseA", "baseB"]
    assert not checkpoints.directory_of(bases, cohort.name).exists()  # else each further attempt would fail


@pytest.mark.parametrize("treatment, layer", [("A1B", 1), ("A1B-preserve1", 2), ("A2B+", 2)])
def test_copied_weights_that_differ_from_their_origin_stop_it(treatment, layer, bases, experiment, monkeypatch):
    set_weights = layer_blocks.set_weights

    def set_other_weights(block, number, weights, base):
        set_weights(block, number, weights, base)
        if number == layer:
            block.weights[0].assign(-block.weights[0])

    monkeypatch.setattr(layer_blocks, "set_weights", set_other_weights)
    message = f"{treatment}{SUFFIX}: its copied weights are not those of baseA{SUFFIX}; nothing was trained"
    with pytest.raises(RuntimeError, match=message.replace("+", r"\+")):
        train_runs(bases, experiment, treatment)
    assert finished(bases) == ["baseA", "baseB"] and not (bases / "tensorboard").exists()


def test_a_network_that_diverges_on_the_way_leaves_its_neighbours_alone(trained, bases, experiment, monkeypatch):
    def poison_a2b(blocks):
        kernel = blocks["A2B+" + SUFFIX][1].weights[0]
        kernel.assign(np.full(kernel.shape, np.nan))

    plan = make_plan(experiment)
    [cohort] = [cohort for cohort in plan.cohorts if "A2B+" in [run.treatment.name for run in cohort.runs]]
    outcomes = train.train_cohort(bases, plan, cohort, stop=AfterFirstTest(monkeypatch, poison_a2b))
    losses = {outcome.planned.treatment.name: outcome.loss_history for outcome in outcomes}
    assert losses["A2B+"][0] is not None and losses["A2B+"][1:] == [None, None, None]
    for outcome in outcomes:
        if outcome.planned.treatment.name == "A2B+":
            assert outcome.status == result_files.DIVERGED
        else:
            assert_same_files(outcome.planned.treatment.name, trained, bases)


def test_training_stops_where_all_networks_have_diverged(bases, experiment):
    poison(bases, "baseA", np.inf)
    for outcome in train_runs(bases, experiment, "A1B", "A2B"):
        assert (outcome.status, outcome.steps, outcome.test_steps) == ("diverged", 6, [6])
        row = result_files.table([result_files.read_result(bases, outcome.run)]).iloc[0]
        assert row["status"] == "diverged" and row["loss_last"] is None


def test_another_seed_is_another_network(trained, experiment, tmp_path):
    [outcome] = train_runs(tmp_path, dataclasses.replace(experiment, seeds=(1,)), "baseB")
    other = result_files.read_weights(tmp_path, outcome.run)
    assert not any(np.array_equal(array, other[name]) for name, array in weights(trained, "baseB").items())


@pytest.mark.usefixtures("bfloat16_convolutions")
def test_bfloat16_is_for_computing_only(experiment, tmp_path):
    recipe = dataclasses.replace(experiment.recipe, precision="mixed_bfloat16")
    try:
        [outcome] = train_runs(tmp_path, dataclasses.replace(experiment, recipe=recipe), "baseB")
    finally:
        keras.config.set_dtype_policy("float32")
    assert outcome.precision == "mixed_bfloat16"
    assert {array.dtype for array in weights(tmp_path, "baseB").values()} == {np.dtype(np.float32)}
    assert outcome.top1_last > 0.6


def test_a_missing_base_is_named(experiment, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="run 'baseA_random-0_seed-0' has no result .*run tf-transfer sweep again"
    ):
        train_runs(tmp_path, experiment, "A1B")
    assert not (tmp_path / "runs").exists()
