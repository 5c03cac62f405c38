import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.helpers.commands import run_python
from tf_transfer.data.image_store import ImageStore
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.seeds import derive_seed
from tf_transfer.experiment.tasks import Task
from tf_transfer.training import augmentation
from tf_transfer.training.stream import Shard, test_labels, test_stream, train_stream

# Not tests, whatever their names say to pytest.
test_labels.__test__ = test_stream.__test__ = False

PLAIN = Recipe(batch_size=8)
AUGMENTED = Recipe(batch_size=8, crop_padding=2, crop_size=28, random_flip=True)


@pytest.fixture(scope="module")
def task(store):
    """Three of the six classes: 36 training and 12 test images."""
    return Task(store, classes=(0, 2, 5))


def batches(stream, count):
    """The first `count` batches as NumPy arrays `(images, labels)`, for a stream of one output."""
    return [(images.numpy(), labels.numpy()) for images, (labels,) in stream.take(count)]


def assert_same(first, second):
    for (images, labels), (other_images, other_labels) in zip(first, second, strict=True):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(labels, other_labels)


def epochs(task, recipe, seed, count):
    """The order of `count` epochs: for each, the place in the task's stored images of every image that came."""
    stored = images_of(task, "train", task.images_per_class)
    place = {image.tobytes(): number for number, image in enumerate(stored)}
    num_steps = count * len(stored) // recipe.batch_size
    images = np.concatenate([images for images, _ in batches(train_stream(task, recipe, seed, 1), num_steps)])
    return np.array([place[image.tobytes()] for image in images]).reshape(count, len(stored))


def images_of(task, split, images_per_class=0):
    """A task's images as they are stored."""
    store = ImageStore(task.store)
    return store.read(split, store.indices(split, task.classes, images_per_class))


def test_a_batch_is_uint8_images_and_int32_labels_for_each_output(task):
    images, labels = next(iter(train_stream(task, PLAIN, seed=0, num_outputs=3)))
    assert (images.shape, images.dtype) == ((8, 32, 32, 3), tf.uint8)
    assert len(labels) == 3
    assert all((each.shape, each.dtype) == ((8,), tf.int32) for each in labels)
    assert all(np.array_equal(each, labels[0]) for each in labels)


@pytest.mark.parametrize("first_step", [1, 4, 11])  # 36 images make 4.5 batches: all three lie in other epochs
def test_starting_at_a_step_is_skipping_the_steps_before_it(task, first_step):
    whole = batches(train_stream(task, AUGMENTED, 3, num_outputs=1), first_step + 3)
    rest = batches(train_stream(task, AUGMENTED, 3, num_outputs=1, first_step=first_step), 3)
    assert_same(whole[first_step:], rest)


def test_a_far_step_needs_none_of_the_steps_before_it(task):
    first_step = 900_000_000  # begins an epoch; to get there step by step would take days
    stream = train_stream(task, PLAIN, 0, num_outputs=1, first_step=first_step)
    images = np.concatenate([images for images, _ in batches(stream, 9)])
    stored = sorted(image.tobytes() for image in images_of(task, "train"))
    for epoch in np.split(images, 2):
        assert sorted(image.tobytes() for image in epoch) == stored


def test_every_epoch_holds_each_image_once(task):
    order = epochs(task, PLAIN, seed=0, count=4)
    np.testing.assert_array_equal(np.sort(order), np.tile(np.arange(36), (4, 1)))


def test_epochs_and_seeds_differ_in_their_order(task):
    orders = np.concatenate([epochs(task, PLAIN, seed, count=2) for seed in (0, 1)])
    assert len({order.tobytes() for order in orders}) == 4


def test_an_image_keeps_its_label(task):
    store = ImageStore(task.store)
    labels = np.searchsorted(task.classes, store.labels("train")[store.indices("train", task.classes)])
    received = np.concatenate([labels for _, labels in batches(train_stream(task, PLAIN, 0, num_outputs=1), 9)])
    np.testing.assert_array_equal(received.reshape(2, 36), labels[epochs(task, PLAIN, seed=0, count=2)])


