"""Keras's own models cut into layers: how many, what they cost, and that a chain of them is the model itself."""

import functools

import keras
import numpy as np
import pytest

from tf_transfer.experiment import treatments
from tf_transfer.experiment.class_splits import RANDOM, ClassSplit
from tf_transfer.experiment.plan import Run
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.networks import cohort_model, graph, layer_blocks
from tf_transfer.training.compiled import CompiledCohort

# Layers 1..N, and weights of the model without its classifier (batch statistics included) at 96 pixels.
MODELS = {
    "MobileNetV2": (19, 2_257_984), "ResNet50": (18, 23_587_712), "MobileNetV3Small": (17, 1_529_968),
    "EfficientNetB0": (18, 4_049_571), "EfficientNetV2B0": (23, 5_919_312), "DenseNet121": (60, 7_037_504),
    "ConvNeXtTiny": (23, 27_820_128), "InceptionV3": (17, 21_802_784), "Xception": (17, 20_861_480),
    "VGG16": (16, 50_374_464),
}  # fmt: skip
HEAVY = [pytest.param(name, marks=() if name == "MobileNetV2" else pytest.mark.slow) for name in MODELS]
SMALL = {"alpha": 0.35}


def network_of(name, size=96, **options):
    return graph.describe(f"keras.applications:{name}", size, options)


@pytest.mark.parametrize("name", HEAVY)
def test_a_chain_of_layers_is_the_model_bit_for_bit(name):
    network = network_of(name)
    assert (len(network), sum(cost.parameters for cost in network.layers)) == MODELS[name]
    model = graph.build_model(network.name, network.input_size, {})
    operations = [each for each in model.operations if not isinstance(each, keras.layers.InputLayer)]
    below_classifier = keras.Model(model.input, operations[network.ends[-1]].output)
    blocks = layer_blocks.build_blocks(network, "chain", derive_seed)
    weights = iter(below_classifier.get_weights())
    for block in blocks[:-1]:
        block.set_weights([next(weights) for _ in block.weights])
    assert next(weights, None) is None
    images = keras.Input((network.input_size, network.input_size, 3))
    chain = keras.Model(images, layer_blocks.chain(blocks, images)[-2])
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    np.testing.assert_array_equal(chain.predict(pixels, verbose=0), below_classifier.predict(pixels, verbose=0))
    assert [tuple(block.output.shape[1:]) for block in blocks[:-1]] == [cost.output_shape for cost in network.layers]


def test_layers_are_named_and_cut_by_resolution():
    network = network_of("MobileNetV2")
    assert network.stage_ends() == (1, 3, 6, 13, 17, 18)
    names = network.layer_names()
    assert len(names) == len(network) and names[0] == "stage1_block1" and names[-2:] == ["top1", "classifier"]
    assert names[5] == "stage3_block3"


def test_initial_weights_and_dropout_are_those_of_the_seeds():
    network = network_of("MobileNetV2", 32, **SMALL)

    def weights(*seed):
        blocks = layer_blocks.build_blocks(network, "x", functools.partial(derive_seed, *seed), first=16)
        return [array for block in blocks for array in block.get_weights() if array.ndim > 1]

    first, again, other = weights("a"), weights("a"), weights("b")
    whole = layer_blocks.build_blocks(network, "y", functools.partial(derive_seed, "a"))[15:]
    for one, same, different, of_whole in zip(
        first, again, other, [a for b in whole for a in b.get_weights() if a.ndim > 1], strict=True
    ):
        np.testing.assert_array_equal(one, same)
        np.testing.assert_array_equal(one, of_whole)
        assert not np.array_equal(one, different)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_cohort_trains_what_learns_and_leaves_frozen_statistics(policy):
    import tensorflow as tf

    network = network_of("MobileNetV2", 32, **SMALL)
    runs = [Run(treatments.parse(name), ClassSplit(RANDOM, 0), 0) for name in ("A3B", "A6B", "R6B")]
    keras.config.set_dtype_policy(policy)
    try:
        base = layer_blocks.get_weights(layer_blocks.build_blocks(network, "", derive_seed))
        bases = {run.base.name: base for run in runs if run.base}
        cohort = cohort_model.build_cohort(network, runs, bases)
        before = {run.name: cohort.frozen_sha256(run) for run in runs}
        tops = {run.name: [np.copy(array) for array in cohort.blocks[run.name][-2].get_weights()] for run in runs}
        compiled = CompiledCohort(cohort.model, keras.optimizers.SGD(0.01))
        images = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype(np.float32)
        batches = tf.data.Dataset.from_tensors((images, (np.arange(8, dtype=np.int32) % 4,) * len(runs))).repeat()
        compiled.train(iter(batches), 3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert before == {run.name: cohort.frozen_sha256(run) for run in runs}
    for run in runs:
        moved = cohort.blocks[run.name][-2].get_weights()
        assert all(not np.array_equal(old, new) for old, new in zip(tops[run.name], moved, strict=True)), run.name
        assert np.isfinite(compiled.logits(images)[0]).all()


def test_batch_statistics_of_learning_layers_keep_up():
    network = network_of("MobileNetV2", 32, **SMALL)  # whose own momentum is 0.999
    blocks = layer_blocks.build_blocks(network, "", derive_seed)
    momenta = [layer.momentum for block in blocks for layer in block.layers if hasattr(layer, "momentum")]
    assert len(momenta) == 52 and max(momenta) <= 0.9


@pytest.mark.parametrize(("name", "options", "message"), [
    ("Nonsense", {}, "unknown network 'keras.applications:Nonsense': expected .* MobileNetV2"),
    ("mobilenet", {}, "unknown network"),
    ("MobileNetV2", {"filters": 3}, "cannot be built .* unexpected keyword argument 'filters'"),
    ("InceptionV3", {}, "InceptionV3 cannot be built for images of 32 pixels .* at least 75x75"),
])  # fmt: skip
def test_what_cannot_be_built_is_one_clear_error(name, options, message):
    with pytest.raises(ValueError, match=message):
        network_of(name, 32, **options)


def test_models_within_a_model_are_opened_and_branches_stay_whole():
    inner = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.ReLU()])
    images = keras.Input((8, 8, 3))
    stem = keras.layers.Conv2D(4, 3, padding="same")(images)
    joined = keras.layers.Add()([stem, inner(stem)])
    model = keras.Model(images, keras.layers.Dense(2)(keras.layers.Flatten()(joined)))
    opened = graph._open_nested_models(model, "mine")
    assert not any(isinstance(operation, keras.Model) for operation in opened.operations)
    pixels = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(opened.predict(pixels, verbose=0), model.predict(pixels, verbose=0))
    pieces = graph._single_tensor_pieces(graph._read_graph(opened, "mine"))
    assert [len(piece) for piece in pieces] == [1, 3, 1, 1]  # the two branches lie in one piece
