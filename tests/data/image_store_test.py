import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tf_transfer.data.image_store import ImageStore, read_meta


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


def read_everything(path):
    opened = ImageStore(path)
    for split in ("train", "test"):
        opened.read(split, np.arange(len(opened.labels(split))))


SMALL = ["set_aside.txt", *(f"{split}_{name}.npy" for split in ("train", "test") for name in ("labels", "sums"))]
FILES = [("raw", name) for name in (*SMALL, "train.raw", "test.raw")]
FILES += [("jpeg", name) for name in (*SMALL, "train_ends.npy", "test_ends.npy", "train.jpeg", "test.jpeg")]


@pytest.fixture
def broken(store, jpeg_store, tmp_path):
    """Returns a function that copies the store of a format, in order to break it."""
    return lambda image_format: shutil.copytree({"raw": store, "jpeg": jpeg_store}[image_format], tmp_path / "broken")


@pytest.mark.parametrize("image_format, name", FILES)
def test_a_missing_file(broken, image_format, name):
    path = broken(image_format)
    (path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"the image store '.*broken' lacks {name}; prepare it again"):
        ImageStore(str(path))


@pytest.mark.parametrize("image_format, name", [file for file in FILES if file[1] != "set_aside.txt"])
def test_a_flipped_bit_is_found_and_named(broken, image_format, name):
    path = broken(image_format)
    content = bytearray((path / name).read_bytes())
    content[2 * len(content) // 3] ^= 16
    (path / name).write_bytes(content)
    what = f"image \\d+ of {name}" if name.endswith(image_format) else name
    with pytest.raises(ValueError, match=f"broken' is damaged: {what} has changed since it was written; remove it and"):
        read_everything(path)


@pytest.mark.parametrize("image_format", ["raw", "jpeg"])
def test_the_damaged_image_is_the_one_that_is_named(broken, image_format):
    path = broken(image_format)
    ends = np.load(path / "train_ends.npy") if image_format == "jpeg" else 3072 * np.arange(1, 73)
    with open(path / f"train.{image_format}", "r+b") as file:
        file.seek(ends[41] - 1)
        file.write(b"?")
    opened = ImageStore(path)
    opened.read("train", np.array([40, 42, 3]))
    for _ in range(2):  # it is not let through the second time
        with pytest.raises(ValueError, match=f"image 41 of train.{image_format} has changed since it was written"):
            opened.read("train", np.array([40, 41]))


@pytest.mark.parametrize("image_format, name", [file for file in FILES if file[1] != "set_aside.txt"])
def test_a_file_that_was_cut_off(broken, image_format, name):
    path = broken(image_format)
    size = (path / name).stat().st_size
    with open(path / name, "r+b") as file:
        file.truncate(size - 1)
    what = (
        f"{name} has {size - 1:,} bytes instead of {size:,}" if name.endswith(image_format) else f"{name} has changed"
    )
    with pytest.raises(ValueError, match=f"broken' is damaged: {what}"):
        ImageStore(path)


@pytest.mark.parametrize(
    "old, new", [('"bird"', '"bard"'), ("12,", "13,"), ('"raw"', '"jpeg"'), ('"image_size": 3', '"image_size": 4')]
)
def test_a_description_that_was_changed(broken, old, new):
    path = broken("raw")
    text = (path / "meta.json").read_text()
    assert old in text
    (path / "meta.json").write_text(text.replace(old, new, 1))
    with pytest.raises(
        ValueError, match="meta.json does not describe .*its SHA-256 does not fit: it has changed since"
    ):
        read_meta(str(path))


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"name": "x"})])
def test_a_damaged_description(tmp_path, text):
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(ValueError, match=r"meta.json does not describe an image store \(.*\); prepare the store again"):
        read_meta(str(tmp_path))
