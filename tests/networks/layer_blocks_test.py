import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_transfer.experiment.layer_tables import Architecture, Layer, caffenet, convnet, tiny
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.networks import layer_blocks

SEED_OF = functools.partial(derive_seed, "a run")
SMALL = tiny(num_classes=3, input_size=8)  # 8x8x3 -> conv, pool: 2x2x4 -> 16 -> 3


@pytest.fixture
def bfloat16_policy():
    """Computes in bfloat16 while the test runs."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(policy)


def weights_of(model):
    return [array for block in model.layers for array in block.get_weights()]


def test_layer_n_of_a_network_is_the_block_called_layern():
    model = layer_blocks.build_network(convnet(num_classes=10), SEED_OF)
    blocks = [layer for layer in model.layers if isinstance(layer, keras.Sequential)]
    assert [block.name for block in blocks] == [f"layer{n}" for n in range(1, 9)]
    assert [layer.name for layer in model.get_layer("layer1").layers] == ["conv", "pool", "relu"]
    assert [layer.name for layer in model.get_layer("layer3").layers] == ["conv", "relu"]
    assert [layer.name for layer in model.get_layer("layer6").layers] == ["flatten", "dense", "relu", "dropout"]
    assert [layer.name for layer in model.get_layer("layer8").layers] == ["dense"]


@pytest.mark.parametrize("layer", [convnet(10).layers[0], caffenet(10).layers[4]], ids=["convnet 1", "caffenet 5"])
def test_pooling_before_the_relu_changes_nothing(layer):
    block = layer_blocks.build_block(layer, (13, 13, 6), "block", 0, 0)
    convolve, pool, relu = (block.get_layer(name) for name in ("conv", "pool", "relu"))
    images = tf.constant(np.random.default_rng(0).normal(size=(4, 13, 13, 6)).astype(np.float32))
    gradients = []
    for order in ((convolve, pool, relu), (convolve, relu, pool)):
        with tf.GradientTape() as tape:
            features = images
            for part in order:
                features = part(features)
            loss = tf.reduce_sum(features**2)
        gradients.append([features, *tape.gradient(loss, block.trainable_variables)])
    for ours, slow in zip(*gradients, strict=True):
        np.testing.assert_array_equal(ours, slow)


def test_blocks_of_a_run_carry_its_name_and_their_numbers():
    blocks = layer_blocks.build_blocks(SMALL, "B1B", SEED_OF, first=2)
    assert [block.name for block in blocks] == ["B1B_layer2", "B1B_layer3"]
    assert [block.name for block in layer_blocks.build_blocks(SMALL, "frozen_A", SEED_OF, last=1)] == [
        "frozen_A_layer1"
    ]


def test_parameters_and_shapes_are_those_of_the_table():
    # 3*3*3*4 + 4 = 112;  2*2*4*16 + 16 = 272;  16*3 + 3 = 51
    model = layer_blocks.build_network(SMALL, SEED_OF)
    assert [model.get_layer(f"layer{n}").count_params() for n in (1, 2, 3)] == [112, 272, 51]
    assert [model.get_layer(f"layer{n}").output_shape[1:] for n in (1, 2, 3)] == [(2, 2, 4), (16,), (3,)]


@pytest.mark.parametrize("table", [convnet(10), convnet(7, input_size=64, filters=(8, 16, 16, 32, 32)), tiny(5)])
def test_architectures_count_what_keras_builds(table):
    model = layer_blocks.build_network(table, SEED_OF)
    assert model.count_params() == table.parameters
    costs = table.costs()
    assert [model.get_layer(f"layer{n}").output_shape[1:] for n in range(1, len(table) + 1)] == [
        cost.output_shape for cost in costs
    ]


def test_valid_padding_is_counted_as_keras_computes_it():
    layers = (
        Layer("conv", 2, kernel=5, stride=3, padding="valid", pool_size=3, pool_stride=2),
        Layer("dense", 4, relu=False),
    )
    table = Architecture("valid", 20, layers)  # 20 -> 6 -> 2
    assert layer_blocks.build_network(table, SEED_OF).get_layer("layer1").output_shape[1:] == (2, 2, 2)
    assert table.costs()[0].output_shape == (2, 2, 2)


def test_initial_weights_are_a_function_of_the_seed():
    first, again = (weights_of(layer_blocks.build_network(SMALL, SEED_OF)) for _ in range(2))
    other = weights_of(layer_blocks.build_network(SMALL, functools.partial(derive_seed, "another run")))
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    kernels = slice(0, None, 2)
    assert not any(np.array_equal(*pair) for pair in zip(first[kernels], other[kernels], strict=True))


def test_initial_kernels_are_he_normal_and_biases_0():
    table = Architecture("wide", 8, (Layer("conv", 512, kernel=3), Layer("dense", 2, relu=False)))
    kernel, bias = layer_blocks.build_network(table, SEED_OF).get_layer("layer1").get_weights()
    assert kernel.std() == pytest.approx((2 / 27) ** 0.5, rel=0.02)  # 3*3*3 inputs
    assert not bias.any()


def test_logits_are_float32_with_no_relu():
    model = layer_blocks.build_network(SMALL, SEED_OF)
    logits = model(np.random.default_rng(0).normal(size=(50, 8, 8, 3)).astype(np.float32))
    assert (logits.shape, keras.backend.standardize_dtype(logits.dtype)) == ((50, 3), "float32")
    assert np.min(logits) < 0


def test_logits_and_weights_are_float32_at_any_precision(bfloat16_policy):
    model = layer_blocks.build_network(SMALL, SEED_OF)
    assert model.get_layer("layer3").output.dtype == "bfloat16"
    assert model.output.dtype == "float32"
    assert {array.dtype for array in weights_of(model)} == {np.dtype(np.float32)}


def test_get_weights_names_layer_and_position():
    weights = layer_blocks.get_weights(layer_blocks.build_blocks(SMALL, "", SEED_OF))
    assert {name: array.shape for name, array in weights.items()} == {
        "layer1/0": (3, 3, 3, 4),
        "layer1/1": (4,),
        "layer2/0": (16, 16),
        "layer2/1": (16,),
        "layer3/0": (16, 3),
        "layer3/1": (3,),
    }


def test_set_weights_copies_by_position():
    blocks = layer_blocks.build_blocks(SMALL, "", SEED_OF)
    weights = layer_blocks.get_weights(
        layer_blocks.build_blocks(SMALL, "other", functools.partial(derive_seed, "other"))
    )
    layer_blocks.set_weights(blocks[1], 2, weights, "other")
    copied = layer_blocks.get_weights(blocks)
    assert np.array_equal(copied["layer2/0"], weights["layer2/0"])
    assert not np.array_equal(copied["layer1/0"], weights["layer1/0"])


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"layer2/0": np.zeros((16, 15))}, r"\[\(16, 15\), \(16,\)\]"),
        ({"layer2/2": np.zeros(16)}, r"\[\(16, 16\), \(16,\), \(16,\)\]"),
    ],
)
def test_set_weights_refuses_what_does_not_fit(change, received):
    blocks = layer_blocks.build_blocks(SMALL, "", SEED_OF)
    before = layer_blocks.get_weights(blocks)
    expected = r"layer 2 has weights of shapes \[\(16, 16\), \(16,\)\], but baseA holds " + received
    with pytest.raises(ValueError, match=expected):
        layer_blocks.set_weights(blocks[1], 2, before | change, "baseA")
    assert all(np.array_equal(array, before[name]) for name, array in layer_blocks.get_weights(blocks).items())


def test_set_weights_refuses_a_missing_layer():
    blocks = layer_blocks.build_blocks(SMALL, "", SEED_OF)
    with pytest.raises(ValueError, match=r"baseA holds \[\]; source and target networks must have the same layers"):
        layer_blocks.set_weights(blocks[1], 2, {}, "baseA")


def test_a_number_is_not_the_beginning_of_another():
    weights = {"layer1/0": np.zeros((3, 3, 3, 4)), "layer1/1": np.zeros(4), "layer10/0": np.zeros(1)}
    block = layer_blocks.build_blocks(SMALL, "", SEED_OF)[0]
    layer_blocks.set_weights(block, 1, weights, "baseA")
    assert not block.get_weights()[0].any()


@pytest.fixture(scope="module")
def small_caffenet():
    """The table and the network of `caffenet` for a tenth of the paper's pixels, which keeps the dense layers small."""
    table = caffenet(7, input_size=67)
    return table, layer_blocks.build_network(table, seed_of=lambda use, layer: layer)


