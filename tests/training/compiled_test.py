"""On TensorFlow; tests/training/jax_test.py runs it on JAX too."""

import keras
import numpy as np
import pytest

from tf_transfer.training.compiled import CompiledCohort

IMAGES = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2], np.int32)


def train_a_step(class_weights):
    """The kernel of a linear network after one step of gradient descent from zero, and the loss before it."""
    layer = keras.layers.Dense(3, use_bias=False, kernel_initializer="zeros", dtype="float32")
    network = keras.Sequential([keras.Input((4,)), layer])
    compiled = CompiledCohort(network, keras.optimizers.SGD(1.0), class_weights)
    batches = iter(lambda: (IMAGES, (LABELS,)), None)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        batches = iter(tf.data.Dataset.from_tensors((IMAGES, (LABELS,))).repeat())
    compiled.train(batches, 1)
    return np.asarray(layer.kernel), compiled.training_means()[0][0]


def test_class_weights_count_in_the_loss():
    weights = np.array([0.5, 1.0, 3.0])
    kernel, loss = train_a_step(weights)
    # The gradient of the weighted mean of cross-entropies, from its formula.
    gradient = IMAGES.T @ (weights[LABELS][:, None] * (1 / 3 - np.eye(3)[LABELS])) / len(LABELS)
    np.testing.assert_allclose(kernel, -gradient, rtol=1e-5, atol=1e-7)
    assert loss == pytest.approx(weights[LABELS].mean() * np.log(3))


def test_equal_class_weights_change_no_bit():
    kernel, loss = train_a_step(None)
    weighted_kernel, weighted_loss = train_a_step(np.ones(3))
    np.testing.assert_array_equal(weighted_kernel, kernel)
    assert weighted_loss == loss
