"""The paper's network and solver on the JAX backend: the same logits, gradients and steps as on TensorFlow's."""

import importlib.util

import numpy as np
import pytest

from tests.helpers.commands import run_python

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed: pip install jax")

# Without dropout, whose draws differ between backends; the rest is as published. 67 pixels are the least it takes.
CODE = """
import dataclasses, sys
import keras, numpy as np
from tf_transfer.experiment import layer_tables as architectures
from tf_transfer.networks import layer_blocks as networks
from tf_transfer.experiment.config import Recipe
from tf_transfer.training.optimizers import build_optimizer

table = architectures.caffenet(5, input_size=67)
table = dataclasses.replace(table, layers=tuple(dataclasses.replace(layer, dropout=0.0) for layer in table.layers))
network = networks.build_network(table, lambda use, layer: layer)
rng = np.random.default_rng(0)
for layer in range(1, 9):
    block = network.get_layer(f"layer{layer}")
    arrays = [rng.normal(0, 1 / np.sqrt(np.prod(a.shape[:-1])), a.shape) for a in block.get_weights()]
    block.set_weights([a.astype(np.float32) for a in arrays])
images = rng.normal(0, 60, (2, 67, 67, 3)).astype(np.float32)
recipe = Recipe(learning_rate=0.01, learning_rate_schedule="step", learning_rate_decay_steps=1,
                bias_learning_rate_multiplier=2.0)
network.compile(build_optimizer(recipe, 2), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                jit_compile="auto" if keras.backend.backend() == "jax" else False)
found = {"backend": np.array(keras.backend.backend() == "jax"), "before": network.predict(images, verbose=0)}
losses = [network.train_on_batch(images, np.array([1, 4])) for _ in range(2)]
found |= {"losses": np.array(losses, np.float32), "after": network.predict(images, verbose=0)}
np.savez(sys.argv[1], **found)
"""


@pytest.mark.slow
def test_caffenet_trains_under_jax_as_under_tensorflow(tmp_path):
    found = {}
    for backend in ("tensorflow", "jax"):
        environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = run_python("-c", CODE, tmp_path / f"{backend}.npz", env=environment)
        assert done.returncode == 0, done.stderr
        found[backend] = dict(np.load(tmp_path / f"{backend}.npz"))
    expected, received = found["tensorflow"], found["jax"]
    assert received["backend"] and not expected["backend"]
    assert np.abs(expected["after"] - expected["before"]).max() > 0.01  # two steps have moved it
    for name in ("before", "losses", "after"):
        np.testing.assert_allclose(received[name], expected[name], rtol=1e-3, atol=1e-3 * np.abs(expected[name]).max())
