"""Malicious stores, whose files fit their checksums: one clear error, and nothing is done."""

import hashlib
import json
import pathlib
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.helpers.images import encode_image
from tf_transfer.data import image_store
from tf_transfer.files.checksums import seal_json


@pytest.fixture
def crafted(store, jpeg_store, tmp_path):
    """Returns a function that copies a store, changes it and seals it again as an honest one."""

    def craft(arrays=None, raw=True, **fields):
        path = shutil.copytree(store if raw else jpeg_store, tmp_path / "crafted")
        for name, array in (arrays or {}).items():
            np.save(path / name, array)
        return seal(path, fields)

    return craft


def seal(path, fields):
    meta = json.loads((path / "meta.json").read_text()) | fields
    del meta["sha256"]
    if "files" not in fields:
        meta["files"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in meta["files"]}
    (path / "meta.json").write_text(json.dumps(seal_json(meta)))
    image_store.read_meta.cache_clear()
    return path


NAMES = ["bird", "cat", "deer", "ship", "train", "truck"]


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"class_names": [*NAMES[:5], "\x1b[2J"]}, r"the name '\\\\x1b\[2J' holds characters that cannot be printed"),
        ({"name": "a\nb"}, "holds characters that cannot be printed"),
        ({"class_names": [*NAMES[:5], "bird"]}, "class_names must not repeat a name"),
        ({"class_names": []}, "class_names: expected array of length >= 1"),
        ({"image_size": 10**12}, "image_size: expected int <= 4096"),
        ({"image_size": 0}, "image_size: expected int >= 1"),
        ({"format": "../../raw"}, "format: invalid enum value '../../raw'"),
        ({"images_per_class": {"train": [12] * 6}}, "images_per_class must give a number of images for each class"),
        ({"images_per_class": {"train": [12] * 6, "test": [4] * 7}}, "images_per_class must give a number"),
        (
            {"images_per_class": {"train": [12] * 6, "test": [4] * 5 + [0]}},
            "images_per_class must be at least 1 for each class of train and of test",
        ),
        ({"images_per_class": {"train": [12] * 6, "test": [4] * 6, "more": [4] * 6}}, "images_per_class must give"),
        ({"images_per_class": 3}, "images_per_class: expected object, got int"),
        ({"channel_mean": [1, 2]}, "channel_mean: expected array of length 3, got 2"),
        ({"files": []}, "files: expected object, got array"),
        ({"files": {"../../x": "y"}}, "files.* expected str matching regex"),
        ({"colour\n": "red"}, r"contains unknown field colour\\x0a"),
    ],
)
def test_descriptions_that_make_no_sense(crafted, fields, message):
    with pytest.raises(ValueError, match=f"does not describe an image store [(].*{message}"):
        image_store.ImageStore(crafted(**fields))


def test_class_names_may_look_like_paths(crafted):
    names = ["../../x", "/etc", "..", "a/b", "", "{0}"]
    assert image_store.ImageStore(crafted(class_names=names)).meta.class_names == tuple(names)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"train_labels.npy": np.repeat(np.arange(6), 12)}, r"train_labels.npy holds int64 of shape \(72,\)"),
        ({"train_labels.npy": np.zeros(0, np.int32)}, r"train_labels.npy holds int32 of shape \(0,\)"),
        ({"train_labels.npy": np.zeros((72, 2), np.int32)}, r"train_labels.npy holds int32 of shape \(72, 2\)"),
        ({"train_labels.npy": np.zeros(72, np.int32)}, "train_labels.npy has other numbers of images than meta.json"),
        ({"train_labels.npy": np.full(72, -1, np.int32)}, "train_labels.npy has other numbers of images"),
        ({"train_labels.npy": np.full(72, 2**31 - 1, np.int32)}, "train_labels.npy has other numbers of images"),
        ({"test_sums.npy": np.zeros(3, np.uint64)}, r"test_sums.npy holds uint64 of shape \(3,\)"),
        ({"test_sums.npy": np.zeros(24, np.uint64)}, "image 0 of test.raw has changed since it was written"),
    ],
)
def test_arrays_that_do_not_fit(crafted, arrays, message):
    with pytest.raises(ValueError, match=message):
        image_store.ImageStore(crafted(arrays)).read("test", np.arange(24))


@pytest.mark.parametrize("change", [lambda ends: ends[::-1].copy(), lambda ends: ends * 0, lambda ends: -ends])
def test_ends_that_do_not_rise(crafted, jpeg_store, change):
    path = crafted({"train_ends.npy": change(np.load(jpeg_store / "train_ends.npy"))}, raw=False)
    with pytest.raises(ValueError, match="train_ends.npy does not increase"):
        image_store.ImageStore(path)


def test_pickles_are_not_loaded(crafted):
    path = crafted({"train_labels.npy": np.array([{}] * 72, object)})
    with pytest.raises(ValueError, match="expected an array of numbers, got object"):
        image_store.ImageStore(path)


@pytest.mark.parametrize("size, format", [((2000, 2000), "JPEG"), ((31, 32), "JPEG"), ((32, 32), "PNG")])
def test_images_of_another_size_or_kind_are_not_decoded(crafted, jpeg_store, size, format):
    first = int(np.load(jpeg_store / "train_ends.npy")[0])
    file = encode_image(Image.new("RGB", size), format)
    ends, sums = np.load(jpeg_store / "train_ends.npy"), np.load(jpeg_store / "train_sums.npy")
    sums[0] = image_store.image_checksum(file)
    path = crafted({"train_ends.npy": ends + len(file) - first, "train_sums.npy": sums}, raw=False)
    data = (path / "train.jpeg").read_bytes()
    (path / "train.jpeg").write_bytes(file + data[first:])
    with pytest.raises(ValueError, match="image 0 of train.jpeg is no JPEG file of 32 pixels"):
        image_store.ImageStore(path).read("train", np.array([1, 0]))


def test_links_in_a_store(crafted, tmp_path):
    path = crafted()
    (tmp_path / "elsewhere").mkdir()
    (path / "mean_images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="has a link in it, mean_images, which might lead anywhere; remove it"):
        image_store.ImageStore(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["name", "source", "class_names", "image_size", "format", "images_per_class", "channel_mean", "files"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3))
def test_any_description_is_read_or_refused_with_a_value_error(store, tmp_path, changes):
    path = tmp_path / "crafted"
    if not path.exists():
        shutil.copytree(store, path)
    shutil.copy(pathlib.Path(store) / "meta.json", path)
    try:
        image_store.ImageStore(seal(path, changes)).read("train", np.arange(3))
    except (ValueError, FileNotFoundError) as error:
        assert "\n" not in str(error)
