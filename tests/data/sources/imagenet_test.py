"""ImageNet from tar files of the official form: a few real photographs where they are at hand, else drawn ones."""

import io
import pathlib
import shutil
import tarfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tf_transfer.data.image_store import ImageStore
from tf_transfer.data.sources import imagenet, open_source
from tf_transfer.data.store_writer import prepare_store

PHOTOGRAPHS = pathlib.Path(__file__).parents[2] / "shared" / "data" / "imagenet_sample_200.tar"
WORDNET_IDS = ["n01440764", "n01496331", "n01530575", "n01558993", "n01601694"]
TRAIN, TEST = 3, 12  # images of each class for training, images for testing


def picture(number):
    """An encoded picture: the next photograph of the sample, or noise; each of another colour and size."""
    noise = np.random.default_rng(number).integers(0, 60, (40 + number, 60, 3)) + np.array([9 * number % 190, 90, 40])
    buffer = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(buffer, format="JPEG")
    return buffer.getvalue()


def pictures():
    if not PHOTOGRAPHS.is_file():
        return [picture(number) for number in range(len(WORDNET_IDS) * TRAIN + TEST)]
    with tarfile.open(PHOTOGRAPHS) as tar:
        members = sorted((member for member in tar if member.isfile()), key=lambda member: member.name)
        return [tar.extractfile(member).read() for member in members[: len(WORDNET_IDS) * TRAIN + TEST]]


def add(tar, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def validation_labels():
    """Labels of the first validation images, and the WordNet ids in label order, as TFDS ships them."""
    package = pathlib.Path(tfds.__file__).parent / "datasets" / "imagenet2012"
    names = (package / "labels.txt").read_text().split()
    return [names.index(name) for name in (package / "validation_labels.txt").read_text().split()[:TEST]], names


@pytest.fixture(scope="module")
def tars(tmp_path_factory):
    """Path of a directory with both tar files in little: 5 classes of 3 training images, 12 validation images."""
    path = tmp_path_factory.mktemp("tars")
    left = iter(pictures())
    with tarfile.open(path / "ILSVRC2012_img_train.tar", "w") as train:
        for wordnet_id in reversed(WORDNET_IDS):  # label order is not that of the tar file
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as tar:
                for number in (18, 36, 7):
                    add(tar, f"{wordnet_id}_{number}.JPEG", next(left))
            add(train, f"{wordnet_id}.tar", inner.getvalue())
    with tarfile.open(path / "ILSVRC2012_img_val.tar", "w") as val:
        for number, content in enumerate(left, start=1):
            add(val, f"ILSVRC2012_val_{number:08}.JPEG", content)
    return path


def opened(tars, tmp_path):
    return open_source("tfds:imagenet2012", data_dir=str(tmp_path), manual_dir=str(tars))


def test_examples_are_all_images_with_the_official_labels(tars, tmp_path):
    source = opened(tars, tmp_path)
    labels, names = validation_labels()
    assert (
        source.name == "tfds:imagenet2012/5.1.0"
        and list(source.class_names) == sorted(names) == names
        and len(names) == 1000
    )
    encoded = pictures()
    train = list(source.examples("train"))
    assert [example.name for example in train[:4]] == [
        *(f"{WORDNET_IDS[-1]}_{number}.JPEG" for number in (18, 36, 7)),
        f"{WORDNET_IDS[-2]}_18.JPEG",
    ]
    assert [names[example.label] for example in train] == [name for name in reversed(WORDNET_IDS) for _ in range(TRAIN)]
    test = list(source.examples("test"))
    assert [example.label for example in test] == labels
    assert [example.load() for example in [*train, *test]] == encoded
    assert not list(tmp_path.iterdir())  # TFDS keeps no copy


def test_a_store_is_made_of_them(tars, tmp_path, monkeypatch):
    source = opened(tars, tmp_path / "tfds")
    # Five classes are not a thousand: the writer would refuse the empty ones.
    names = tuple(WORDNET_IDS)
    few = [number for number, name in enumerate(source.class_names) if name in WORDNET_IDS]

    def examples(split):
        for number, example in enumerate(source.examples(split)):
            label = few.index(example.label) if split == "train" else number % 5
            yield type(example)(example.name, label, example.load)

    made = type(source)(source.name, source.identity, names, source.counts, examples)
    prepare_store(made, str(tmp_path / "store"), image_size=256, image_format="jpeg")
    store = ImageStore(tmp_path / "store")
    assert store.meta.images_per_class["train"] == (3,) * 5 and store.meta.image_size == 256
    first = Image.open(io.BytesIO(pictures()[-TEST - 3])).convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
    stored = store.read("train", store.indices("train", [0]))[0]
    assert np.abs(stored.astype(int) - np.asarray(first)).mean() < 4  # of the JPEG encoding


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "ILSVRC2012_img_train.tar",
            "ILSVRC2012_img_train.tar does not exist; register at image-net.org/download-images, ",
        ),
        (
            "ILSVRC2012_img_val.tar",
            "download ILSVRC2012_img_train.tar .147.9 GB. and ILSVRC2012_img_val.tar .6.7 GB., put",
        ),
    ],
)
def test_a_tar_file_is_missing(tars, tmp_path, name, message):
    copied = shutil.copytree(tars, tmp_path / "copied")
    (copied / name).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        opened(copied, tmp_path / "tfds")