def test_images_per_class_takes_the_first_images_of_each_class(store):
    few = Task(store, classes=(1, 4), images_per_class=3)
    recipe = Recipe(batch_size=6)  # one epoch
    [(images, labels)] = batches(train_stream(few, recipe, 0, num_outputs=1), 1)
    first_three = np.concatenate([images_of(Task(store, (label,)), "train")[:3] for label in few.classes])
    assert {image.tobytes() for image in images} == {image.tobytes() for image in first_three}
    assert sorted(labels) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("count", [2, 4, 8])
def test_shards_side_by_side_are_the_whole_batch(task, count):
    def parts(index):
        return batches(train_stream(task, AUGMENTED, 5, num_outputs=1, shard=Shard(index, count)), 6)

    shards = [parts(index) for index in range(count)]
    steps = zip(*shards, strict=True)
    together = [tuple(np.concatenate(arrays) for arrays in zip(*step, strict=True)) for step in steps]
    assert_same(together, batches(train_stream(task, AUGMENTED, 5, num_outputs=1), 6))


@pytest.mark.parametrize("shard", [Shard(0, 3), Shard(2, 2), Shard(-1, 2)])
def test_hosts_that_do_not_divide_the_batch_are_refused(task, shard):
    with pytest.raises(ValueError, match=r"does not divide a batch of 8; choose a multiple of the hosts"):
        train_stream(task, PLAIN, 0, num_outputs=1, shard=shard)


@pytest.mark.parametrize(("padding", "size", "mirror"), [(0, 28, False), (2, 0, False), (0, 0, True), (3, 24, True)])
def test_crop_and_mirror_do_what_the_draws_say(task, padding, size, mirror):
    recipe = Recipe(batch_size=8, crop_padding=padding, crop_size=size, random_flip=mirror)
    plain = batches(train_stream(task, PLAIN, 7, num_outputs=1), 3)
    augmented = batches(train_stream(task, recipe, 7, num_outputs=1), 3)
    for step, ((images, labels), (changed, same_labels)) in enumerate(zip(plain, augmented, strict=True)):
        draws = tf.random.stateless_uniform([8, 3], seed=[derive_seed("augmentation", 7), step]).numpy()
        expected = [crop_and_mirror(*pair, recipe) for pair in zip(images, draws, strict=True)]
        np.testing.assert_array_equal(changed, np.stack(expected))
        np.testing.assert_array_equal(same_labels, labels)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 29, 96, 227])
def test_many_mirrored_images_of_any_size_are_mirrored(size):
    rng = np.random.default_rng(size)
    images = rng.integers(0, 256, (40, size + 2, size + 2, 3), dtype=np.uint8)
    recipe = Recipe(crop_size=size, random_flip=True)
    for share in (0.0, 0.5, 1.0):  # of the images that are mirrored
        draws = rng.random((40, 3)).astype(np.float32)
        draws[:, 2] = np.where(rng.random(40) < share, 0.25, 0.75)
        augmented = augmentation.augment(images, size + 2, draws, recipe)
        for image, draw, found in zip(images, draws, augmented, strict=True):
            top, left = (draw[:2] * np.float32(3)).astype(int)
            window = image[top : top + size, left : left + size]
            np.testing.assert_array_equal(found, window[:, ::-1] if draw[2] < 0.5 else window)


def crop_and_mirror(image, draw, recipe):
    padding, size = recipe.crop_padding, recipe.crop_size or 32
    canvas = np.zeros((32 + 2 * padding, 32 + 2 * padding, 3), np.uint8)
    canvas[padding : padding + 32, padding : padding + 32] = image
    positions = 32 + 2 * padding - size + 1
    top, left = int(draw[0] * np.float32(positions)), int(draw[1] * np.float32(positions))
    window = canvas[top : top + size, left : left + size]
    return window[:, ::-1] if recipe.random_flip and draw[2] < 0.5 else window


def test_augmentation_changes_with_the_epoch_and_the_seed(store):
    one_image = Task(store, classes=(0,), images_per_class=1)
    recipe = Recipe(batch_size=1, crop_size=16)
    for stream in (train_stream(one_image, recipe, seed, num_outputs=1) for seed in (0, 1)):
        assert len({images.tobytes() for images, _ in batches(stream, 5)}) > 1
    first = [batches(train_stream(one_image, recipe, seed, num_outputs=1), 3) for seed in (0, 1)]
    assert not all(np.array_equal(a[0], b[0]) for a, b in zip(*first, strict=True))


