"""The layers of the paper's network that Keras lacks, in `keras.ops` alone, so that they run on every backend."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tf_transfer.networks import winograd


@keras.saving.register_keras_serializable("tf_transfer")
class SmallMapConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` of stride 1, which trains small feature maps faster on a CPU, under TensorFlow.

    In float32, 3x3 kernels on maps whose sides fill Winograd's tiles are computed by `winograd.convolve`, which takes
    0.6 of the time of TensorFlow's own operations, gradients included.

    In bfloat16, the gradient of the kernel is computed as a convolution too, with the batch in place of the channels:
    an image for each input channel, and the gradient of the output as the kernel. On maps of 4x4 that takes half the
    time of TensorFlow's own operation; the sums are the same but for the order in which they are added up.
    """

    def convolution_op(self, inputs, kernel):
        """Convolves [batch, height, width, channels] to [batch, height, width, filters]."""
        plain = self.padding == "same" and self.strides == self.dilation_rate == (1, 1) and self.groups == 1
        plain &= self.data_format == "channels_last"
        if plain and keras.backend.backend() == "tensorflow":
            if self.compute_dtype == "bfloat16":
                return _convolve_small_maps(inputs, kernel)
            if self.compute_dtype == "float32" and winograd.is_faster(inputs.shape[1:3], self.kernel_size):
                return winograd.convolve(inputs, ops.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


def _convolve_small_maps(images, kernel):
    import tensorflow as tf  # not needed under another backend

    @tf.custom_gradient
    def convolve(images, kernel):
        def gradients(upstream):
            padding = [[0, 0], *([(side - 1) // 2, side // 2] for side in kernel.shape[:2]), [0, 0]]
            as_kernel = tf.transpose(upstream, [1, 2, 0, 3])
            of_kernel = tf.nn.conv2d(tf.transpose(images, [3, 1, 2, 0]), as_kernel, 1, padding)
            of_images = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(images), filter=kernel, out_backprop=upstream, strides=[1] * 4, padding="SAME"
            )
            return of_images, tf.transpose(of_kernel, [1, 2, 0, 3])

        return tf.nn.conv2d(images, kernel, 1, "SAME"), gradients

    return convolve(tf.convert_to_tensor(images), tf.convert_to_tensor(kernel))


@keras.saving.register_keras_serializable("tf_transfer")
class GroupedConv2D(keras.layers.Layer):
    """A convolution in groups: output group g sees input group g alone.

    It has the weights of `keras.layers.Conv2D(groups=...)`, but is computed as one plain convolution per group: 3 to 10
    times faster with TensorFlow on a CPU.

    Args:
      filters: Number of output channels, a multiple of the groups.
      kernel_size: Side of the kernel, in pixels.
      groups: Number of groups; it must divide input and output channels.
      padding: `same` or `valid`.
      kernel_initializer: Initializer of the kernel, float32 [size, size, input channels / groups, filters].
      bias_initializer: Initializer of the bias, float32 [filters].
      **kwargs: Passed on to `keras.layers.Layer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        groups: int,
        padding: str = "same",
        kernel_initializer="he_normal",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.groups, self.padding = filters, kernel_size, groups, padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        """Makes the weights for inputs [batch, height, width, channels]."""
        channels = input_shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(
                f"{self.groups} groups must divide the input's {channels} channels and the {self.filters} filters"
            )
        shape = (self.kernel_size, self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer=self.bias_initializer, name="bias")

    def call(self, inputs):
        """Convolves [batch, height, width, channels] to [batch, height, width, filters]."""
        parts = zip(
            ops.split(inputs, self.groups, axis=-1),
            ops.split(ops.convert_to_tensor(self.kernel), self.groups, axis=-1),
            strict=True,
        )
        convolved = [ops.conv(part, kernel, padding=self.padding) for part, kernel in parts]
        return ops.concatenate(convolved, axis=-1) + self.bias

    def compute_output_shape(self, input_shape):
        """Shape of the output for one of the input."""
        loss = self.kernel_size - 1 if self.padding == "valid" else 0
        return (input_shape[0], *(None if side is None else side - loss for side in input_shape[1:3]), self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "groups": self.groups,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@keras.saving.register_keras_serializable("tf_transfer")
class LocalResponseNormalization(keras.layers.Layer):
    """Caffe's LRN across channels: x / (k + alpha / size * sum of x^2 over `size` neighbouring channels) ^ beta.

    Krizhevsky et al. (2012), section 3.3; the defaults are those of the paper's network.

    Args:
      size: Number of channels summed over, odd; fewer at the ends.
      alpha: Weight of the sum; Caffe divides it by `size`.
      beta: The exponent.
      k: The constant.
      **kwargs: Passed on to `keras.layers.Layer`.
    """

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, inputs):
        """Normalises [batch, height, width, channels], in float32 for inputs of any type.

        The sum over neighbours is a product with a band matrix, and x^-0.75 is computed from square roots. A training
        step of this layer takes a seventh of the time that it would with shifted sums and a general power. In bfloat16,
        the sum of squares would be lost beside the constant.
        """
        wide = ops.cast(inputs, "float32")
        channels = np.arange(inputs.shape[-1])
        band = np.abs(np.subtract.outer(channels, channels)) <= self.size // 2
        total = ops.matmul(ops.square(wide), ops.convert_to_tensor(band, "float32"))
        base = self.k + (self.alpha / self.size) * total
        if self.beta == 0.75:
            root = ops.rsqrt(base)
            scale = root * ops.sqrt(root)
        else:
            scale = ops.power(base, -self.beta)
        return ops.cast(wide * scale, inputs.dtype)

    def compute_output_shape(self, input_shape):
        """The shape stays the same."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
