import dataclasses
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from tf_transfer.experiment.plan import make_plan
from tf_transfer.exports.trained_network import load_network
from tf_transfer.results import result_files, workdir
from tf_transfer.training.stream import test_stream as stream_of_test_images
from tf_transfer.training.train import train_cohort

# What Keras does when it saves, with this version of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module")
def network(trained):
    return load_network(trained, "A2B")


@pytest.fixture(scope="module")
def mean_image_workdir(experiment, redescribe, tmp_path_factory):
    """Path of a workdir with one network, from whose images their mean is subtracted, and whose store was cropped."""
    store = shutil.copytree(experiment.store, tmp_path_factory.mktemp("stores") / "cropped")
    redescribe(store, resize="crop")
    path = tmp_path_factory.mktemp("mean_image")
    recipe = dataclasses.replace(
        experiment.recipe, normalisation="mean image", steps=2, evaluations=1, learning_rate=1e-5
    )
    plan = make_plan(dataclasses.replace(experiment, store=str(store), treatments=(), recipe=recipe))
    workdir.write_config(path, plan.experiment)
    train_cohort(path, plan, plan.cohorts[0])
    return path


def softmax(logits):
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def centre(images):
    return images[:, 2:30, 2:30]


def test_a_loaded_network_has_the_trained_weights_layer_by_layer(network, trained):
    weights = result_files.read_weights(trained, "A2B_random-0_seed-0")
    for number in (1, 2, 3):
        for part, array in enumerate(network.model.get_layer(f"layer{number}").get_weights()):
            np.testing.assert_array_equal(array, weights[f"layer{number}/{part}"])
    assert network.model.input_shape == (None, 28, 28, 3)  # the crop


def test_every_kind_of_run_can_be_loaded(trained):
    for name in result_files.finished_runs(trained):
        assert load_network(trained, name).model.output_shape == (None, 3)


def test_images_are_preprocessed_as_for_the_last_test(network, experiment, task_b, pixels):
    images = np.concatenate(list(stream_of_test_images(task_b, experiment.recipe)))
    normalised = (images - network.normalisation.mean) / network.normalisation.deviation
    np.testing.assert_allclose(network.preprocess(pixels), normalised, atol=1e-6)
    with pytest.raises(ValueError, match=r"expected images of shape \[batch, 32, 32, 3\].*, got \(12, 28, 28, 3\)"):
        network.preprocess(centre(pixels))


def test_a_model_for_inference_takes_pixels_and_returns_probabilities(network, pixels):
    expected = softmax(network.model(network.preprocess(pixels)))
    model = network.inference_model()
    assert (model.input_shape, model.output_shape) == ((None, 28, 28, 3), (None, 3))
    for images in (centre(pixels), centre(pixels).astype(np.float32)):
        np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)


def test_a_mean_image_is_subtracted_by_a_model_for_inference(mean_image_workdir, pixels, tmp_path):
    network = load_network(mean_image_workdir, "baseB")
    recipe = workdir.read_experiment(mean_image_workdir).recipe
    plan = make_plan(workdir.read_experiment(mean_image_workdir))
    images = np.concatenate(list(stream_of_test_images(plan.task(plan.runs[0], "B"), recipe)))
    assert network.normalisation.mean.shape == (32, 32, 3)
    logits = network.model.predict(images, verbose=0)
    assert np.std(logits, axis=0).min() > 0.1  # else the test would prove nothing
    network.inference_model().save(tmp_path / "saved.keras")
    saved = keras.models.load_model(tmp_path / "saved.keras")
    np.testing.assert_allclose(saved.predict(centre(pixels), verbose=0), softmax(logits), atol=1e-5)
    np.testing.assert_allclose(network.inference_model(any_size=True)(pixels), softmax(logits), atol=1e-5)


def test_images_of_the_stores_size_are_not_changed_by_resizing(network, pixels):
    np.testing.assert_array_equal(network.resizing_model()(pixels), centre(pixels))


def test_images_of_another_size_are_resized_as_the_store_was(network, pixels):
    large = [Image.fromarray(image).resize((90, 51), Image.Resampling.BICUBIC) for image in pixels]
    small = np.stack([image.resize((32, 32), Image.Resampling.BILINEAR) for image in large])
    resized = network.resizing_model().predict(np.stack(large), verbose=0)
    assert np.abs(resized - centre(small)).max() <= 1
    model = network.inference_model(any_size=True)
    # Called, and not for prediction: dropout must be off all the same.
    np.testing.assert_allclose(model(np.stack(large)), softmax(network.model(network.preprocess(small))), atol=0.01)


def test_how_the_store_was_resized_is_read_from_it(network, mean_image_workdir):
    assert (network.resize, load_network(mean_image_workdir, "baseB").resize) == ("squash", "crop")


def test_images_are_cropped_or_padded_where_the_store_was(network, pixels):
    wide = Image.fromarray(pixels[0]).resize((96, 48), Image.Resampling.BICUBIC)
    cropped = wide.resize((32, 32), Image.Resampling.BILINEAR, box=(24, 0, 72, 48))
    padded = Image.new("RGB", (32, 32))
    padded.paste(wide.resize((32, 16), Image.Resampling.BILINEAR), (0, 8))
    for resize, expected in (("crop", cropped), ("pad", padded)):
        model = dataclasses.replace(network, resize=resize).resizing_model()
        difference = np.abs(model.predict(np.array(wide)[None], verbose=0)[0] - np.array(expected)[2:30, 2:30])
        inside = np.r_[0:5, 7:21, 23:28]  # apart from the rows where the picture and what is padded meet
        assert difference[inside].max() <= 1
        assert difference.max() <= (1 if resize == "crop" else 60)


def test_a_directory_without_an_experiment_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not the workdir of an experiment"):
        load_network(tmp_path, "A2B")
