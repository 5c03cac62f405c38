"""Training steps of one network, against PyTorch, and of CaffeNet against its plainest form in Keras.

python -m bench.step                 (needs PyTorch beside the package: pip install torch==2.13.0)
python -m bench.step --batch_size=8 --steps=1 --rounds=1 --networks=convnet
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import math
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported

import keras
import numpy as np
import tensorflow as tf

from bench import alternating
from tf_transfer.experiment import layer_tables, seeds
from tf_transfer.experiment.config import Recipe
from tf_transfer.networks import layer_blocks
from tf_transfer.sweep.worker import use_threads
from tf_transfer.training import optimizers
from tf_transfer.training.compiled import CompiledCohort

PRECISIONS = ("float32", "mixed_bfloat16")
AIM = {"convnet": 1.2, "caffenet": 1.0}
STEPS_PER_CALL = {"convnet": 20, "caffenet": 1}  # as a sweep has them, too
CLASSES = 50


class TrainingStep:
    """Steps of a Keras model on one batch, as a sweep trains it.

    Args:
      model: The network.
      images: float32 [batch, height, width, 3].
      labels: Integers [batch].
      steps_per_call: Steps that one call of TensorFlow does.
    """

    def __init__(self, model: keras.Model, images: np.ndarray, labels: np.ndarray, steps_per_call: int):
        recipe = Recipe(learning_rate=1e-3, learning_rate_schedule="constant")
        self._compiled = CompiledCohort(model, optimizers.build_optimizer(recipe, 1))
        self._batches = iter(tf.data.Dataset.from_tensors((images, (labels,))).repeat())
        self._steps_per_call = steps_per_call
        self(steps_per_call)  # traces the step

    def __call__(self, steps: int) -> float:
        """Trains for so many steps, a multiple of those of a call, and returns the mean loss so far."""
        for _ in range(steps // self._steps_per_call):
            self._compiled.train(self._batches, self._steps_per_call)
        return self._compiled.training_means()[0][0]


class _Normalisation(keras.layers.Layer):
    def call(self, inputs):
        normalised = tf.nn.local_response_normalization(tf.cast(inputs, tf.float32), 2, 1.0, 1e-4 / 5, 0.75)
        return tf.cast(normalised, inputs.dtype)  # TensorFlow has no kernel for bfloat16


def plain_caffenet(num_classes: int, input_size: int) -> keras.Model:
    """CaffeNet as one would write it down: two convolutions side by side for each one in groups, TensorFlow's LRN."""
    layers = keras.layers
    images = features = keras.Input((input_size, input_size, 3))
    features = layers.Conv2D(96, 11, 4, activation="relu")(features)
    features = _Normalisation()(layers.MaxPooling2D(3, 2)(features))
    for filters, kernel, groups, pool in ((256, 5, 2, True), (384, 3, 1, False), (384, 3, 2, False), (256, 3, 2, True)):
        share = features.shape[-1] // groups
        parts = [features[..., start : start + share] for start in range(0, features.shape[-1], share)]
        parts = [layers.Conv2D(filters // groups, kernel, padding="same", activation="relu")(part) for part in parts]
        features = layers.Concatenate()(parts) if groups > 1 else parts[0]
        features = layers.MaxPooling2D(3, 2)(features) if pool else features
        features = _Normalisation()(features) if kernel == 5 else features
    features = layers.Flatten()(features)
    for _ in range(2):
        features = layers.Dropout(0.5)(layers.Dense(4096, activation="relu")(features))
    return keras.Model(images, layers.Dense(num_classes, dtype="float32")(features))


def training_step(
    way: str, network: str, precision: str, batch_size: int, threads: int, steps: int
) -> Callable[[int], float]:
    """Makes a network ready to be trained, in a new process.

    Args:
      way: `ours`, `plain` (CaffeNet only) or `torch`.
      network: `convnet` or `caffenet`.
      precision: `float32` or `mixed_bfloat16`.
      batch_size: Images in a step.
      threads: To train it with.
      steps: Steps in a round.

    Returns:
      A function that trains for so many steps.
    """
    architecture = layer_tables.build(network, CLASSES, 227 if network == "caffenet" else 32)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch_size, architecture.input_size, architecture.input_size, 3)).astype(np.float32)
    labels = rng.integers(0, CLASSES, batch_size, dtype=np.int32)
    if way == "torch":
        from bench import torch_networks

        torch_networks.torch.set_num_threads(threads)
        return torch_networks.TrainingStep(architecture, images, labels, precision == "mixed_bfloat16")
    use_threads(threads, architecture, batch_size)
    keras.config.set_dtype_policy(precision)
    if way == "plain":
        return TrainingStep(plain_caffenet(CLASSES, architecture.input_size), images, labels, 1)
    model = layer_blocks.build_network(architecture, seeds.derive_seed, small_map_kernels=True)
    return TrainingStep(model, images, labels, math.gcd(steps, STEPS_PER_CALL[network]))


def measure(network: str, precision: str, batch_size: int, threads: int, steps: int, rounds: int) -> dict[str, float]:
    """Returns images a second of every way to train `network`."""
    with contextlib.ExitStack() as stack:
        ways = {}
        for way in ("ours", "plain", "torch") if network == "caffenet" else ("ours", "torch"):
            worker = alternating.Worker(training_step, way, network, precision, batch_size, threads, steps)
            ways[way] = alternating.stopwatch(stack.enter_context(worker), steps)
        seconds = alternating.medians(ways, rounds)
    return {way: batch_size * steps / taken for way, taken in seconds.items()}


def table_row(network: str, precision: str, threads: int, rates: dict[str, float]) -> list[str]:
    """Returns a row of the table."""
    figures = [f"{rates[way]:,.1f}" if way in rates else "" for way in ("ours", "plain", "torch")]
    return [network, precision, str(threads), *figures, f"{rates['ours'] / rates['torch']:.2f}", f"{AIM[network]}"]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["convnet", "caffenet"], choices=sorted(AIM))
    parser.add_argument("--threads", nargs="+", type=int, default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--batch_size", type=int, default=64, help="images in a step")
    parser.add_argument("--steps", type=int, default=0, help="steps in a round; 0: 60 of convnet, 3 of caffenet")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if not importlib.util.find_spec("torch"):
        parser.error("PyTorch is not installed, against which is measured: pip install torch==2.13.0")
    rows = []
    for network, precision, threads in itertools.product(args.networks, PRECISIONS, args.threads):
        steps = args.steps or (60 if network == "convnet" else 3)
        rates = measure(network, precision, args.batch_size, threads, steps, args.rounds)
        rows.append(table_row(network, precision, threads, rates))
    columns = ["network", "precision", "threads", "ours, images/s", "plain Keras", "PyTorch", "ours / PyTorch", "aim"]
    alternating.print_table("Training steps", columns, rows)


if __name__ == "__main__":
    main()
