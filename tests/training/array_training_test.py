import importlib.util
import itertools

import numpy as np
import pytest

from tests.helpers.commands import run_python
from tf_transfer.training.array_training import batches

IMAGES = np.arange(10, dtype=np.float32)  # stand for images: any array can be put into an order
LABELS = np.arange(10) % 3

# Runs where TensorFlow cannot be imported: a base, then a frozen and a fine-tuned cohort from it, in bfloat16.
WITHOUT_TENSORFLOW = """
import sys

class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTensorFlow())
import keras
import numpy as np
from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment import layer_tables as architectures
from tf_transfer.experiment import treatments
from tf_transfer.networks import cohort_model as transfer
from tf_transfer.networks import layer_blocks as networks
from tf_transfer.training import array_training
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.plan import Run

keras.config.set_dtype_policy("mixed_bfloat16")
rng = np.random.default_rng(0)
labels = rng.integers(0, 3, 60)
images = rng.normal(size=(60, 16, 16, 3)).astype(np.float32) + labels[:, None, None, None]
conv = architectures.Layer("conv", 8, kernel=3, pool_size=3, pool_stride=2, normalised=True)
grouped = architectures.Layer("conv", 8, kernel=3, groups=2, dropout=0.1)
table = architectures.Architecture("small", 16, (conv, grouped, architectures.Layer("dense", 3, relu=False)))
recipe = Recipe(batch_size=20, learning_rate=0.05, learning_rate_schedule="constant")

def train(names, bases, steps):
    runs = [Run(treatments.parse(name), ClassSplit("random", 0), 0) for name in names]
    cohort = transfer.build_cohort(table, runs, bases)
    before = [cohort.frozen_sha256(run) for run in runs]
    loss = array_training.train(cohort.model, images, labels, recipe, seed=0, num_steps=steps)
    assert before == [cohort.frozen_sha256(run) for run in runs]
    return cohort, loss / len(runs)

base, _ = train(["baseB"], {}, 100)
bases = {base.runs[0].name: networks.get_weights(base.blocks[base.runs[0].name])}
for names in (["B1B", "B2B"], ["B1B+", "B2B+"]):
    loss = train(names, bases, 100)[1]
    assert loss < 0.9 * np.log(3), loss  # chance
assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules
"""


def taken(count, **changes):
    return [images for images, _ in itertools.islice(batches(IMAGES, LABELS, 4, **changes), count)]


def test_every_epoch_holds_each_image_once_in_another_order():
    epochs = np.concatenate(taken(5, seed=0, num_outputs=1)).reshape(2, 10)
    np.testing.assert_array_equal(np.sort(epochs), [IMAGES, IMAGES])
    assert len({epoch.tobytes() for epoch in (*epochs, np.concatenate(taken(5, seed=1, num_outputs=1))[:10])}) == 3


@pytest.mark.parametrize("first_step", [1, 2, 7])
def test_starting_at_a_step_is_skipping_those_before_it(first_step):
    whole = taken(first_step + 3, seed=0, num_outputs=1)
    np.testing.assert_array_equal(taken(3, seed=0, num_outputs=1, first_step=first_step), whole[first_step:])


def test_labels_stay_with_their_images_for_every_output():
    images, labels = next(batches(IMAGES, LABELS, 4, seed=0, num_outputs=2))
    assert len(labels) == 2
    for each in labels:
        np.testing.assert_array_equal(each, images.astype(int) % 3)


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed: pip install jax")
def test_cohorts_train_under_jax_without_tensorflow():
    done = run_python("-c", WITHOUT_TENSORFLOW, env={"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"})
    assert done.returncode == 0, done.stderr
