"""A cohort as one functional model with an output per run: its weights copied and frozen, but not yet compiled."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.layer_tables import Architecture
from tf_transfer.experiment.plan import Run
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.experiment.treatments import NEW
from tf_transfer.networks import layer_blocks
from tf_transfer.networks.normalisation import Normalisation

BaseWeights = Mapping[str, Mapping[str, np.ndarray]]  # by the base's name and `layerN/I`


@dataclasses.dataclass(frozen=True)
class CohortModel:
    """Networks that train side by side.

    Attributes:
      model: Images in, one tensor of float32 logits per run out. Not compiled.
      blocks: For each run's name, its blocks 1..N. Runs share the blocks of their frozen prefix.
      runs: The runs in the order of the model's outputs.
    """

    model: keras.Model
    blocks: Mapping[str, Sequence[keras.Model]]
    runs: tuple[Run, ...]

    def variables(self, run: Run) -> list[keras.Variable]:
        """All weights of a run's network, frozen ones and seeds of dropout included."""
        return [variable for block in self.blocks[run.name] for variable in block.weights]

    def frozen_sha256(self, run: Run) -> str:
        """Hashes a run's frozen weights; empty if it has none."""
        return hash_layers(layer_blocks.get_weights(self.blocks[run.name]), run.treatment.num_frozen)

    def copied_sha256(self, run: Run) -> str:
        """Hashes the weights that a run has copied from a base; empty if it has none."""
        return hash_layers(layer_blocks.get_weights(self.blocks[run.name]), run.treatment.num_copied if run.base else 0)


def build_cohort(
    architecture: Architecture | GraphNetwork,
    runs: Sequence[Run],
    base_weights: BaseWeights,
    normalise: Normalisation | None = None,
    small_map_kernels: bool = False,
) -> CohortModel:
    """Builds the networks of a cohort, copies weights from their bases, and freezes the layers that do not learn.

    Runs with the same source share one frozen chain of blocks, which is computed once. Everything that learns is each
    run's own, so each network gets exactly the gradient that it would get alone.

    Args:
      architecture: The network's layers, for the target's number of classes.
      runs: Runs with the same target, split and seed.
      base_weights: By the name of each base that the runs copy from, its weights named `layerN/I`.
      normalise: Normalisation by channels, if the model is to take uint8 images and normalise them itself; None if it
        takes normalised images.
      small_map_kernels: As for `layer_blocks.build_block`.

    Raises:
      ValueError: A weight does not fit, a treatment copies more layers than there are, or a mean image is given.
    """
    if normalise and normalise.is_image:
        raise ValueError("a network cannot subtract a mean image, not knowing how images were cropped; the stream does")
    shape = (architecture.input_size, architecture.input_size, 3)
    images = inputs = keras.Input(shape, name="images", dtype="uint8" if normalise else "float32")
    if normalise:
        # Repeated for every pixel: TensorFlow is slow at broadcasting three numbers over images.
        mean, variance = (np.tile(each, (*shape[:2], 1)) for each in (normalise.mean[0, 0], normalise.deviation**2))
        layer = keras.layers.Normalization((1, 2, 3), mean, variance, dtype="float32", name="normalise")
        images = layer(inputs)
    prefixes: dict[str, list[keras.Model]] = {}
    features: dict[str, list[keras.KerasTensor]] = {}
    for run in sorted(runs, key=lambda run: -run.treatment.num_frozen):
        source = run.treatment.source
        run.treatment.layers(len(architecture))  # refuses to copy layers that do not exist
        if run.treatment.num_frozen and source not in prefixes:
            prefixes[source] = _frozen_prefix(architecture, run, base_weights, small_map_kernels)
            features[source] = layer_blocks.chain(prefixes[source], images)
    blocks, outputs = {}, []
    for run in runs:
        frozen = run.treatment.num_frozen
        own = _learning_blocks(architecture, run, base_weights, small_map_kernels)
        start = features[run.treatment.source][frozen - 1] if frozen else images
        blocks[run.name] = [*(prefixes[run.treatment.source][:frozen] if frozen else []), *own]
        outputs.append(layer_blocks.as_logits(layer_blocks.chain(own, start)[-1], _keras_name(run)))
    return CohortModel(keras.Model(inputs, outputs, name="cohort"), blocks, tuple(runs))


def _frozen_prefix(
    architecture: Architecture | GraphNetwork, run: Run, base_weights: BaseWeights, small_map_kernels: bool
) -> list[keras.Model]:
    treatment = run.treatment
    # Seeds depend on the source, not on the run, so that a run alone has the same random features and frozen dropout.
    seed_of = functools.partial(derive_seed, "frozen", treatment.source, str(run.split), run.seed)
    blocks = layer_blocks.build_blocks(
        architecture,
        f"frozen_{treatment.source}",
        seed_of,
        last=treatment.num_frozen,
        small_map_kernels=small_map_kernels,
    )
    for number, block in enumerate(blocks, start=1):
        if run.base:
            layer_blocks.set_weights(block, number, base_weights[run.base.name], run.base.name)
        block.trainable = False
    return blocks


def _learning_blocks(
    architecture: Architecture | GraphNetwork, run: Run, base_weights: BaseWeights, small_map_kernels: bool
) -> list[keras.Model]:
    treatment = run.treatment
    seed_of = functools.partial(derive_seed, treatment.name, str(run.split), run.seed)
    blocks = layer_blocks.build_blocks(
        architecture, _keras_name(run), seed_of, first=treatment.num_frozen + 1, small_map_kernels=small_map_kernels
    )
    layers = treatment.layers(len(architecture))
    for number, block in enumerate(blocks, start=treatment.num_frozen + 1):
        if run.base and layers[number - 1].origin != NEW:
            layer_blocks.set_weights(block, number, base_weights[run.base.name], run.base.name)
    return blocks


def _keras_name(run: Run) -> str:
    return run.treatment.name.replace("+", "plus")  # TensorFlow's scopes allow no plus sign


def hash_layers(weights: Mapping[str, np.ndarray], num_layers: int) -> str:
    """Hashes the weights of layers 1..num_layers, named `layerN/I`; empty for no layer."""
    chosen = {name: array for name, array in weights.items() if layer_blocks.layer_number(name) <= num_layers}
    return hash_weights(chosen) if num_layers else ""


def hash_weights(weights: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over weight arrays, their names, shapes and dtypes, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
