import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.commands import run_python
from tests.helpers.files import limit_file_size
from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment import class_splits
from tf_transfer.experiment.plan import make_plan
from tf_transfer.experiment.tasks import Task, divide_classes
from tf_transfer.exports.saved_model import export, load_network
from tf_transfer.results import result_files, workdir
from tf_transfer.training.stream import test_labels as labels_of_test_images
from tf_transfer.training.stream import test_stream as stream_of_test_images
from tf_transfer.training.train import train_cohort


@pytest.fixture(scope="module")
def task_b(experiment) -> Task:
    plan = make_plan(experiment)
    return plan.task(plan.runs[0], "B")


@pytest.fixture(scope="module")
def pixels(task_b):
    """The test images of task B as uint8 [12, 32, 32, 3], just as the store holds them."""
    images = ImageStore(task_b.store)
    return images.read("test", images.indices("test", task_b.classes))


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """(directory, what was printed) of the command that exports A2B."""
    directory = tmp_path_factory.mktemp("exported") / "A2B"
    done = run_python("bin/export.py", f"--workdir={trained}", "--run=A2B", f"--to={directory}")
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


@pytest.fixture(scope="module")
def served(exported):
    """What A2B's SavedModel, loaded again, returns for uint8 images: a function."""
    module = tf.saved_model.load(str(exported[0]))

    def serve(images):
        outputs = module.signatures["serving_default"](images=tf.constant(images))
        return {name: value.numpy() for name, value in outputs.items()}

    return serve


def test_served_probabilities_are_those_of_the_trained_network(served, trained, experiment, task_b, pixels):
    network = load_network(trained, "A2B")
    images = np.concatenate(list(stream_of_test_images(task_b, experiment.recipe)))
    normalise = network.normalisation
    logits = network.model((images - normalise.mean) / normalise.deviation)
    probabilities = served(pixels)["probabilities"]
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (12, 3))
    np.testing.assert_allclose(probabilities, keras.ops.softmax(logits), atol=1e-5)


def test_served_predictions_are_as_right_as_the_last_test_was(served, trained, task_b, pixels):
    right = served(pixels)["probabilities"].argmax(1) == labels_of_test_images(task_b)
    np.testing.assert_array_equal(right, result_files.read_predictions(trained, "A2B_random-0_seed-0").correct)


def test_a_mean_image_is_subtracted_when_serving_too(experiment, task_b, pixels, tmp_path):
    recipe = dataclasses.replace(
        experiment.recipe, normalisation="mean image", steps=2, evaluations=1, learning_rate=1e-5
    )
    plan = make_plan(dataclasses.replace(experiment, treatments=(), recipe=recipe))
    workdir.write_config(tmp_path, plan.experiment)
    train_cohort(tmp_path, plan, plan.cohorts[0])
    trained = load_network(tmp_path, "baseB")
    assert trained.normalisation.mean.shape == (32, 32, 3)
    logits = np.concatenate([trained.model(images) for images in stream_of_test_images(task_b, recipe)])
    served = tf.saved_model.load(str(export(tmp_path, "baseB", tmp_path / "exported"))).signatures["serving_default"]
    probabilities = served(images=tf.constant(pixels))["probabilities"]
    np.testing.assert_allclose(probabilities, keras.ops.softmax(logits), atol=1e-5)
    assert np.std(logits, axis=0).min() > 0.1  # else the test would prove nothing


def test_class_names_stand_in_the_order_of_the_probabilities(served, experiment, pixels, store):
    expected = [
        ImageStore(store).meta.class_names[label]
        for label in divide_classes(experiment, class_splits.parse("random-0")).of("B")
    ]
    assert [name.decode() for name in served(pixels[:1])["class_names"]] == expected
    assert len(expected) == 3


def test_images_of_another_size_are_resized_as_the_store_was(served, pixels):
    large = [Image.fromarray(image).resize((90, 51), Image.Resampling.BICUBIC) for image in pixels]
    small = [image.resize((32, 32), Image.Resampling.BILINEAR) for image in large]
    received = served(np.stack(large))["probabilities"]
    np.testing.assert_allclose(received, served(np.stack(small))["probabilities"], atol=0.01)
    np.testing.assert_allclose(received.sum(1), 1, atol=1e-6)


def test_one_image_and_many_are_served_alike(served, pixels):
    together = served(pixels)["probabilities"]
    alone = np.concatenate([served(image[None])["probabilities"] for image in pixels[:3]])
    np.testing.assert_allclose(alone, together[:3], atol=1e-6)


def test_a_loaded_network_has_the_trained_weights_layer_by_layer(trained):
    network = load_network(trained, "A2B_random-0_seed-0")
    weights = result_files.read_weights(trained, "A2B_random-0_seed-0")
    for number in (1, 2, 3):
        for part, array in enumerate(network.model.get_layer(f"layer{number}").get_weights()):
            np.testing.assert_array_equal(array, weights[f"layer{number}/{part}"])
    assert network.model.input_shape == (None, 28, 28, 3)  # the crop


def test_every_kind_of_run_can_be_loaded(trained):
    for name in result_files.finished_runs(trained):
        assert load_network(trained, name).model.output_shape == (None, 3)


def test_what_stands_there_is_not_overwritten(trained, tmp_path):
    with pytest.raises(FileExistsError, match="exists; choose another directory, or remove it"):
        export(trained, "A2B", tmp_path)


def test_a_run_that_is_not_there_is_refused(trained, tmp_path):
    with pytest.raises(ValueError, match="--run=A2A: expected the name of one finished run .*, found none; there are"):
        export(trained, "A2A", tmp_path / "out")
    with pytest.raises(ValueError, match="unknown treatment 'best': expected baseA, baseB, or a name such as"):
        export(trained, "best", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_directory_without_an_experiment_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not the workdir of an experiment"):
        export(tmp_path, "A2B", tmp_path / "out")


def test_the_command_says_how_to_load(exported):
    directory, printed = exported
    assert f"tf.saved_model.load('{directory}').signatures['serving_default']" in printed


def test_an_export_on_a_full_disk_leaves_nothing(trained, tmp_path):
    with limit_file_size(20_000), pytest.raises(PermissionError, match="cannot write to .*/out .*too large"):
        export(trained, "A2B", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written(trained, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"cannot write to .*file/exported \(Not a directory\); choose another"):
        export(trained, "A2B", tmp_path / "file" / "exported")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
