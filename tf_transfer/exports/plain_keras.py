"""A model without this package's own layers, which loads wherever Keras is installed."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tf_transfer.networks.layers import GroupedConv2D, LocalResponseNormalization, SmallMapConv2D


def clone_with_plain_layers(model: keras.Model) -> keras.Model:
    """Copies a model, weights included, with the layers of `tf_transfer.networks` made of Keras's own.

    Args:
      model: A functional or sequential model, and what models it holds.

    Returns:
      A model with the same names, whose outputs differ at most by rounding. A convolution in groups becomes a model of
      one `Conv2D` per group; everything else has the weights that it had.
    """
    copies: list[tuple[keras.Layer, keras.Layer]] = []

    def clone(layer: keras.Layer) -> keras.Layer:
        match layer:
            case GroupedConv2D():
                return _split_groups(layer)
            case LocalResponseNormalization():
                return _normalise_responses(layer)
            case SmallMapConv2D():
                copy = keras.layers.Conv2D.from_config(layer.get_config())
            case _:
                copy = type(layer).from_config(layer.get_config())
        copies.append((layer, copy))
        return copy

    cloned = keras.models.clone_model(model, clone_function=clone, recursive=True)
    for layer, copy in copies:
        copy.set_weights(layer.get_weights())
    return cloned


def _split_groups(layer: GroupedConv2D) -> keras.Model:
    # Not Conv2D(groups=...), which TensorFlow compiles by XLA on a CPU: neither TFLite nor every server takes that.
    images = keras.Input(layer.input.shape[1:])
    convolutions = [
        keras.layers.Conv2D(
            layer.filters // layer.groups, layer.kernel_size, padding=layer.padding, name=f"group{number}"
        )
        for number in range(1, layer.groups + 1)
    ]
    parts = ops.split(images, layer.groups, axis=-1)
    outputs = [convolution(part) for convolution, part in zip(convolutions, parts, strict=True)]
    kernels, biases = (np.split(array, layer.groups, axis=-1) for array in layer.get_weights())
    for convolution, kernel, bias in zip(convolutions, kernels, biases, strict=True):
        convolution.set_weights([kernel, bias])
    return keras.Model(images, keras.layers.Concatenate(name="groups")(outputs), name=layer.name)


def _normalise_responses(layer: LocalResponseNormalization) -> keras.Model:
    images = keras.Input(layer.input.shape[1:])
    height, width, channels = images.shape[1:]
    # The mean over neighbouring channels is a pooling, with the channels as the width of an image.
    squares = ops.reshape(ops.square(images), (-1, height * width, channels, 1))
    padded = keras.layers.ZeroPadding2D(((0, 0), (layer.size // 2,) * 2), name="pad")(squares)
    means = keras.layers.AveragePooling2D((1, layer.size), strides=1, name="pool")(padded)
    base = layer.k + layer.alpha * ops.reshape(means, (-1, height, width, channels))
    return keras.Model(images, images * ops.power(base, -layer.beta), name=layer.name)
