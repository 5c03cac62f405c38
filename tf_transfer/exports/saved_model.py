"""Trained networks for use elsewhere: as a Keras model, or as a SavedModel that takes any images."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from tf_transfer.data import image_store
from tf_transfer.experiment.plan import make_plan, parse_run
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.files import atomic
from tf_transfer.networks import layer_blocks
from tf_transfer.networks.normalisation import Normalisation, centre_crop, of_task
from tf_transfer.results import result_files, workdir


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """The network of a finished run.

    Attributes:
      model: From normalised float32 images [batch, size, size, 3] to float32 logits [batch, classes]; layer n is
        `model.get_layer("layern")`.
      class_names: Names of the classes, in the order of the logits.
      image_size: Side of its store's images, in pixels; its input is their centre.
      normalisation: How its pixels (RGB, 0 to 255) are normalised.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    image_size: int
    normalisation: Normalisation


def load_network(directory: str | os.PathLike, run_name: str) -> TrainedNetwork:
    """Builds the network of a finished run and gives it its trained weights.

    Args:
      directory: The experiment's workdir.
      run_name: The run's name, or its treatment where only one run has it, for example `A3B+`.

    Raises:
      FileNotFoundError: The workdir, its image store or the run does not exist.
      ValueError: The name fits no run, or more than one.
    """
    plan = make_plan(workdir.read_experiment(directory))
    run = parse_run(result_files.find_run(directory, run_name))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # its weights are float32, whatever precision it was trained in
    try:
        model = layer_blocks.build_network(plan.architecture(run), functools.partial(derive_seed, run.name))
    finally:
        keras.config.set_dtype_policy(policy)
    weights = result_files.read_weights(directory, run.name)
    for number in range(1, len(plan.architecture(run)) + 1):
        layer_blocks.set_weights(model.get_layer(f"layer{number}"), number, weights, run.name)
    task = plan.task(run, run.treatment.target)
    store = image_store.read_meta(task.store)
    class_names = tuple(store.class_names[label] for label in task.classes)
    return TrainedNetwork(model, class_names, store.image_size, of_task(task, plan.experiment.recipe))


def export(directory: str | os.PathLike, run_name: str, to: str | os.PathLike) -> pathlib.Path:
    """Writes the network of a finished run as a SavedModel, which does all preprocessing itself.

    Its signature `serving_default` takes `images`, uint8 [batch, height, width, 3] of any height and width, and
    returns `probabilities`, float32 [batch, classes], and `class_names`, string [classes].

    Args:
      directory: The experiment's workdir.
      run_name: The run's name, or its treatment where only one run has it.
      to: Directory to write; it must not exist yet.

    Returns:
      The directory.

    Raises:
      FileExistsError: `to` exists.
      FileNotFoundError: The workdir or the run does not exist.
      PermissionError: `to` cannot be written.
      ValueError: The name fits no run, or more than one.
    """
    path = pathlib.Path(to)
    if path.exists():
        raise FileExistsError(f"{path} exists; choose another directory, or remove it")
    trained = load_network(directory, run_name)
    archive = keras.export.ExportArchive()
    archive.track(trained.model)
    archive.add_endpoint(
        "serving_default",
        _serving_function(trained),
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")],
    )
    with _writing(path) as partial:
        archive.write_out(str(partial), verbose=False)
    return path


@contextlib.contextmanager
def _writing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    try:
        with atomic.write_directory(path) as partial:
            yield partial
    except (OSError, tf.errors.OpError) as error:
        raise PermissionError(
            f"cannot write to {path} ({getattr(error, 'strerror', None) or error}); choose another"
        ) from error


def _serving_function(trained: TrainedNetwork):
    input_size = trained.model.input_shape[1]
    mean = centre_crop(trained.normalisation.mean[None], input_size)

    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        # As the store was prepared: bilinear, without keeping the aspect ratio, rounded to whole values.
        pixels = tf.round(tf.image.resize(images, [trained.image_size] * 2, antialias=True))
        normalised = (centre_crop(pixels, input_size) - mean) / trained.normalisation.deviation
        probabilities = tf.nn.softmax(trained.model(normalised, training=False))
        return {"probabilities": probabilities, "class_names": tf.constant(trained.class_names)}

    return serve
