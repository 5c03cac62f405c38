import shutil

import numpy as np
import pytest
from PIL import Image

from tf_transfer.image_store import ImageStore
from tf_transfer.sources import Example, Source, open_source
from tf_transfer.store_writer import prepare_store


def one_colour_source(num_images, bad=(), name="colours"):
    """Two classes, 0 dark and 1 light, alternating in `train`; the images `bad` of `train` cannot be decoded."""

    def load(split, number):
        if split == "train" and number in bad:
            raise OSError(f"number {number}\nis torn")
        return Image.new("RGB", (6, 4), (100 * (number % 2), number % 256, 0))

    counts = {"train": num_images, "test": 2}

    def examples(split):
        for number in range(counts[split]):
            yield Example(str(number), number % 2, lambda number=number: load(split, number))

    return Source(name, ("dark", "light"), counts, examples)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "store")


def test_raw_keeps_every_pixel_and_jpeg_every_image(store, image_folder, path):
    raw = ImageStore(store)
    made = prepare_store(open_source(f"folder:{image_folder}"), path, image_format="jpeg")
    jpeg = ImageStore(path)
    assert made.meta.format == "jpeg" and made.meta.fingerprint != raw.meta.fingerprint
    every = np.arange(72)
    originals = [np.asarray(Image.open(file)) for file in sorted((image_folder / "train").rglob("*.png"))]
    assert np.array_equal(raw.read("train", every), originals)
    difference = jpeg.read("train", every)[:, None].astype(int) - originals
    assert np.abs(difference).mean(axis=(2, 3, 4)).argmin(axis=1).tolist() == every.tolist()  # each most like itself
    assert np.array_equal(jpeg.labels("train"), raw.labels("train"))


def test_statistics_are_those_of_the_training_images(store):
    images = ImageStore(store).read("train", np.arange(72)).reshape(-1, 3)
    meta = ImageStore(store).meta
    np.testing.assert_allclose(meta.channel_mean, images.mean(0), rtol=1e-6)
    np.testing.assert_allclose(meta.channel_std, images.std(0), rtol=1e-6)


def test_images_are_made_square(path):
    prepare_store(one_colour_source(4), path, image_size=3)
    image = ImageStore(path).read("train", np.array([1]))
    assert image.tolist() == [[[[100, 1, 0]] * 3] * 3]


def test_without_a_size_the_first_image_s_width_is_taken(path):
    assert prepare_store(one_colour_source(4), path).meta.image_size == 6


def test_bad_images_are_set_aside_and_labels_stay_right(path):
    made = prepare_store(one_colour_source(300, bad=(0, 101)), path)
    assert made.set_aside == ("train\t0\tOSError: number 0 is torn", "train\t101\tOSError: number 101 is torn")
    assert made.meta.images_per_class == {"train": (149, 149), "test": (1, 1)}
    opened = ImageStore(path)
    images = opened.read("train", np.arange(298))
    assert (images[:, 0, 0, 0] == 100 * opened.labels("train")).all()
    assert images[:, 0, 0, 1].tolist() == [number % 256 for number in range(300) if number not in (0, 101)]
    # Told again when the same store is asked for again.
    again = prepare_store(one_colour_source(300), path)
    assert again.already_there and again.set_aside == made.set_aside and again.meta == made.meta


def test_more_than_one_in_a_hundred_bad_images(path):
    message = "4 of 302 images cannot be used, more than 1%; the first is 0: OSError: number 0 is torn; mend"
    with pytest.raises(ValueError, match=message):
        prepare_store(one_colour_source(300, bad=(0, 1, 2, 3)), path)
    with pytest.raises(FileNotFoundError):
        ImageStore(path)
    # Mended, it is prepared under the same name.
    assert not prepare_store(one_colour_source(300), path).already_there


def test_a_class_without_usable_images(path):
    source = one_colour_source(300)
    one_class = Source("x", ("dark", "light", "blue"), source.counts, source.examples)
    with pytest.raises(ValueError, match="class 'blue' has no usable train images; every class needs at least one"):
        prepare_store(one_class, path)


def test_nothing_that_can_be_decoded(path):
    with pytest.raises(ValueError, match="none of the images of colours can be decoded"):
        prepare_store(one_colour_source(2, bad=(0, 1)), path)


def test_progress_counts_every_image(path):
    steps = []
    prepare_store(one_colour_source(300, bad=(7,)), path, on_progress=steps.append)
    assert sum(steps) == 302


def test_what_is_there_is_never_overwritten(store, image_folder, tmp_path):
    source = open_source(f"folder:{image_folder}")
    assert prepare_store(source, store).already_there
    assert prepare_store(source, store, image_size=32).already_there
    for options, message in (
        ({"image_size": 16}, "its image_size: 32 there, 16 now"),
        ({"image_format": "jpeg"}, "its format: 'raw' there, 'jpeg' now"),
    ):
        with pytest.raises(FileExistsError, match=f"is another store [(]{message}[)]; choose another --out"):
            prepare_store(source, store, **options)
    with pytest.raises(FileExistsError, match="its source: 'folder:pictures' there, 'colours' now"):
        prepare_store(one_colour_source(2), store)
    shutil.copy(__file__, tmp_path)
    with pytest.raises(FileExistsError, match="exists and is not an image store; choose another --out or remove it"):
        prepare_store(source, str(tmp_path))


def test_wrong_arguments(path):
    with pytest.raises(ValueError, match=r"unknown format 'gif': expected one of \('raw', 'jpeg'\)"):
        prepare_store(one_colour_source(2), path, image_format="gif")
    with pytest.raises(ValueError, match="image_size must be 0 or a number of pixels, got -1"):
        prepare_store(one_colour_source(2), path, image_size=-1)