def test_test_stream_is_every_test_image_in_the_order_of_the_store(task):
    streamed = [images.numpy() for images in test_stream(task, PLAIN, batch_size=5)]
    assert [len(images) for images in streamed] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate(streamed), images_of(task, "test"))
    np.testing.assert_array_equal(test_labels(task), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])


def test_test_images_are_cropped_at_the_centre(task):
    [images] = [images.numpy() for images in test_stream(task, Recipe(crop_size=28))]
    np.testing.assert_array_equal(images, images_of(task, "test")[:, 2:30, 2:30])


def test_images_per_class_leaves_the_test_images_alone(store):
    few = Task(store, classes=(0, 1), images_per_class=1)
    assert sum(len(images) for images in test_stream(few, PLAIN)) == len(test_labels(few)) == 8


@pytest.mark.parametrize("recipe", [PLAIN, AUGMENTED, Recipe(batch_size=8, crop_size=28, normalisation="mean image")])
def test_a_jpeg_store_is_streamed_like_a_raw_one_of_the_same_pixels(image_folder, tmp_path, recipe):
    path = str(tmp_path / "jpeg")
    prepare_store(open_source(f"folder:{image_folder}"), path, image_format="jpeg")
    task, same = Task(path, classes=(0, 2, 5)), Task(as_raw(path, tmp_path), classes=(0, 2, 5))
    assert_same(batches(train_stream(task, recipe, 0, 1), 6), batches(train_stream(same, recipe, 0, 1), 6))
    for images, others in zip(test_stream(task, recipe, 5), test_stream(same, recipe, 5), strict=True):
        np.testing.assert_array_equal(images, others)


def as_raw(path, tmp_path):
    """Prepares a raw store of the decoded images of a store of JPEG files."""
    store, folder = ImageStore(path), tmp_path / "decoded"
    for split in ("train", "test"):
        labels = store.labels(split)
        for number, pixels in enumerate(store.read(split, np.arange(len(labels)))):
            file = folder / split / store.meta.class_names[labels[number]] / f"{number:04}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
    prepare_store(open_source(f"folder:{folder}"), str(tmp_path / "raw"), image_format="raw")
    return str(tmp_path / "raw")


def test_the_mean_image_is_cropped_and_mirrored_with_each_image(task):
    store = ImageStore(task.store)
    mean = store.read("train", store.indices("train", task.classes)).mean(0).astype(np.float32)
    size = {"crop_size": 20, "random_flip": True, "batch_size": 8}
    pixels = batches(train_stream(task, Recipe(**size), 7, num_outputs=1), 2)
    subtracted = batches(train_stream(task, Recipe(**size, normalisation="mean image"), 7, num_outputs=1), 2)
    for step in range(2):
        draws = tf.random.stateless_uniform([8, 3], seed=[derive_seed("augmentation", 7), step]).numpy()
        for image, received, (down, right, flip) in zip(pixels[step][0], subtracted[step][0], draws, strict=True):
            top, left = int(down * np.float32(13)), int(right * np.float32(13))
            window = mean[top : top + 20, left : left + 20]
            np.testing.assert_array_equal(received, image - (window[:, ::-1] if flip < 0.5 else window))


def test_the_test_images_lose_the_centre_of_the_training_images_mean(task):
    store = ImageStore(task.store)
    mean = store.read("train", store.indices("train", task.classes)).mean(0).astype(np.float32)
    [images] = [images.numpy() for images in test_stream(task, Recipe(crop_size=20, normalisation="mean image"))]
    pixels = store.read("test", store.indices("test", task.classes))
    np.testing.assert_array_equal(images, (pixels - mean)[:, 6:26, 6:26])


@pytest.mark.parametrize("image_format", ["raw", "jpeg"])
def test_a_script_may_end_while_it_holds_an_iterator(image_format, image_folder, tmp_path):
    path = str(tmp_path / "store")
    prepare_store(open_source(f"folder:{image_folder}"), path, image_format=image_format)
    code = f"""
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.tasks import Task
from tf_transfer.training.stream import train_stream
recipe = Recipe(batch_size=500, crop_size=28, random_flip=True)
batches = iter(train_stream(Task({path!r}, (0, 1, 2)), recipe, seed=0, num_outputs=1))
next(batches)
"""
    done = run_python("-c", code, timeout=100)
    assert done.returncode == 0, done.stderr
