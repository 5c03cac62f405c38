import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.helpers.files import read_files
from tf_transfer.commands.prepare import prepare
from tf_transfer.data import image_store, store_writer
from tf_transfer.data.sources import open_source
from tf_transfer.data.sources import tfds as tfds_source
from tf_transfer.data.sources.decoding import decode
from tf_transfer.data.store_writer import prepare_store

CLASS_NAMES = ("cup", "ant")  # not sorted: label order is the data set's own
IMAGE, LABEL = tfds.features.Image(shape=(10, 10, 3)), tfds.features.ClassLabel(names=CLASS_NAMES)
LABELS = tfds.features.Sequence(LABEL)
NUMBERS = itertools.count()


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


class ThreeSplits(LittlePictures):
    """The same with validation images, and a split that nobody asked for."""

    def _split_generators(self, dl_manager):
        splits = super()._split_generators(dl_manager)
        return splits | {"validation": self._generate_examples(2, 200), "extra": self._generate_examples(1, 240)}


class UnlabelledTest(ThreeSplits):
    """The same without the labels of the test images and of one training image."""

    def _generate_examples(self, count, first_value):
        for value, example in super()._generate_examples(count, first_value):
            yield value, example | ({"label": -1} if value == 3 or 100 <= value < 200 else {})


class RareClasses(LittlePictures):
    """The same with one training image of a third class, and a fourth one without any."""

    def _info(self):
        features = {"image": IMAGE, "label": tfds.features.ClassLabel(names=(*CLASS_NAMES, "bee", "cow"))}
        spec = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=spec, supervised_keys=("image", "label"))

    def _generate_examples(self, count, first_value):
        yield from super()._generate_examples(count, first_value)
        if first_value == 0:
            yield 99, {"image": np.full((10, 10, 3), 99, np.uint8), "label": 2}


class WithoutKeys(LittlePictures):
    """The same, without saying which features are image and label."""

    FEATURES = {"picture": IMAGE, "kind": LABEL, "file_name": tfds.features.Text()}

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(self.FEATURES))

    def _generate_examples(self, count, first_value):
        for value, example in super()._generate_examples(count, first_value):
            yield value, {"picture": example["image"], "kind": example["label"], "file_name": f"picture-{value}.png"}


class TwoLabels(WithoutKeys):
    """The same with a second label."""

    FEATURES = {"picture": IMAGE, "kind": LABEL, "size": tfds.features.ClassLabel(names=("small", "large"))}

    def _generate_examples(self, count, first_value):
        for value, example in super()._generate_examples(count, first_value):
            yield value, {"picture": example["picture"], "kind": example["kind"], "size": value % 2}


class OddSplits(LittlePictures):
    """The same with splits that are called neither train nor test."""

    def _split_generators(self, dl_manager):
        return {"part_a": self._generate_examples(5, 0), "part_b": self._generate_examples(3, 100)}


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
    prepare("tfds:little_pictures", path, {"image_size": 8}, {"data_dir": data_dir})
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
    with pytest.raises(
        ValueError, match="'numbers_only' is not one of images with class labels .it has value: Tensor.; choose another"
    ):
        open_source("tfds:numbers_only", data_dir=data_dir)


def names(source, split):
    return [example.name for example in source.examples(split)]


def test_training_images_alone_are_divided_class_by_class(data_dir):
    source = open_source("tfds:only_labelled", data_dir=data_dir, holdout=0.4)
    assert source.counts == {"train": 6, "test": 4} and source.name.endswith("(hold-out 0.4, seed 0)")
    found = {split: [value_and_label(example) for example in source.examples(split)] for split in source.counts}
    assert sorted(label for _, label in found["test"]) == [0, 0, 1, 1]
    assert sorted(found["train"] + found["test"]) == [
        (10 * label + value, label) for label in (0, 1) for value in range(5)
    ]
    other = open_source("tfds:only_labelled", data_dir=data_dir, holdout=0.4, seed=1)
    assert [value_and_label(example) for example in other.examples("test")] != found["test"]


def test_a_store_of_training_images_alone_is_the_same_after_an_interruption(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "_CHUNK", 2)
    source = open_source("tfds:only_labelled", data_dir=data_dir)
    prepare_store(source, str(tmp_path / "whole"))

    def interrupted(split):
        for number, example in enumerate(source.examples(split)):
            if split == "test" and number == 1:
                raise KeyboardInterrupt
            yield example

    with pytest.raises(KeyboardInterrupt):
        prepare_store(dataclasses.replace(source, examples=interrupted), str(tmp_path / "store"))
    assert not prepare_store(source, str(tmp_path / "store")).already_there
    assert read_files(tmp_path / "store") == read_files(tmp_path / "whole")


