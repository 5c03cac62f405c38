import functools

import numpy as np
import pytest

from tf_transfer.experiment import treatments
from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.layer_tables import tiny
from tf_transfer.experiment.plan import Run
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.networks import cohort_model, layer_blocks
from tf_transfer.networks.normalisation import Normalisation
from tf_transfer.training.optimizers import build_optimizer

SMALL = tiny(num_classes=3, input_size=8)  # three layers
NUM_LAYERS = 3


def run_of(name):
    return Run(treatments.parse(name), ClassSplit("random", 0), 0)


def trained_base(task):
    """Weights like those of a trained base: other ones than any network starts from."""
    blocks = layer_blocks.build_blocks(SMALL, "", functools.partial(derive_seed, "trained", task))
    return layer_blocks.get_weights(blocks)


BASES = {run_of(f"base{task}").name: trained_base(task) for task in "AB"}


def build(*names, bases=BASES):
    return cohort_model.build_cohort(SMALL, [run_of(name) for name in names], bases)


def initial_weights(name):
    return layer_blocks.get_weights(build(name).blocks[run_of(name).name])


def test_a_cohort_normalises_the_pixels_itself_if_it_is_told_how():
    normalise = Normalisation(np.float32([[[10, 120, 250]]]), np.float32([1, 60, 0.5]))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    runs = [run_of(name) for name in ("A1B", "B1B+")]
    of_pixels = cohort_model.build_cohort(SMALL, runs, BASES, normalise).model
    of_normalised = cohort_model.build_cohort(SMALL, runs, BASES).model
    assert (of_pixels.inputs[0].dtype, of_normalised.inputs[0].dtype) == ("uint8", "float32")
    assert of_pixels.count_params() == of_normalised.count_params()
    expected = of_normalised((pixels - normalise.mean) / normalise.deviation)
    for ours, theirs in zip(of_pixels(pixels), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


# Per layer: where its weights come from; * where they learn.
TREATMENTS = {
    "baseA": ["new*", "new*", "new*"],
    "baseB": ["new*", "new*", "new*"],
    "B1B": ["B", "new*", "new*"],
    "B2B": ["B", "B", "new*"],
    "B2B+": ["B*", "B*", "new*"],
    "A1B": ["A", "new*", "new*"],
    "A2B": ["A", "A", "new*"],
    "A1B+": ["A*", "new*", "new*"],
    "B2A": ["B", "B", "new*"],
    "R1B": ["R", "new*", "new*"],
    "R2B": ["R", "R", "new*"],
    "A1B-preserve1": ["A", "A*", "new*"],
    "B1B-preserve1": ["B", "B*", "new*"],
}


@pytest.mark.parametrize("name", TREATMENTS)
def test_each_layer_comes_from_its_origin_and_learns_or_does_not(name):
    blocks = build(name).blocks[run_of(name).name]
    assert len(blocks) == NUM_LAYERS
    weights = layer_blocks.get_weights(blocks)
    random = initial_weights("R2B") | {"layer3/0": None}  # its layer 3 is new
    for number, (block, expected) in enumerate(zip(blocks, TREATMENTS[name], strict=True), start=1):
        assert len(block.trainable_variables) == (2 if expected.endswith("*") else 0)
        kernel = weights[f"layer{number}/0"]
        origins = {task: BASES[f"base{task}_random-0_seed-0"] for task in "AB"} | {"R": random}
        same = [task for task, origin in origins.items() if np.array_equal(kernel, origin[f"layer{number}/0"])]
        if expected == "new*":
            assert same == []
        else:
            assert same == [expected.rstrip("*")]
            assert np.array_equal(weights[f"layer{number}/1"], origins[same[0]][f"layer{number}/1"])


def test_new_layers_of_different_runs_differ():
    kernels = [initial_weights(name)["layer3/0"] for name in TREATMENTS]
    assert len({kernel.tobytes() for kernel in kernels}) == len(TREATMENTS)


def test_random_layers_are_the_same_for_every_n_and_either_target():
    one, two, other = (initial_weights(name) for name in ("R1B", "R2B", "R2A"))
    assert np.array_equal(one["layer1/0"], two["layer1/0"])
    assert not np.array_equal(one["layer2/0"], two["layer2/0"])
    assert all(np.array_equal(two[f"layer{n}/0"], other[f"layer{n}/0"]) for n in (1, 2))


def test_runs_of_a_cohort_share_the_frozen_blocks_of_one_source_and_nothing_else():
    names = ("A1B", "A2B", "A1B-preserve1", "B1B", "R1B")
    cohort = build(*names)
    blocks = {name: cohort.blocks[run_of(name).name] for name in names}
    assert blocks["A1B"][0] is blocks["A2B"][0] is blocks["A1B-preserve1"][0]
    different = {id(block) for chain in blocks.values() for block in chain}
    assert len(different) == len(names) * NUM_LAYERS - 2  # A's first layer is counted once instead of three times
    learning = [variable for chain in blocks.values() for block in chain for variable in block.trainable_variables]
    assert len(learning) == len({id(variable) for variable in learning}) == len(cohort.model.trainable_variables)


def test_fine_tuned_runs_share_nothing():
    cohort = build("A1B+", "A2B+", "baseB")
    blocks = [block for chain in cohort.blocks.values() for block in chain]
    assert len({id(block) for block in blocks}) == 3 * NUM_LAYERS


def test_a_run_starts_alike_in_a_cohort_and_alone():
    names = ("A1B", "B2B", "R2B", "A1B-preserve1")
    cohort = build(*names)
    images = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)
    for name, logits in zip(names, cohort.model(images), strict=True):
        solo = build(name)  # its model has one output, which Keras does not wrap in a list
        together = layer_blocks.get_weights(cohort.blocks[run_of(name).name])
        alone = layer_blocks.get_weights(solo.blocks[run_of(name).name])
        assert all(np.array_equal(together[key], alone[key]) for key in alone)
        np.testing.assert_allclose(logits, solo.model(images), rtol=1e-5, atol=1e-6)


