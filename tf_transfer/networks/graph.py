"""Networks from a graph: any functional Keras model, cut into layers 1..N where a single tensor is alive.

A cut lies where, walking the operations in their order, exactly one tensor is alive: all that comes after depends on it
alone. Of the pieces between cuts,

1. one without a weight of rank 2 or more (normalisation, activation, pooling) joins the piece before;
2. one of zero padding alone joins the piece after, or maps would have odd sides;
3. a cut with more channels than the next one kept lies inside a bottleneck, and goes, unless it is where branches meet.

The last piece with a weight of rank 2 or more is the old classifier, in place of which there is a new one. What is left
are the blocks that a person would name: 16 residual ones of ResNet50 behind its stem, 13 + 3 layers of VGG16.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from tf_transfer.experiment.graph_networks import APPLICATIONS, GraphNetwork
from tf_transfer.experiment.layer_tables import LayerCost

MAX_MOMENTUM = 0.9  # of batch normalisation: with Keras's 0.99 or 0.999, statistics lag far behind short trainings
_BRANCHES_MEET = ("Add", "Concatenate")


@dataclasses.dataclass(frozen=True)
class _Graph:
    """A model's operations in order, and the names of those that each one takes its inputs from."""

    operations: Sequence[Any]
    parents: Mapping[str, frozenset[str]]


def build_model(spec: str, input_size: int, options: Mapping[str, Any]) -> keras.Model:
    """Builds the model that a network's name stands for, with random weights, at the current dtype policy.

    Args:
      spec: `keras.applications:NAME`.
      input_size: Side of the square RGB input, in pixels.
      options: Further arguments of the function that builds it.

    Raises:
      ValueError: There is no such model, or it cannot be built so.
    """
    name = spec.removeprefix(APPLICATIONS)
    build = getattr(keras.applications, name, None)
    if name == spec or not callable(build) or not name[:1].isupper():
        known = sorted(each for each in vars(keras.applications) if each[:1].isupper())
        raise ValueError(f"unknown network {spec!r}: expected {APPLICATIONS} and one of {', '.join(known)}")
    try:
        model = build(weights=None, input_shape=(input_size, input_size, 3), **options)
    except (TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise ValueError(
            f"{spec} cannot be built for images of {input_size} pixels with the options {dict(options)}: {said}"
        ) from error
    return _open_nested_models(model, spec)


def _open_nested_models(model: keras.Model, spec: str) -> keras.Model:
    """Puts the layers of models within a model in their place, with the same weights."""

    def call(layer, *inputs, **options):
        if not isinstance(layer, keras.Model):
            return layer(*inputs, **options)
        if isinstance(layer, keras.Sequential):
            [features] = inputs
            for inner in layer.layers:
                features = inner(features)
            return features
        return keras.models.clone_model(layer, inputs, clone_function=lambda inner: inner, call_function=call).output

    opened = model
    while any(isinstance(operation, keras.Model) for operation in opened.operations):
        opened = keras.models.clone_model(opened, clone_function=lambda layer: layer, call_function=call)
    if opened.count_params() != model.count_params():
        raise ValueError(f"{spec} holds models with weights of their own, which cannot be taken apart")
    if opened is not model:  # its layers have been called twice; copies are called once
        weights, opened = opened.get_weights(), keras.models.clone_model(opened)
        opened.set_weights(weights)
    return opened


def describe(spec: str, input_size: int, options: Mapping[str, Any]) -> GraphNetwork:
    """Cuts a model into layers and counts what each costs.

    Raises:
      ValueError: As in `build_model`, or the model cannot be cut.
    """
    model = build_model(spec, input_size, options)
    graph = _read_graph(model, spec)
    pieces = _cut_into_layers(graph, spec)
    layers, start = [], 0
    for end in pieces:
        layers.append(_describe_layer(graph.operations[start : end + 1]))
        start = end + 1
    return GraphNetwork(spec, input_size, json.dumps(dict(options), sort_keys=True), tuple(pieces), tuple(layers))


def _read_graph(model: keras.Model, spec: str) -> _Graph:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"{spec} has {len(model.inputs)} inputs and {len(model.outputs)} outputs, expected one of each"
        )
    configs = {layer["name"]: layer for layer in model.get_config()["layers"]}
    operations = [operation for operation in model.operations if not isinstance(operation, keras.layers.InputLayer)]
    for operation in operations:
        if len(configs[operation.name]["inbound_nodes"]) > 1:
            raise ValueError(
                f"{spec} calls its layer {operation.name!r} more than once, on both sides of a cut perhaps"
            )
    parents = {
        operation.name: frozenset(_parents(configs[operation.name]["inbound_nodes"])) for operation in operations
    }
    return _Graph(operations, parents)


def _parents(config: Any) -> set[str]:
    """Names of the operations whose outputs are referred to in a serialised call."""
    if isinstance(config, Mapping):
        if config.get("class_name") == "__keras_tensor__":
            return {config["config"]["keras_history"][0]}
        config = list(config.values())
    if isinstance(config, list | tuple):
        return set().union(*map(_parents, config))
    return set()


