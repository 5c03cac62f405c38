"""The same loop on the JAX backend: where TensorFlow cannot be imported, and with the same numbers where it can."""

import importlib.util

import numpy as np
import pytest

from tests.helpers.commands import run_python

pytestmark = [
    pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed: pip install jax"),
    pytest.mark.slow,
]

# A base, then a frozen and a fine-tuned cohort from it, in bfloat16.
WITHOUT_TENSORFLOW = """
import sys

class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTensorFlow())
import keras
import numpy as np
from tf_transfer.experiment import treatments
from tf_transfer.experiment.class_splits import RANDOM, ClassSplit
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.layer_tables import Architecture, Layer
from tf_transfer.experiment.plan import Run
from tf_transfer.networks import cohort_model, layer_blocks
from tf_transfer.training import loop
from tf_transfer.training.checkpointing import Checkpointer, CheckpointPolicy
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.evaluation import Evaluation
from tf_transfer.training.optimizers import build_optimizer

keras.config.set_dtype_policy("mixed_bfloat16")
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 60)
images = rng.normal(size=(60, 16, 16, 3)).astype(np.float32) + labels[:, None, None, None]
conv = Layer("conv", 8, kernel=3, pool_size=3, pool_stride=2, normalised=True)
grouped = Layer("conv", 8, kernel=3, groups=2, dropout=0.1)
table = Architecture("small", 16, (conv, grouped, Layer("dense", 3, relu=False)))
recipe = Recipe(batch_size=20, learning_rate=0.05, learning_rate_schedule="constant")

def batches(step, num_outputs):
    while True:
        chosen = np.arange(20 * step, 20 * (step + 1)) % 60
        yield images[chosen], (labels[chosen],) * num_outputs
        step += 1

def train(names, bases, steps):
    runs = [Run(treatments.parse(name), ClassSplit(RANDOM, 0), 0) for name in names]
    cohort = cohort_model.build_cohort(table, runs, bases)
    before = [cohort.frozen_sha256(run) for run in runs]
    compiled = CompiledCohort(cohort.model, build_optimizer(recipe, steps))
    evaluation = Evaluation([images], labels, [cohort.variables(run) for run in runs])
    history = evaluation.new_history()
    checkpointer = Checkpointer(compiled, history, CheckpointPolicy(None, {}))
    plan = loop.LoopPlan(steps, steps // 2, 7)
    loop.train(compiled, lambda step: batches(step, len(runs)), evaluation, history, plan, checkpointer)
    assert before == [cohort.frozen_sha256(run) for run in runs]
    assert history.steps == [steps // 2, steps]
    return cohort, history

base, _ = train(["baseB"], {}, 100)
bases = {base.runs[0].name: layer_blocks.get_weights(base.blocks[base.runs[0].name])}
for names in (["B1B", "B2B"], ["B1B+", "B2B+"]):
    history = train(names, bases, 100)[1]
    for losses, accuracies in zip(history.loss, history.top1):
        assert losses[-1] < 0.9 * np.log(3), losses  # chance
        assert accuracies[-1] > 0.5, accuracies
assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules
"""

# The paper's network and solver, without dropout, whose draws differ between backends; the rest is as published.
# 67 pixels are the least it takes.
CAFFENET = """
import dataclasses, sys
import keras, numpy as np
from tf_transfer.experiment import layer_tables
from tf_transfer.experiment.config import Recipe
from tf_transfer.networks import layer_blocks
from tf_transfer.training.compiled import CompiledCohort
from tf_transfer.training.optimizers import build_optimizer

table = layer_tables.caffenet(5, input_size=67)
table = dataclasses.replace(table, layers=tuple(dataclasses.replace(layer, dropout=0.0) for layer in table.layers))
network = layer_blocks.build_network(table, lambda use, layer: layer)
rng = np.random.default_rng(0)
for layer in range(1, 9):
    block = network.get_layer(f"layer{layer}")
    arrays = [rng.normal(0, 1 / np.sqrt(np.prod(a.shape[:-1])), a.shape) for a in block.get_weights()]
    block.set_weights([a.astype(np.float32) for a in arrays])
images = rng.normal(0, 60, (2, 67, 67, 3)).astype(np.float32)
recipe = Recipe(
    learning_rate=0.01, learning_rate_schedule="step", learning_rate_decay_steps=1, bias_learning_rate_multiplier=2.0
)
compiled = CompiledCohort(network, build_optimizer(recipe, 2))
batch = images, (np.array([1, 4], np.int32),)
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
else:
    batches = iter(lambda: batch, None)
found = {"backend": np.array(keras.backend.backend() == "jax"), "before": compiled.logits(images)[0]}
losses = []
for _ in range(2):
    compiled.train(batches, 1)
    losses.append(compiled.training_means()[0][0])
    compiled.reset_metrics()
found |= {"losses": np.array(losses, np.float32), "after": compiled.logits(images)[0]}
np.savez(sys.argv[1], **found)
"""


def run(code, backend, *arguments):
    variables = {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = run_python("-c", code, *map(str, arguments), env=variables)
    assert done.returncode == 0, done.stderr


def test_class_weights_count_under_jax():
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/training/compiled_test.py", env=variables)
    assert "2 passed" in done.stdout, done.stdout


def test_cohorts_train_under_jax_without_tensorflow():
    run(WITHOUT_TENSORFLOW, "jax")


def test_caffenet_trains_under_jax_as_under_tensorflow(tmp_path):
    found = {}
    for backend in ("tensorflow", "jax"):
        run(CAFFENET, backend, tmp_path / f"{backend}.npz")
        found[backend] = dict(np.load(tmp_path / f"{backend}.npz"))
    expected, received = found["tensorflow"], found["jax"]
    assert received["backend"] and not expected["backend"]
    assert np.abs(expected["after"] - expected["before"]).max() > 0.01  # two steps have moved it
    for name in ("before", "losses", "after"):
        np.testing.assert_allclose(received[name], expected[name], rtol=1e-3, atol=1e-3 * np.abs(expected[name]).max())