def test_outputs_stand_in_the_order_of_the_runs():
    cohort = build("A1B+", "B2B+", "baseB")
    assert cohort.model.output_names == ["A1Bplus_logits", "B2Bplus_logits", "baseB_logits"]
    assert [run.treatment.name for run in cohort.runs] == ["A1B+", "B2B+", "baseB"]


def test_a_step_moves_what_learns_and_leaves_what_is_frozen():
    names = ("A2B", "R1B", "A1B-preserve1")
    cohort = build(*names)
    before = {name: layer_blocks.get_weights(cohort.blocks[run_of(name).name]) for name in names}
    hashes = {name: cohort.frozen_sha256(run_of(name)) for name in names}
    cohort.model.compile(
        build_optimizer(Recipe(learning_rate_schedule="constant"), 1), loss=["mse"] * 3, jit_compile=False
    )
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    cohort.model.train_on_batch(images, [np.ones((4, 3), np.float32)] * 3)
    for name in names:
        after = layer_blocks.get_weights(cohort.blocks[run_of(name).name])
        moved = [not np.array_equal(after[f"layer{n}/0"], before[name][f"layer{n}/0"]) for n in (1, 2, 3)]
        assert moved == [origin.endswith("*") for origin in TREATMENTS[name]]
        assert cohort.frozen_sha256(run_of(name)) == hashes[name]


def test_the_dropout_of_frozen_layers_stays_on_while_training():
    cohort = build("A2B")  # layer 2 is dense, with dropout, and frozen; the classifier alone learns
    frozen = cohort.blocks[run_of("A2B").name][1]
    features = np.random.default_rng(0).normal(size=(500, *frozen.input_shape[1:])).astype(np.float32)
    trained, tested = frozen(features, training=True).numpy(), frozen(features, training=False).numpy()
    dropped = (trained == 0) & (tested > 0)
    assert dropped.sum() / (tested > 0).sum() == pytest.approx(SMALL.layers[1].dropout, abs=0.02)
    np.testing.assert_allclose(trained[~dropped], tested[~dropped] / (1 - SMALL.layers[1].dropout), rtol=1e-5)

    cohort.model.compile(
        build_optimizer(Recipe(learning_rate_schedule="constant", learning_rate=0.0), 1), "mse", run_eagerly=True
    )
    batch = np.ones((4, 8, 8, 3), np.float32), np.ones((4, 3), np.float32)
    losses = [float(cohort.model.train_on_batch(*batch)) for _ in range(5)]
    assert len(set(losses)) > 1, "nothing learns, so that only what is dropped differs from step to step"


def test_the_hash_sees_a_frozen_weight_move():
    cohort, run = build("A2B", "B1B"), run_of("A2B")
    before = cohort.frozen_sha256(run)
    others = cohort.frozen_sha256(run_of("B1B"))
    kernel = cohort.blocks[run.name][1].weights[0]
    values = kernel.numpy()
    values[0, 0] = np.nextafter(values[0, 0], np.float32(9))
    kernel.assign(values)
    assert cohort.frozen_sha256(run) != before
    assert cohort.frozen_sha256(run_of("B1B")) == others


def test_the_hash_leaves_out_what_learns():
    cohort, run = build("A1B"), run_of("A1B")
    before = cohort.frozen_sha256(run)
    cohort.blocks[run.name][1].weights[0].assign(np.zeros((16, 16)))
    assert cohort.frozen_sha256(run) == before != ""


@pytest.mark.parametrize("name", ["baseB", "A2B+"])
def test_a_run_without_frozen_layers_has_no_hash(name):
    assert build(name).frozen_sha256(run_of(name)) == ""


def test_hash_depends_on_values_names_shapes_and_types_but_not_on_their_order():
    ones, twos = np.ones((2, 3), np.float32), np.full((2, 3), 2, np.float32)
    hashes = [
        cohort_model.hash_weights(weights)
        for weights in (
            {"layer1/0": ones},
            {"layer1/0": twos},
            {"layer2/0": ones},
            {"layer1/0": ones.reshape(3, 2)},
            {"layer1/0": ones.astype(np.float64)},
            {"layer1/0": ones, "layer1/1": ones},
        )
    ]
    assert len(set(hashes)) == len(hashes)
    assert cohort_model.hash_weights({"a": ones, "b": twos}) == cohort_model.hash_weights({"b": twos, "a": ones})
    assert cohort_model.hash_weights({"a": ones.T.copy().T}) == cohort_model.hash_weights({"a": ones})


def test_a_base_built_otherwise_is_refused():
    wider = {name: weights | {"layer2/0": np.zeros((16, 99))} for name, weights in BASES.items()}
    with pytest.raises(ValueError, match=r"layer 2 .* but baseA_random-0_seed-0 holds \[\(16, 99\), \(16,\)\]"):
        build("A2B", bases=wider)
    build("A1B", bases=wider)  # copies layer 1 alone


@pytest.mark.parametrize("name", ["A3B", "A4B", "B2B-preserve1", "R3B", "B3B+"])
def test_the_classifier_is_never_copied(name):
    with pytest.raises(ValueError, match=r"n must lie in 1\.\.[12] for a network of 3 layers, got n = [234]"):
        build(name)
