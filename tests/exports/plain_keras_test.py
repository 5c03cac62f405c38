import keras
import numpy as np
import pytest

from tests.helpers.commands import run_python
from tf_transfer.experiment.layer_tables import ARCHITECTURES, Architecture, Layer, build
from tf_transfer.exports.plain_keras import clone_with_plain_layers
from tf_transfer.networks.layer_blocks import build_network

# What Keras does when it saves, with this version of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

# What the paper's network has and Keras has not, in small: convolutions in groups and response normalisation.
WITH_OWN_LAYERS = Architecture(
    "groups",
    16,
    (
        Layer("conv", 8, kernel=5, stride=2, padding="valid", normalised=True),
        Layer("conv", 12, kernel=3, groups=2, pool_size=2, pool_stride=2, normalised=True, init_bias=1.0),
        Layer("conv", 8, kernel=3, groups=4, padding="valid", dropout=0.5),
        Layer("dense", 3, relu=False),
    ),
)


def seed_of(*key):
    return len(repr(key))


def flatten(model):
    for layer in model.layers:
        yield from flatten(layer) if isinstance(layer, keras.Model) else [layer]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-100, 100, (4, 16, 16, 3)).astype(np.float32)


@pytest.mark.parametrize("small_map_kernels", [False, True])
def test_outputs_stay_the_same(images, small_map_kernels):
    network = build_network(WITH_OWN_LAYERS, seed_of, small_map_kernels)
    expected = network.predict(images, verbose=0)
    np.testing.assert_allclose(clone_with_plain_layers(network).predict(images, verbose=0), expected, rtol=1e-5)
    assert np.std(expected) > 1 and len({type(layer).__name__ for layer in flatten(network)}) > 6


def test_the_output_of_each_layer_stays_the_same(images):
    network = build_network(WITH_OWN_LAYERS, seed_of)
    plain, expected = clone_with_plain_layers(network), images
    for number in range(1, 5):
        received = plain.get_layer(f"layer{number}")(expected)
        expected = network.get_layer(f"layer{number}")(expected)
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


def test_weights_stay_the_same_where_no_layer_is_replaced():
    network = build_network(build("convnet", num_classes=3, input_size=32), seed_of, small_map_kernels=True)
    plain = clone_with_plain_layers(network)
    for weight, expected in zip(plain.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_of_every_network_becomes_one_of_keras(name):
    network = build_network(build(name, num_classes=3, input_size=67), seed_of, small_map_kernels=True)
    layers = list(flatten(clone_with_plain_layers(network)))
    assert len(layers) > 5 and {type(layer).__module__.partition(".")[0] for layer in layers} == {"keras"}


def test_a_saved_network_loads_where_this_package_is_not_installed(images, tmp_path):
    network = build_network(WITH_OWN_LAYERS, seed_of)
    clone_with_plain_layers(network).save(tmp_path / "plain.keras")
    np.save(tmp_path / "images.npy", images)
    code = f"""
import sys
sys.modules["tf_transfer"] = None  # importing it is an error
import keras, numpy
model = keras.models.load_model({str(tmp_path / "plain.keras")!r})
numpy.save({str(tmp_path / "logits.npy")!r}, model.predict(numpy.load({str(tmp_path / "images.npy")!r}), verbose=0))
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), network.predict(images, verbose=0), rtol=1e-5)
