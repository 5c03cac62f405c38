"""Networks cut from the graph of a Keras model, as plain data: what a plan needs to know of them.

A model is looked at once, in a process of its own, since that takes TensorFlow; what was found is kept in
~/.cache/tf_transfer (or below XDG_CACHE_HOME), so that plans come at once and threads can still be set when one trains.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import os
import pathlib
import subprocess
from collections.abc import Mapping
from typing import Any

from tf_transfer.experiment.layer_tables import LayerCost
from tf_transfer.files import atomic, checksums, child_process, safe_load

APPLICATIONS = "keras.applications:"
_DROPOUT = 0.2  # of the classifier's inputs, as in most of these models


@dataclasses.dataclass(frozen=True)
class GraphNetwork:
    """A network of layers 1..N, the last one a new classifier, cut from the graph of a Keras model.

    Attributes:
      name: Which model, for example `keras.applications:MobileNetV2`.
      input_size: Side of the square RGB input, in pixels.
      options: Further arguments of the function that builds the model, as JSON.
      ends: Position of the last operation of layers 1..N-1 in the model.
      layers: What layers 1..N-1 cost.
      num_classes: Number of the classifier's outputs.
      dropout: Share of the classifier's inputs that is dropped while training.
    """

    name: str
    input_size: int
    options: str
    ends: tuple[int, ...]
    layers: tuple[LayerCost, ...]
    num_classes: int = 1000
    dropout: float = _DROPOUT

    def __len__(self) -> int:
        """Number of layers, N."""
        return len(self.layers) + 1

    def costs(self) -> list[LayerCost]:
        """What each layer costs."""
        features = self.layers[-1].output_shape[-1]
        classifier = LayerCost((self.num_classes,), (features + 1) * self.num_classes, 2 * features * self.num_classes)
        return [*self.layers, classifier]

    @property
    def parameters(self) -> int:
        """Number of weights of all layers, batch statistics included."""
        return sum(cost.parameters for cost in self.costs())

    def layer_names(self) -> list[str]:
        """Names of the layers by the resolution of their maps: `stage2_block1`, ..., `top1`, `classifier`."""
        names: list[str] = []
        stage, block, before = 0, 0, None
        for layer in self.layers:
            resolution = layer.output_shape[:-1] or "top"
            stage, block = (stage, block + 1) if resolution == before else (stage + 1, 1)
            names.append(f"top{block}" if resolution == "top" else f"stage{stage}_block{block}")
            before = resolution
        return [*names, "classifier"]

    def stage_ends(self) -> tuple[int, ...]:
        """The last layer of each resolution, where a short list of cuts tells most."""
        resolutions = [layer.output_shape[:-1] for layer in self.layers]
        pairs = zip(resolutions, [*resolutions[1:], None], strict=True)
        return tuple(number for number, (here, after) in enumerate(pairs, start=1) if here != after)


def is_graph(network: str) -> bool:
    """Whether a network's name stands for a Keras model that is cut into layers."""
    return network.startswith(APPLICATIONS)


def describe(name: str, num_classes: int, input_size: int, options: Mapping[str, Any]) -> GraphNetwork:
    """Describes a network, from what is kept of it or by looking at the model.

    Args:
      name: `keras.applications:NAME`.
      num_classes: Number of the classifier's outputs.
      input_size: Side of the input, in pixels.
      options: `dropout` of the classifier, and arguments of the function that builds the model, such as `alpha`.

    Raises:
      ValueError: There is no such model, it cannot be built so, or it cannot be cut.
    """
    dropout = options.get("dropout", _DROPOUT)
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise ValueError(f"network_options.dropout must lie in [0, 1), got {dropout!r}")
    others = {key: value for key, value in options.items() if key != "dropout"}
    found = _look_up(name, input_size, json.dumps(others, sort_keys=True))
    return dataclasses.replace(found, num_classes=num_classes, dropout=float(dropout))


@functools.lru_cache(maxsize=8)
def _look_up(name: str, input_size: int, options: str) -> GraphNetwork:
    key = checksums.hash_json([name, input_size, options, importlib.metadata.version("keras")])
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    file = pathlib.Path(cache, "tf_transfer", "networks", f"{key}.json")
    try:
        return checksums.unseal_json(safe_load.read_bytes(file), GraphNetwork)
    except (OSError, ValueError):  # not looked at yet, or damaged
        content = _look_at_model(name, input_size, options)
    network = checksums.unseal_json(content, GraphNetwork)
    try:
        with atomic.replace_file(file) as temporary:
            temporary.write_bytes(content)
    except OSError:
        pass  # where nothing can be kept, it is looked at again the next time
    return network


def _look_at_model(name: str, input_size: int, options: str) -> bytes:
    print(f"looking at {name} for its layers (once; some seconds)", flush=True)
    command = [*child_process.command("networks.describe_graph"), name, str(input_size), options]
    done = subprocess.run(command, env=child_process.environment(TF_CPP_MIN_LOG_LEVEL="3"), capture_output=True)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no output"]
        raise ValueError(lines[-1])
    return done.stdout