def test_no_directory_is_given(tmp_path):
    with pytest.raises(FileNotFoundError, match="--manual_dir is missing; register .* and give it as --manual_dir"):
        open_source("tfds:imagenet2012", data_dir=str(tmp_path))


@pytest.mark.parametrize("name", ["ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"])
def test_a_tar_file_that_was_cut_off(tars, tmp_path, name):
    copied = shutil.copytree(tars, tmp_path / "copied")
    size = (copied / name).stat().st_size
    with open(copied / name, "r+b") as file:
        file.truncate(size // 2)
    with pytest.raises(ValueError, match=f"{name} is cut off, or no tar file; download it again"):
        opened(copied, tmp_path / "tfds")


def test_a_tar_file_that_was_cut_off_among_zeros(tars, tmp_path):
    copied = shutil.copytree(tars, tmp_path / "copied")
    path = copied / "ILSVRC2012_img_train.tar"
    with tarfile.open(path) as tar:
        first = tar.next()  # the tar file of a class, which ends in two blocks of zeros at least
    with open(path, "r+b") as file:
        file.truncate(first.offset_data + first.size - 10)
        file.seek(-1024, 2)
        assert not any(file.read()), "as a whole tar file ends"
    with pytest.raises(ValueError, match="img_train.tar is cut off, or no tar file; download it again"):
        opened(copied, tmp_path / "tfds")


def test_a_validation_image_is_missing(tars, tmp_path):
    copied = shutil.copytree(tars, tmp_path / "copied")
    with (
        tarfile.open(tars / "ILSVRC2012_img_val.tar") as whole,
        tarfile.open(copied / "ILSVRC2012_img_val.tar", "w") as gap,
    ):
        for member in whole:
            if not member.name.endswith("3.JPEG"):
                gap.addfile(member, whole.extractfile(member))
    with pytest.raises(
        ValueError, match=r"holds 'ILSVRC2012_val_00000004.JPEG' where ILSVRC2012_val_00000003.JPEG should"
    ):
        opened(copied, tmp_path / "tfds")


def test_a_tar_file_that_is_damaged_inside(tars, tmp_path):
    copied = shutil.copytree(tars, tmp_path / "copied")
    with open(copied / "ILSVRC2012_img_train.tar", "r+b") as file:
        file.seek(512)  # the header of the first image
        file.write(bytes(range(256)))
    with pytest.raises(ValueError, match="ILSVRC2012_img_train.tar is damaged .*; download it again"):
        list(opened(copied, tmp_path / "tfds").examples("train"))


def test_a_tar_file_whose_images_end_too_early(tars, tmp_path, monkeypatch):
    size = (tars / "ILSVRC2012_img_val.tar").stat().st_size
    monkeypatch.setitem(imagenet.TARS, "test", ("ILSVRC2012_img_val.tar", size, 13))
    source = opened(tars, tmp_path)
    assert source.counts["test"] == 13
    with pytest.raises(
        ValueError, match=r"img_val.tar is damaged \(only 12 of 13 images could be found\); download it again"
    ):
        list(source.examples("test"))