def _cut_into_layers(graph: _Graph, spec: str) -> list[int]:
    """The number of the last operation of each layer but the classifier."""
    pieces = _join_small_pieces(graph, _single_tensor_pieces(graph))
    if len(pieces) < 3:
        raise ValueError(f"{spec} has {len(pieces)} pieces between points with a single tensor; at least 3 are needed")
    kept = [pieces[-2]]  # the last piece is the classifier
    for piece in reversed(pieces[:-2]):
        end = graph.operations[piece[-1]]
        meets = type(end).__name__ in _BRANCHES_MEET and len(graph.parents[end.name]) > 1
        if _channels(end) > _channels(graph.operations[kept[0][-1]]) and not meets:
            kept[0] = piece + kept[0]
        else:
            kept.insert(0, piece)
    return [piece[-1] for piece in kept]


def _single_tensor_pieces(graph: _Graph) -> list[list[int]]:
    last_use: dict[str, int] = {}
    for number, operation in enumerate(graph.operations):
        last_use |= dict.fromkeys(graph.parents[operation.name], number)
    pieces: list[list[int]] = [[]]
    alive: set[str] = set()
    for number, operation in enumerate(graph.operations):
        pieces[-1].append(number)
        alive = {name for name in {*alive, operation.name} if last_use.get(name, math.inf) > number}
        if alive == {operation.name}:
            pieces.append([])
    return pieces[:-1]


def _join_small_pieces(graph: _Graph, pieces: list[list[int]]) -> list[list[int]]:
    joined: list[list[int]] = []
    carried: list[int] = []
    for piece in pieces:
        whole, carried = carried + piece, []
        operations = [graph.operations[number] for number in whole]
        if any(_kernels(operation) for operation in operations):
            joined.append(whole)
        elif not joined or all(isinstance(operation, keras.layers.ZeroPadding2D) for operation in operations):
            carried = whole
        else:
            joined[-1] += whole
    if carried and joined:
        joined[-1] += carried
    return joined


def _kernels(operation: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in getattr(operation, "weights", []) if len(weight.shape) > 1]


def _channels(operation: Any) -> int:
    tensor = operation.input if isinstance(operation, keras.layers.Flatten) else operation.output
    return tensor.shape[-1]


def _describe_layer(operations: Sequence[Any]) -> LayerCost:
    parameters = sum(math.prod(weight.shape) for each in operations for weight in getattr(each, "weights", []))
    flops = 0
    for operation in operations:
        positions = math.prod(operation.output.shape[1:-1])
        flops += sum(2 * positions * math.prod(kernel) for kernel in _kernels(operation))
    return LayerCost(tuple(operations[-1].output.shape[1:]), parameters, flops)


@functools.lru_cache(maxsize=2)
def _parts(network: GraphNetwork, policy: str) -> list[keras.Model]:
    """The layers of a network but its classifier, as models to copy; `policy` is the name of the current one."""
    model = build_model(network.name, network.input_size, json.loads(network.options))
    operations = _read_graph(model, network.name).operations
    ends = [operations[number].output for number in network.ends]
    return [keras.Model(start, end) for start, end in zip([model.input, *ends[:-1]], ends, strict=True)]


def build_blocks(
    network: GraphNetwork, name: str, seed_of: Callable[[str, int], int], first: int = 1, last: int | None = None
) -> list[keras.Model]:
    """Builds layers `first`..`last` of a network; arguments and names as for `layer_blocks.build_blocks`."""
    parts = _parts(network, keras.config.dtype_policy().name)
    blocks = []
    for number in range(first, (last or len(network)) + 1):
        full_name = f"{name}_layer{number}" if name else f"layer{number}"
        seeds = seed_of("init", number), seed_of("dropout", number)
        if number <= len(parts):
            blocks.append(_copy(parts[number - 1], full_name, *seeds))
        else:
            blocks.append(_classifier(network, full_name, *seeds))
    return blocks


def _copy(part: keras.Model, name: str, init_seed: int, dropout_seed: int) -> keras.Model:
    """Copies a part with initial weights and dropout of its own."""
    random_layers = iter(range(len(part.operations)))

    def fresh(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if "seed" in config:
            config["seed"] = (dropout_seed + next(random_layers)) % 2**31
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = min(config["momentum"], MAX_MOMENTUM)
        return type(layer).from_config(config)

    state = random.getstate()  # initialisers without a seed draw one from Python's generator
    random.seed(init_seed)
    try:
        copied = keras.models.clone_model(part, clone_function=fresh)
    finally:
        random.setstate(state)
    copied.name = name
    return copied


def _classifier(network: GraphNetwork, name: str, init_seed: int, dropout_seed: int) -> keras.Model:
    shape = network.layers[-1].output_shape
    parts: list = [keras.Input(shape, dtype=keras.config.dtype_policy().compute_dtype)]
    if len(shape) > 1:
        parts.append(keras.layers.GlobalAveragePooling2D(name="pool"))
    if network.dropout:
        parts.append(keras.layers.Dropout(network.dropout, seed=dropout_seed, name="dropout"))
    initial = keras.initializers.GlorotUniform(seed=init_seed)
    parts.append(keras.layers.Dense(network.num_classes, kernel_initializer=initial, name="dense"))
    return keras.Sequential(parts, name=name)