def test_caffenet_is_built_in_the_paper_s_order(small_caffenet):
    _, network = small_caffenet
    parts = [[part.name for part in network.get_layer(f"layer{n}").layers] for n in range(1, 9)]
    assert parts == [  # the ReLU after the pooling, which changes nothing (see above)
        *[["conv", "pool", "relu", "normalise"]] * 2,
        *[["conv", "relu"]] * 2,
        ["conv", "pool", "relu"],
        ["flatten", "dense", "relu", "dropout"],
        ["dense", "relu", "dropout"],
        ["dense"],
    ]
    for n in (1, 2):
        normalise = network.get_layer(f"layer{n}").get_layer("normalise")
        assert (normalise.size, normalise.alpha, normalise.beta, normalise.k) == (5, 1e-4, 0.75, 1)
    assert [network.get_layer(f"layer{n}").get_layer("dropout").rate for n in (6, 7)] == [0.5, 0.5]


def test_caffenet_starts_from_the_paper_s_weights(small_caffenet):
    table, network = small_caffenet
    assert [sum(w.size for w in network.get_layer(f"layer{n}").get_weights()) for n in range(1, 9)] == [
        cost.parameters for cost in table.costs()
    ]
    kernels, biases = zip(*(network.get_layer(f"layer{n}").get_weights() for n in range(1, 9)), strict=True)
    np.testing.assert_allclose([k.std() for k in kernels], [0.01] * 5 + [0.005] * 2 + [0.01], rtol=0.03)
    assert [set(b) for b in biases] == [{0}, {1}, {0}, {1}, {1}, {1}, {1}, {0}]
