import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tf_transfer.image_store import ImageStore, read_meta


def test_what_is_known_without_reading_images(store):
    meta = read_meta(store)
    assert meta.class_names == ("bird", "cat", "deer", "ship", "train", "truck") and meta.num_classes == 6
    assert (meta.name, meta.image_size, meta.format) == ("folder:pictures", 32, "raw")
    assert meta.images_per_class == {"train": (12,) * 6, "test": (4,) * 6}


def test_images_are_counted_by_class(store):
    meta = read_meta(store)
    assert meta.num_images("train", classes=(1, 4)) == 24
    assert meta.num_images("train", classes=(1, 4), images_per_class=5) == 10
    assert meta.num_images("test", classes=(1, 4), images_per_class=5) == 8


def test_images_are_found_by_class(store):
    opened = ImageStore(store)
    assert opened.labels("train").dtype == np.int32
    assert opened.indices("train", (0, 2)).tolist() == [*range(12), *range(24, 36)]
    assert opened.indices("train", (2, 0), images_per_class=2).tolist() == [0, 1, 24, 25]
    assert opened.indices("test", (5,)).tolist() == [20, 21, 22, 23]


def test_images_are_read_by_index_in_any_order(store, image_folder):
    images = ImageStore(store).read("train", np.array([13, 0, 13]))
    assert images.shape == (3, 32, 32, 3) and images.dtype == np.uint8
    for image, file in zip(images, ("cat/01.png", "bird/00.png", "cat/01.png"), strict=True):
        assert np.array_equal(image, np.asarray(Image.open(image_folder / "train" / file)))


def test_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image store at '.*' [(]no meta.json in it[)]; make one: "):
        ImageStore(str(tmp_path))


@pytest.mark.parametrize("name", ["train_labels.npy", "test_labels.npy", "train.raw", "test.raw"])
def test_a_missing_file(store, tmp_path, name):
    broken = shutil.copytree(store, tmp_path / "broken")
    (broken / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"the image store '.*broken' lacks {name}; prepare it again"):
        ImageStore(str(broken))


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"name": "x"})])
def test_a_damaged_description(tmp_path, text):
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(ValueError, match=r"meta.json does not describe an image store \(.*\); prepare the store again"):
        read_meta(str(tmp_path))
