import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from tf_transfer.networks.layers import GroupedConv2D, LocalResponseNormalization, SmallMapConv2D


def convolve(images, kernel, bias):
    """A plain convolution that keeps the size, in loops; float64."""
    size = kernel.shape[0]
    padded = np.pad(images, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
    out = np.zeros((*images.shape[:3], kernel.shape[-1]))
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            window = padded[:, row : row + size, column : column + size]
            out[:, row, column] = np.tensordot(window, kernel, axes=3)
    return out + bias


def convolution_and_gradients(kind, policy, images, kernel, bias, upstream):
    """Outputs of a convolution layer and the gradients of images, kernel and bias, as float32 arrays."""
    layer = kind(kernel.shape[-1], kernel.shape[0], padding="same", dtype=policy)
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    images = tf.cast(images, layer.compute_dtype)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32) * upstream)
    gradients = tape.gradient(loss, [images, layer.kernel.value, layer.bias.value])
    return [np.asarray(array, np.float32) for array in (outputs, *gradients)]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float32"])
@pytest.mark.parametrize(
    ("side", "height", "width"), [(3, 4, 4), (3, 7, 7), (3, 8, 8), (3, 4, 5), (2, 5, 6), (5, 8, 8)]
)
def test_a_convolution_of_small_maps_is_keras_own_with_its_gradients(policy, side, height, width, request):
    if policy == "mixed_bfloat16":
        request.getfixturevalue("bfloat16_convolutions")
    rng = np.random.default_rng(0)
    shapes = [(7, height, width, 5), (side, side, 5, 6), (6,), (7, height, width, 6)]
    given = [rng.normal(size=shape).astype(ml_dtypes.bfloat16).astype(np.float32) for shape in shapes]
    expected = convolution_and_gradients(keras.layers.Conv2D, "float32", *given)
    received = convolution_and_gradients(SmallMapConv2D, policy, *given)
    # The sum of absolute values of all products that make up a number: what its rounding errors are measured in.
    sums = convolution_and_gradients(keras.layers.Conv2D, "float32", *map(np.abs, given))
    # Numbers of bfloat16 are rounded to 8 bits: the result, and, on processors without instructions for it, what comes
    # of each of the side x side places of the kernel, too. Errors, as likely up as down, grow with the root of that.
    tolerance = 2e-5 if policy == "float32" else (1 + side) * 2**-8
    for name, ours, theirs, total in zip(
        ("outputs", "images", "kernel", "bias"), received, expected, sums, strict=True
    ):
        assert np.all(np.abs(ours - theirs) <= tolerance * total), name


def test_each_group_of_filters_sees_its_own_channels():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 5, 6, 4)).astype(np.float32)
    kernel, bias = rng.normal(size=(3, 3, 2, 6)).astype(np.float32), rng.normal(size=6).astype(np.float32)
    layer = GroupedConv2D(6, 3, groups=2)
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    first = convolve(images[..., :2], kernel[..., :3], bias[:3])
    second = convolve(images[..., 2:], kernel[..., 3:], bias[3:])
    expected = np.concatenate([first, second], axis=-1)
    np.testing.assert_allclose(layer(images), expected, rtol=1e-4, atol=1e-5)
    assert layer.compute_output_shape(images.shape) == expected.shape


def test_a_grouped_convolution_has_the_weights_of_keras_own():
    ours, theirs = GroupedConv2D(8, 3, groups=4), keras.layers.Conv2D(8, 3, groups=4)
    for layer in (ours, theirs):
        layer.build((None, 5, 5, 12))
    assert [variable.shape for variable in ours.weights] == [variable.shape for variable in theirs.weights]


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="2 groups must divide the input's 3 channels and the 4 filters"):
        GroupedConv2D(4, 3, groups=2).build((None, 5, 5, 3))


def caffe_normalise(inputs, beta):
    expected = np.empty(inputs.shape)
    for channel in range(inputs.shape[-1]):
        neighbours = inputs[..., max(0, channel - 2) : channel + 3].astype(np.float64)
        expected[..., channel] = inputs[..., channel] / (1 + 1e-4 / 5 * (neighbours**2).sum(-1)) ** beta
    return expected


@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_normalisation_against_caffe_s_formula(beta):
    inputs = np.random.default_rng(1).normal(scale=30, size=(2, 3, 3, 7)).astype(np.float32)
    np.testing.assert_allclose(LocalResponseNormalization(beta=beta)(inputs), caffe_normalise(inputs, beta), rtol=1e-5)


def test_normalisation_s_gradient_against_differences():
    inputs = np.random.default_rng(1).normal(scale=30, size=(1, 2, 2, 7))
    weights = np.random.default_rng(2).normal(size=inputs.shape)
    expected = np.empty(inputs.shape)
    for place in np.ndindex(inputs.shape):
        step = np.zeros(inputs.shape)
        step[place] = 1e-3
        higher, lower = (caffe_normalise(inputs + sign * step, 0.75) for sign in (1, -1))
        expected[place] = ((higher - lower) * weights).sum() / 2e-3
    with tf.GradientTape() as tape:
        tensor = tf.constant(inputs, tf.float32)
        tape.watch(tensor)
        outputs = LocalResponseNormalization()(tensor)
    gradient = tape.gradient(outputs, tensor, output_gradients=tf.constant(weights, tf.float32))
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_normalisation_of_bfloat16_loses_no_more_than_its_rounding():
    inputs = np.random.default_rng(1).normal(scale=5, size=(2, 3, 3, 7)).astype(ml_dtypes.bfloat16)
    outputs = LocalResponseNormalization(dtype="mixed_bfloat16")(inputs)
    assert outputs.dtype == "bfloat16"
    expected = caffe_normalise(inputs.astype(np.float32), 0.75)
    np.testing.assert_allclose(np.asarray(outputs, np.float32), expected, rtol=2**-8)


def test_layers_survive_serialisation():
    layers = [GroupedConv2D(4, 3, groups=2, padding="valid"), LocalResponseNormalization(beta=0.5)]
    model = keras.Sequential([keras.Input((6, 6, 2)), *layers])
    again = keras.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    images = np.random.default_rng(2).normal(size=(1, 6, 6, 2)).astype(np.float32)
    np.testing.assert_array_equal(again(images), model(images))
    assert again.output_shape == (None, 4, 4, 4)
