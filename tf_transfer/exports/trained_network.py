"""The trained network of a finished run, as a plain Keras model."""

from __future__ import annotations

import dataclasses
import functools
import os

import keras
import numpy as np
from keras import ops

from tf_transfer.data import image_store
from tf_transfer.experiment.plan import make_plan, parse_run
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.exports.plain_keras import clone_with_plain_layers
from tf_transfer.networks import layer_blocks
from tf_transfer.networks.normalisation import Normalisation, centre_crop, of_task
from tf_transfer.results import result_files, workdir


@dataclasses.dataclass(frozen=True)
class TrainedNetwork:
    """The network of a finished run.

    Its models consist of Keras's own layers: once saved, they load where this package is not installed.

    Example:
      network = tf_transfer.load_network("work/photos", "A3B+")
      network.inference_model().save("classifier.keras")      # pixels in, probabilities out
      features = network.model.get_layer("layer7")            # a layer, to build on

    Attributes:
      model: From normalised float32 images [batch, size, size, 3] to float32 logits [batch, classes]; layer n is
        `model.get_layer("layern")`. `preprocess` makes its input.
      class_names: Names of the classes, in the order of the logits.
      image_size: Side of its store's images, in pixels; its input is their centre.
      normalisation: How its pixels (RGB, 0 to 255) are normalised.
      resize: How its store's images were made square: `squash`, `crop` or `pad`.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    image_size: int
    normalisation: Normalisation
    resize: str = "squash"

    @property
    def input_size(self) -> int:
        """Side of the images that the network takes, in pixels."""
        return self.model.input_shape[1]

    def preprocess(self, images: np.ndarray) -> np.ndarray:
        """Cuts the centre out of images of the store and normalises it: what `model` takes.

        Args:
          images: RGB, 0 to 255, [batch, image_size, image_size, 3].

        Returns:
          float32 [batch, input_size, input_size, 3].

        Raises:
          ValueError: The images have another size.
        """
        if images.ndim != 4 or images.shape[1:] != (self.image_size, self.image_size, 3):
            raise ValueError(
                f"expected images of shape [batch, {self.image_size}, {self.image_size}, 3], as in the store, got "
                f"{images.shape}; resizing_model() resizes others"
            )
        mean = centre_crop(self.normalisation.mean[None], self.input_size)
        return (centre_crop(images, self.input_size).astype(np.float32) - mean) / self.normalisation.deviation

    def inference_model(self, any_size: bool = False) -> keras.Model:
        """Makes a model that normalises pixels itself and returns probabilities.

        Args:
          any_size: Whether `resizing_model` comes first.

        Returns:
          From RGB pixels of 0 to 255, of any dtype, [batch, input_size, input_size, 3], or with `any_size`
          [batch, height, width, 3], to float32 probabilities [batch, classes].
        """
        images = keras.Input((None, None, 3) if any_size else self.model.input_shape[1:], name="images")
        pixels = self.resizing_model()(images) if any_size else images
        probabilities = keras.layers.Softmax(name="probabilities")(self.model(self._normalise(pixels)))
        return keras.Model(images, probabilities, name=self.model.name)

    def resizing_model(self) -> keras.Model:
        """Makes a model that resizes images as the store was prepared, and cuts out the centre.

        Returns:
          From RGB pixels of 0 to 255, of any dtype, [batch, height, width, 3], to float32 of whole numbers
          [batch, input_size, input_size, 3].
        """
        images = keras.Input((None, None, 3), name="images")
        # Not keras.layers.Resizing, beside which every layer believes that it is being trained.
        pixels = ops.image.resize(
            images,
            (self.image_size, self.image_size),
            antialias=True,
            crop_to_aspect_ratio=self.resize == "crop",
            pad_to_aspect_ratio=self.resize == "pad",
        )
        pixels = ops.round(pixels)  # a store holds whole numbers
        before = (self.image_size - self.input_size) // 2
        edges = (before, self.image_size - self.input_size - before)
        return keras.Model(images, keras.layers.Cropping2D((edges, edges), name="crop")(pixels), name="resizing")

    def _normalise(self, pixels: keras.KerasTensor) -> keras.KerasTensor:
        mean, variance = self.normalisation.mean[None], self.normalisation.deviation**2
        if not self.normalisation.is_image:
            return keras.layers.Normalization(-1, mean.ravel(), variance, name="normalise")(pixels)
        # As weights: as arguments, the numbers of a whole image would be written out in the model's configuration.
        normalise = keras.layers.Normalization((1, 2, 3), name="normalise")
        normalise.build(pixels.shape)
        mean = centre_crop(mean, self.input_size)[0]
        normalise.set_weights([mean, np.broadcast_to(variance, mean.shape), np.array(0)])
        normalise.finalize_state()
        return normalise(pixels)


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
        weights = result_files.read_weights(directory, run.name)
        for number in range(1, len(plan.architecture(run)) + 1):
            layer_blocks.set_weights(model.get_layer(f"layer{number}"), number, weights, run.name)
        model = clone_with_plain_layers(model)
    finally:
        keras.config.set_dtype_policy(policy)
    task = plan.task(run, run.treatment.target)
    store = image_store.read_meta(task.store)
    class_names = tuple(store.class_names[label] for label in task.classes)
    normalisation = of_task(task, plan.experiment.recipe)
    return TrainedNetwork(model, class_names, store.image_size, normalisation, store.resize)
