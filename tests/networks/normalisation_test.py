import shutil

import numpy as np
import pytest

from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.tasks import Task
from tf_transfer.files import checksums
from tf_transfer.networks import normalisation

RECIPE = Recipe(normalisation="mean image")


@pytest.fixture
def copied(store, tmp_path):
    """A copy of the store, to be written to."""
    return str(shutil.copytree(store, tmp_path / "store", ignore=shutil.ignore_patterns("mean_images")))


def kept(path):
    return sorted((ImageStore(path).path / "mean_images").iterdir())


def test_channels_are_those_of_the_whole_store(store):
    found = normalisation.of_task(Task(store, (0, 1)), Recipe())
    meta = ImageStore(store).meta
    np.testing.assert_array_equal(found.mean, np.float32([[meta.channel_mean]]))
    np.testing.assert_array_equal(found.deviation, np.float32(meta.channel_std))


@pytest.mark.parametrize("limit", [0, 3])
def test_a_mean_image_is_that_of_the_task_s_own_training_images(copied, limit):
    task = Task(copied, (1, 4), limit)
    store = ImageStore(copied)
    images = store.read("train", store.indices("train", task.classes, limit))
    found = normalisation.of_task(task, RECIPE)
    assert found.mean.dtype == np.float32
    np.testing.assert_array_equal(found.mean, images.mean(0, dtype=np.float64).astype(np.float32))
    np.testing.assert_array_equal(found.deviation, [1, 1, 1])


def test_it_is_computed_once_for_each_task_and_kept(copied, monkeypatch):
    tasks = [Task(copied, (1, 4)), Task(copied, (1, 5)), Task(copied, (1, 4), 3)]
    means = [normalisation.of_task(task, RECIPE).mean for task in tasks]
    assert len(kept(copied)) == 3
    monkeypatch.delattr(normalisation, "_compute_mean_image")
    for task, mean in zip(tasks, means, strict=True):
        np.testing.assert_array_equal(normalisation.of_task(task, RECIPE).mean, mean)


def test_a_damaged_one_is_computed_again(copied):
    task = Task(copied, (1, 4))
    mean = normalisation.of_task(task, RECIPE).mean
    [directory] = kept(copied)
    content = bytearray((directory / "mean.npy").read_bytes())
    content[1000] ^= 1
    (directory / "mean.npy").write_bytes(content)
    np.testing.assert_array_equal(normalisation.of_task(task, RECIPE).mean, mean)
    assert (directory / "mean.npy").read_bytes() != bytes(content)


def test_one_of_another_size_is_computed_again(copied):
    task = Task(copied, (1, 4))
    mean = normalisation.of_task(task, RECIPE).mean
    [directory] = kept(copied)
    with checksums.sealed_directory(directory) as partial:
        np.save(partial / "mean.npy", np.zeros((1, 1, 3), np.float32))
    np.testing.assert_array_equal(normalisation.of_task(task, RECIPE).mean, mean)


def test_a_store_that_cannot_be_written_to(copied):
    (ImageStore(copied).path / "mean_images").touch()  # below a file not even root can write
    assert normalisation.of_task(Task(copied, (1, 4)), RECIPE).mean.shape == (32, 32, 3)


def test_the_centre_is_cut_out_of_images_and_not_of_a_mean_of_one_pixel():
    images = np.arange(25).reshape(1, 5, 5, 1)
    assert normalisation.centre_crop(images, 3)[0, :, :, 0].tolist() == [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
    assert normalisation.centre_crop(images[:, :1, :1], 3).shape == (1, 1, 1, 1)