def test_validation_images_are_kept_beside_test_images(data_dir):
    source = open_source("tfds:three_splits", data_dir=data_dir)
    assert source.counts == {"train": 10, "test": 6, "val": 4} and any("extra" in note for note in source.notes)
    assert sorted(value_and_label(example) for example in source.examples("val")) == [
        (200, 0), (201, 0), (210, 1), (211, 1),
    ]  # fmt: skip


def test_without_labels_in_the_test_split_validation_images_test(data_dir):
    source = open_source("tfds:unlabelled_test", data_dir=data_dir)
    assert source.counts == {"train": 9, "test": 4}
    assert sorted(value_and_label(example)[0] for example in source.examples("test")) == [200, 201, 210, 211]
    assert any("test: 6 of 6 examples have no label" in note for note in source.notes)
    assert any("train: 1 of 10 examples have no label" in note for note in source.notes)
    assert {label for example in source.examples("train") for label in [example.label]} == {0, 1}


def test_rare_classes_are_named_before_an_image_is_decoded(data_dir):
    with pytest.raises(ValueError, match=r"2 of 4 classes .*: bee \(1 train, 0 test\), cow \(0 train, 0 test\)"):
        open_source("tfds:rare_classes", data_dir=data_dir)
    source = open_source("tfds:rare_classes", data_dir=data_dir, min_images_per_class=1)
    assert source.class_names == CLASS_NAMES and source.counts == {"train": 10, "test": 6}


def test_one_image_and_one_label_need_no_supervised_keys(data_dir):
    source = open_source("tfds:without_keys", data_dir=data_dir)
    assert source.counts == {"train": 10, "test": 6} and any("'kind'" in note for note in source.notes)
    assert names(source, "test")[0].startswith("test[0] picture-")


def test_one_of_several_labels_can_be_chosen(data_dir):
    with pytest.raises(ValueError, match="several labels; choose one: --label_feature=kind or size"):
        open_source("tfds:two_labels", data_dir=data_dir)
    source = open_source("tfds:two_labels", data_dir=data_dir, label_feature="size")
    assert source.class_names == ("small", "large") and source.counts == {"train": 10, "test": 6}
    with pytest.raises(ValueError, match="no class label 'colour'; it has kind, size"):
        open_source("tfds:two_labels", data_dir=data_dir, label_feature="colour")


@pytest.mark.parametrize(
    "features, keys, message",
    [
        ({"image": IMAGE, "labels": LABELS}, ("image", "labels"), "any number of labels .labels."),
        ({"image": IMAGE, "labels": LABELS}, None, "any number of labels .labels."),
        ({"image": IMAGE, "labels": LABELS, "kind": LABEL}, ("image", "labels"), "--label_feature=kind"),
        ({"image": IMAGE, "text": tfds.features.Text()}, ("image", "text"), "'text' is Text"),
        ({"image": IMAGE}, None, "no feature is a ClassLabel"),
        ({"left": IMAGE, "right": IMAGE, "label": LABEL}, None, "several images in each example .left, right."),
        ({"video": tfds.features.Video((None, 8, 8, 3)), "label": LABEL}, ("video", "label"), "it has video: Video"),
        (
            {"image": tfds.features.Image(shape=(8, 8, 1), dtype=np.float32), "label": LABEL},
            ("image", "label"),
            "float32",
        ),
        ({"mask": tfds.features.LabeledImage(labels=3, shape=(8, 8, 1)), "label": LABEL}, None, "it has mask: Lab"),
        ({"objects": tfds.features.Sequence({"label": LABEL}), "image": IMAGE}, None, "no feature is a ClassLabel"),
    ],
)
def test_what_is_no_image_with_one_label_is_refused_before_anything_is_read(features, keys, message, tmp_path):
    def describe(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features), supervised_keys=keys)

    name = f"OtherPictures{next(NUMBERS)}"  # TFDS knows each data set once
    type(name, (LittlePictures,), {"_info": describe, "_split_generators": lambda *_: pytest.fail("read")})
    with pytest.raises(ValueError, match=f"^TFDS data set 'other_pictures.*{message}") as error:
        open_source(f"tfds:{name}", data_dir=str(tmp_path))
    assert "\n" not in str(error.value)


def test_splits_under_other_names(data_dir):
    with pytest.raises(ValueError, match="has no split called train, test or validation, only part_a, part_b"):
        open_source("tfds:odd_splits", data_dir=data_dir)


@pytest.mark.slow
def test_every_builder_that_is_installed_is_served_or_refused_in_one_line(tmp_path):
    served = 0
    for name in tfds.list_builders(with_community_datasets=False):
        try:
            builder = tfds.builder(name, data_dir=str(tmp_path))
        except Exception:  # data sets that TFDS knows by the network alone
            continue
        try:
            features = tfds_source._find_features(builder, None)
        except ValueError as error:
            assert "\n" not in str(error) and len(str(error)) < 500, name
        else:
            served += 1
            assert tfds_source._class_names(builder, features.label), name
    assert served > 60
