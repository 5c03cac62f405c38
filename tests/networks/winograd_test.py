"""Winograd's convolution against the plain one in double precision, also where maps do not fill the tiles."""

import numpy as np
import pytest
import tensorflow as tf

from tf_transfer.networks import winograd


def plain_convolution(images, kernel):
    return tf.nn.conv2d(images, kernel, 1, "SAME")


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7, 8, 12])
def test_it_is_the_plain_convolution_with_its_gradients(side):
    rng = np.random.default_rng(side)
    images, kernel = rng.normal(size=(3, side, side, 5)), rng.normal(size=(3, 3, 5, 6))
    upstream = rng.normal(size=(3, side, side, 6))
    found = []
    for convolve, dtype in ((winograd.convolve, "float32"), (plain_convolution, "float64")):
        arguments = [tf.constant(array, dtype) for array in (images, kernel)]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            outputs = convolve(*arguments)
        found.append([outputs, *tape.gradient(outputs, arguments, tf.constant(upstream, dtype))])
    for fast, plain in zip(*found, strict=True):
        assert fast.dtype == "float32" and fast.shape == plain.shape
        np.testing.assert_allclose(fast, plain, rtol=0, atol=2e-5 * np.abs(plain).max())


def test_batches_may_have_any_number_of_images():
    rng = np.random.default_rng(0)
    images, kernel = rng.normal(size=(9, 8, 8, 3)).astype("f"), rng.normal(size=(3, 3, 3, 2)).astype("f")
    signature = [tf.TensorSpec([None, 8, 8, 3]), tf.TensorSpec([3, 3, 3, 2])]
    convolve = tf.function(winograd.convolve, input_signature=signature)
    whole = convolve(images, kernel)
    for first, last in ((0, 1), (1, 4), (4, 9)):
        np.testing.assert_allclose(convolve(images[first:last], kernel), whole[first:last], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("sides", "kernel", "expected"), [
    ((4, 4), (3, 3), True), ((8, 8), (3, 3), True), ((7, 7), (3, 3), True),
    ((5, 5), (3, 3), False), ((4, 8), (3, 3), False), ((8, 8), (5, 5), False), ((16, 16), (3, 3), False),
])  # fmt: skip
def test_it_is_taken_where_it_gains(sides, kernel, expected):
    assert winograd.is_faster(sides, kernel) is expected
