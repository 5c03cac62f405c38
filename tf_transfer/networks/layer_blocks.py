"""From a table of layers to Keras: one named block per layer that carries weights, 1..N."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.layer_tables import Architecture, Layer
from tf_transfer.networks import graph
from tf_transfer.networks.layers import GroupedConv2D, LocalResponseNormalization, SmallMapConv2D

SMALL_MAP = 8  # pixels; on maps of 16 and more, SmallMapConv2D is slower


def build_block(
    layer: Layer,
    input_shape: tuple[int, ...],
    name: str,
    init_seed: int,
    dropout_seed: int,
    small_map_kernels: bool = False,
) -> keras.Sequential:
    """Builds one layer with its activation, pooling and dropout.

    Args:
      layer: The layer's row in the table.
      input_shape: Shape of one input, without the batch.
      name: The block's name.
      init_seed: Seed of its initial weights.
      dropout_seed: Seed of its dropout.
      small_map_kernels: Whether convolutions of small maps are `SmallMapConv2D`, which train faster on a CPU.

    Returns:
      A built `keras.Sequential` whose `get_weights()` are kernel and bias.
    """
    # In the compute type: otherwise each block would cast its input to float32 and back, which changes nothing.
    parts = [keras.Input(input_shape, dtype=keras.config.dtype_policy().compute_dtype)]
    initial = {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=layer.init_stddev, seed=init_seed)
        if layer.init_stddev
        else keras.initializers.HeNormal(seed=init_seed),
        "bias_initializer": keras.initializers.Constant(layer.init_bias),
    }
    if layer.kind == "dense":
        if len(input_shape) > 1:
            parts.append(keras.layers.Flatten(name="flatten"))
        parts.append(keras.layers.Dense(layer.units, name="dense", **initial))
    elif layer.groups > 1:
        if layer.stride > 1:
            raise ValueError(f"{name}: convolutions in groups must have stride 1, got {layer.stride}")
        parts.append(GroupedConv2D(layer.units, layer.kernel, layer.groups, layer.padding, name="conv", **initial))
    else:
        small = small_map_kernels and layer.stride == 1 and max(input_shape[:2]) <= SMALL_MAP
        kind = SmallMapConv2D if small else keras.layers.Conv2D
        parts.append(kind(layer.units, layer.kernel, layer.stride, layer.padding, name="conv", **initial))
    if layer.pool_size:
        padding = layer.pool_padding or layer.padding
        parts.append(keras.layers.MaxPooling2D(layer.pool_size, layer.pool_stride, padding, name="pool"))
    if layer.relu:  # after the pooling: the same result and gradient, from a quarter of the numbers
        parts.append(keras.layers.ReLU(name="relu"))
    if layer.normalised:
        parts.append(LocalResponseNormalization(name="normalise"))
    if layer.dropout:
        parts.append(keras.layers.Dropout(layer.dropout, seed=dropout_seed, name="dropout"))
    return keras.Sequential(parts, name=name)


def build_blocks(
    architecture: Architecture | GraphNetwork,
    name: str,
    seed_of: Callable[[str, int], int],
    first: int = 1,
    last: int | None = None,
    small_map_kernels: bool = False,
) -> list[keras.Model]:
    """Builds layers `first`..`last` of a network, each as a block named `NAME_layerN`, or `layerN`.

    Args:
      architecture: The table of layers, or what was cut from a graph.
      name: Prefix of the blocks' names; may be empty.
      seed_of: Gives the seed for `("init", layer)` and `("dropout", layer)`.
      first: Number of the first layer, from 1.
      last: Number of the last layer; None for the classifier.
      small_map_kernels: As for `build_block`.
    """
    if isinstance(architecture, GraphNetwork):
        return graph.build_blocks(architecture, name, seed_of, first, last)
    shapes = [(architecture.input_size, architecture.input_size, 3)] + [c.output_shape for c in architecture.costs()]
    return [
        build_block(
            architecture.layers[number - 1],
            shapes[number - 1],
            f"{name}_layer{number}" if name else f"layer{number}",
            seed_of("init", number),
            seed_of("dropout", number),
            small_map_kernels,
        )
        for number in range(first, (last or len(architecture)) + 1)
    ]


def chain(blocks: Sequence[keras.Model], features: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Applies blocks one after another and returns the output of each."""
    outputs = []
    for block in blocks:
        features = block(features)
        outputs.append(features)
    return outputs


def build_network(
    architecture: Architecture | GraphNetwork, seed_of: Callable[[str, int], int], small_map_kernels: bool = False
) -> keras.Model:
    """Builds a whole network, float32 logits out; layer n is `model.get_layer(f"layer{n}")`."""
    images = keras.Input((architecture.input_size, architecture.input_size, 3), name="images")
    blocks = build_blocks(architecture, "", seed_of, small_map_kernels=small_map_kernels)
    return keras.Model(images, as_logits(chain(blocks, images)[-1], "network"), name=architecture.name)


def as_logits(features: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Casts a classifier's outputs to float32, in which loss and softmax are computed at any precision."""
    return keras.layers.Identity(dtype="float32", name=f"{name}_logits")(features)


def get_weights(blocks: Sequence[keras.Model]) -> dict[str, np.ndarray]:
    """Reads the weights of layers 1..len(blocks) as arrays named `layerN/I`."""
    return {
        f"layer{number}/{index}": array
        for number, block in enumerate(blocks, start=1)
        for index, array in enumerate(block.get_weights())
    }


def layer_number(name: str) -> int:
    """The number N of an array's name `layerN/I`."""
    return int(name.removeprefix("layer").partition("/")[0])


def set_weights(block: keras.Model, number: int, weights: Mapping[str, np.ndarray], origin: str) -> None:
    """Copies the weights of layer `number` into a block, by position and shape: all of them, or an error.

    Args:
      block: The block of layer `number`.
      number: The layer's number, from 1.
      weights: Arrays named `layerN/I`.
      origin: Where they come from, for the message.

    Raises:
      ValueError: There are more or fewer arrays than the block has, or a shape differs.
    """
    names = sorted((name for name in weights if layer_number(name) == number), key=lambda name: (len(name), name))
    arrays = [weights[name] for name in names]
    expected = [tuple(variable.shape) for variable in block.weights]
    received = [array.shape for array in arrays]
    if expected != received:
        raise ValueError(
            f"layer {number} has weights of shapes {expected}, but {origin} holds {received}; "
            "source and target networks must have the same layers"
        )
    block.set_weights(arrays)
