import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.commands import run_python
from tests.helpers.images import encode_image
from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment import class_splits
from tf_transfer.experiment.tasks import divide_classes
from tf_transfer.exports.trained_network import load_network
from tf_transfer.results import result_files
from tf_transfer.training.stream import test_labels as labels_of_test_images


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """(directory, what was printed) of the command that exports A2B."""
    directory = tmp_path_factory.mktemp("exported") / "A2B"
    done = run_python("bin/export.py", f"--workdir={trained}", "--run=A2B", f"--to={directory}")
    assert (done.returncode, done.stderr) == (0, "")
    return directory, done.stdout


@pytest.fixture(scope="module")
def module(exported):
    return tf.saved_model.load(str(exported[0]))


@pytest.fixture(scope="module")
def expected(trained, pixels):
    """The probabilities that A2B gives the test images, float32 [12, 3]."""
    network = load_network(trained, "A2B")
    return tf.nn.softmax(network.model(network.preprocess(pixels))).numpy()


def serve(module, signature="serving_default", **inputs):
    outputs = module.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
    return outputs["probabilities"].numpy()


def centre(images):
    return images[:, 2:30, 2:30]


def encode_jpeg(image, **options):
    return encode_image(Image.fromarray(image), "JPEG", **options)


def test_served_probabilities_are_those_of_the_trained_network(module, pixels, expected):
    probabilities = serve(module, images=centre(pixels))
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (12, 3))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(serve(module, "any_size", images=pixels), expected, atol=1e-5)


def test_served_predictions_are_as_right_as_the_last_test_was(module, trained, task_b, pixels):
    right = serve(module, "any_size", images=pixels).argmax(1) == labels_of_test_images(task_b)
    np.testing.assert_array_equal(right, result_files.read_predictions(trained, "A2B_random-0_seed-0").correct)


def test_every_input_and_output_has_a_batch_dimension_as_tensorflow_serving_demands(module):
    assert set(module.signatures) == {"serving_default", "any_size", "jpeg"}
    for name, signature in module.signatures.items():
        inputs = signature.structured_input_signature[1]
        assert set(inputs) == {"image_bytes" if name == "jpeg" else "images"}
        assert set(signature.structured_outputs) == {"probabilities"}
        for spec in (*inputs.values(), *signature.structured_outputs.values()):
            assert spec.shape.rank and spec.shape[0] is None


def test_images_of_another_size_are_resized_as_the_store_was(module, pixels):
    large = [Image.fromarray(image).resize((90, 51), Image.Resampling.BICUBIC) for image in pixels]
    small = [image.resize((32, 32), Image.Resampling.BILINEAR) for image in large]
    received = serve(module, "any_size", images=np.stack(large))
    np.testing.assert_allclose(received, serve(module, "any_size", images=np.stack(small)), atol=0.01)
    np.testing.assert_allclose(received.sum(1), 1, atol=1e-6)


def test_jpeg_files_are_decoded_and_resized_each_by_itself(module, pixels):
    files = [encode_jpeg(pixels[0]), encode_jpeg(pixels[1], progressive=True), encode_jpeg(pixels[2].repeat(3, axis=1))]
    decoded = [Image.open(io.BytesIO(file)).resize((32, 32), Image.Resampling.BILINEAR) for file in files]
    received = serve(module, "jpeg", image_bytes=files)
    np.testing.assert_allclose(received, serve(module, "any_size", images=np.stack(decoded)), atol=0.01)


def test_a_grey_jpeg_file_is_taken(module, pixels):
    grey = pixels[0].mean(axis=2).astype(np.uint8)
    rgb = grey[None, ..., None].repeat(3, axis=3)
    received = serve(module, "jpeg", image_bytes=[encode_jpeg(grey)])
    np.testing.assert_allclose(received, serve(module, "any_size", images=rgb), atol=0.05)


def test_one_image_and_many_are_served_alike(module, pixels):
    together = serve(module, images=centre(pixels))
    alone = np.concatenate([serve(module, images=image[None]) for image in centre(pixels)[:3]])
    np.testing.assert_allclose(alone, together[:3], atol=1e-6)


def test_class_names_stand_in_the_order_of_the_probabilities(exported, module, experiment, store):
    expected = [
        ImageStore(store).meta.class_names[label]
        for label in divide_classes(experiment, class_splits.parse("random-0")).of("B")
    ]
    assert (exported[0] / "assets" / "class_names.txt").read_text().splitlines() == expected
    assert tf.io.read_file(module.class_names.asset_path).numpy().decode().splitlines() == expected
    assert len(expected) == 3


def test_weights_are_written_once(exported, trained):
    weights = result_files.read_weights(trained, "A2B_random-0_seed-0")
    size = sum(array.nbytes for array in weights.values())
    assert size <= (exported[0] / "variables" / "variables.data-00000-of-00001").stat().st_size < size + 8000


def test_the_command_says_how_to_load(exported):
    directory, printed = exported
    assert f"tf.saved_model.load('{directory}').signatures['serving_default']" in printed


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_tflite_converts_it_and_gives_the_same_probabilities(exported, pixels, expected):
    converted = tf.lite.TFLiteConverter.from_saved_model(str(exported[0])).convert()
    interpreter = tf.lite.Interpreter(model_content=converted)
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["images"], "outputs": ["probabilities"]}}
    received = interpreter.get_signature_runner()(images=centre(pixels))["probabilities"]
    np.testing.assert_allclose(received, expected, atol=1e-5)
