"""The whole way on photographs: an archive of CIFAR-10, an image store, a sweep, accuracies above chance."""

import pathlib
import tarfile

import pytest

import tf_transfer
from tf_transfer.api import prepare
from tf_transfer.experiment.config import Experiment, Recipe

ARCHIVE = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10.tar.xz"
CLASSES = ("airplane", "frog", "horse", "truck")
COUNTS = {"train": 150, "test": 50}  # images of each class

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"no {ARCHIVE}; it holds CIFAR-10 as train/CLASS/0000.jpg ..."),
]


def extract(directory):
    """Writes the first images of a few classes."""
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            split, name, number = (*member.name.split("/"), "", "")[:3]
            if name in CLASSES and number.endswith(".jpg") and int(number[:-4]) < COUNTS[split]:
                archive.extract(member, directory, filter="data")


def test_transfer_between_halves_of_cifar10(tmp_path):
    extract(tmp_path / "images")
    meta = prepare(f"folder:{tmp_path / 'images'}", str(tmp_path / "store"))
    assert (meta.class_names, meta.image_size) == (CLASSES, 32)
    assert meta.images_per_class == {"train": (150,) * 4, "test": (50,) * 4}

    experiment = Experiment(
        store=str(tmp_path / "store"),
        split="natural/man-made",
        network="tiny",
        treatments=("AnB",),
        layers=(1,),
        recipe=Recipe(batch_size=32, epochs=10, evaluations=2, learning_rate=0.02, random_flip=True),
    )
    table = tf_transfer.run(experiment, tmp_path / "workdir", quiet=True).set_index("treatment")
    assert set(table.index) == {"baseA", "baseB", "A1B"}
    assert table["steps"].tolist() == [94] * 3  # 10 epochs of 300 images, rounded to a whole number of tests
    assert table["top1_last"].min() > 0.6, table["top1_last"]  # chance: 0.5
