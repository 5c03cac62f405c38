import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_transfer import commands
from tf_transfer.data import image_store
from tf_transfer.data.sources import open_source
from tf_transfer.data.sources.decoding import decode

CLASS_NAMES = ("cup", "ant")  # not sorted: label order is the data set's own


class LittlePictures(tfds.core.GeneratorBasedBuilder):
    """A TFDS data set of two classes: 5 training and 3 test images of each, 10x10, each of one colour."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image, label = tfds.features.Image(shape=(10, 10, 3)), tfds.features.ClassLabel(names=CLASS_NAMES)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(5, 0), "test": self._generate_examples(3, 100)}

    def _generate_examples(self, count, first_value):
        for label in range(2):
            for number in range(count):
                value = first_value + 10 * label + number
                yield value, {"image": np.full((10, 10, 3), value, np.uint8), "label": label}


class OnlyLabelled(LittlePictures):
    """The same without a test split."""

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(5, 0)}


class NumbersOnly(tfds.core.GeneratorBasedBuilder):
    """A data set without images."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({"value": np.int64}))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"value": 0}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def source(data_dir):
    return open_source("tfds:little_pictures", data_dir=data_dir)


def value_and_label(example):
    image = np.asarray(decode(example.load()))
    assert image.shape == (10, 10, 3) and (image == image[0, 0, 0]).all()
    return int(image[0, 0, 0]), example.label


def test_source_describes_the_data_set(source):
    assert source.name == "tfds:little_pictures/1.0.0"
    assert source.class_names == CLASS_NAMES
    assert source.counts == {"train": 10, "test": 6}


def test_examples_are_all_images_with_their_labels(source):
    train = [value_and_label(example) for example in source.examples("train")]
    test = [value_and_label(example) for example in source.examples("test")]
    assert sorted(train) == [*((value, 0) for value in range(5)), *((value, 1) for value in range(10, 15))]
    assert sorted(test) == [*((value, 0) for value in range(100, 103)), *((value, 1) for value in range(110, 113))]


def test_examples_come_in_the_same_order_every_time(source):
    first, again = ([value_and_label(example) for example in source.examples("train")] for _ in range(2))
    assert first == again


def test_a_store_is_made_of_it(source, data_dir, tmp_path, capsys):
    path = str(tmp_path / "store")
    commands.prepare("tfds:little_pictures", path, image_size=8, image_format="raw", options={"data_dir": data_dir})
    assert "2 classes: cup, ant" in capsys.readouterr().out
    store = image_store.ImageStore(path)
    assert (store.meta.image_size, store.meta.images_per_class) == (8, {"train": (5, 5), "test": (3, 3)})
    cups = store.read("test", store.indices("test", [0]))
    assert sorted(cups[:, 0, 0, 0]) == [100, 101, 102]


def test_an_unknown_data_set_is_refused(data_dir):
    with pytest.raises(ValueError, match=r"TFDS has no data set 'no_such_pictures' .*see tensorflow.org/datasets"):
        open_source("tfds:no_such_pictures", data_dir=data_dir)


def test_what_needs_another_package_is_refused(data_dir):
    with pytest.raises(ValueError, match="TFDS has no data set 'huggingface:mnist' .*huggingface_hub"):
        open_source("tfds:huggingface:mnist", data_dir=data_dir)


def test_an_unknown_version_is_refused(data_dir):
    with pytest.raises(ValueError, match=r"TFDS has no data set 'little_pictures:9.9.9'"):
        open_source("tfds:little_pictures:9.9.9", data_dir=data_dir)


def test_a_data_set_without_images_is_refused(data_dir):
    with pytest.raises(ValueError, match="'numbers_only' is not one of images with class labels; choose another"):
        open_source("tfds:numbers_only", data_dir=data_dir)


def test_a_data_set_without_test_images_is_refused(data_dir):
    with pytest.raises(ValueError, match="'only_labelled' has neither a test nor a validation split"):
        open_source("tfds:only_labelled", data_dir=data_dir)
