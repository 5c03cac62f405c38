"""A trained network as a SavedModel, for TensorFlow Serving, TFLite and whatever else reads one."""

from __future__ import annotations

import pathlib
import tempfile

import tensorflow as tf

from tf_transfer.exports.trained_network import TrainedNetwork

CLASS_NAMES = "class_names.txt"  # in the SavedModel's directory `assets`


def write_saved_model(network: TrainedNetwork, path: pathlib.Path) -> None:
    """Writes a SavedModel with three signatures, each of which returns `probabilities`, float32 [batch, classes].

    `serving_default` takes `images`, uint8 [batch, input size, input size, 3]; `any_size` takes `images`, uint8
    [batch, height, width, 3]; `jpeg` takes `image_bytes`, string [batch], whole JPEG files. The latter two resize as
    the store was prepared. The names of the classes stand in `assets/class_names.txt`, one in a line.

    Args:
      network: The network.
      path: An empty directory, or one to be made.
    """
    classify, fit, size = network.inference_model(), network.resizing_model(), network.input_size

    @tf.function(input_signature=[tf.TensorSpec([None, size, size, 3], tf.uint8, name="images")])
    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": classify(tf.cast(images, tf.float32), training=False)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")])
    def any_size(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return serve(tf.cast(fit(tf.cast(images, tf.float32)), tf.uint8))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def jpeg(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def decode(encoded: tf.Tensor) -> tf.Tensor:
            pixels = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
            return tf.cast(fit(tf.cast(pixels, tf.float32)[None])[0], tf.uint8)

        return serve(tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec([size, size, 3], tf.uint8)))

    module = tf.Module()
    module.weights = [variable.value for variable in classify.variables]
    module.serve = serve  # by this name, TFLite's converter knows that it shall take the default signature alone
    signatures = {"serving_default": serve, "any_size": any_size, "jpeg": jpeg}
    with tempfile.TemporaryDirectory() as directory:
        names = pathlib.Path(directory) / CLASS_NAMES
        names.write_text("".join(f"{name}\n" for name in network.class_names), encoding="utf-8")
        module.class_names = tf.saved_model.Asset(str(names))
        tf.saved_model.save(module, str(path), signatures)
