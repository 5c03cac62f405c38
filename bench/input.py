"""The stream of 227-pixel crops from photographs: TFDS and tf.data, against our JPEG store and our raw store.

Each delivers pixels, which are not yet normalised: theirs as float32 (what `tf.image.resize` makes), ours as uint8.

python -m bench.input --images=DIR         (a directory of JPEG files such as ImageNet's; without it they are drawn)
"""

from __future__ import annotations

import argparse
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from bench import alternating
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.experiment.config import Recipe
from tf_transfer.experiment.tasks import Task
from tf_transfer.training import stream

STORED, CROP = 256, 227  # pixels; the paper's
AIM = {"jpeg": 3, "raw": 30}


def draw_photographs(directory: pathlib.Path, count: int) -> None:
    """Writes JPEG files of 500x375 pixels and about 110 KB, ImageNet's most common size and its mean length."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((500, 375), Image.BICUBIC)
        grain = rng.normal(0, 13, (375, 500, 1))
        pixels = np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(directory / f"{number:04}.jpg", quality=92)


def copy_photographs(photographs: list[pathlib.Path], folder: pathlib.Path, num_train: int) -> None:
    """Makes a folder of two classes of `num_train` images in all, the photographs in turn, and four test images."""
    for number in range(num_train + 4):
        split = "train" if number < num_train else "test"
        file = folder / split / f"class{number % 2}" / f"{number:05}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photographs[number % len(photographs)].read_bytes())


class Photographs(tfds.core.GeneratorBasedBuilder):
    """A folder of JPEG files as a TFDS data set, which keeps them encoded as they are."""

    VERSION = tfds.core.Version("1.0.0")
    pkg_dir_path = pathlib.Path(__file__).parent  # a program has no package, in which TFDS looks for a description
    folder = pathlib.Path()

    def _info(self):
        label = tfds.features.ClassLabel(num_classes=2)
        features = tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(None, None, 3)), "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for file in sorted(self.folder.glob("train/*/*.jpg")):
            yield file.name, {"image": str(file), "label": int(file.parent.name[-1])}


def plain_stream(data_dir: str, recipe: Recipe) -> tf.data.Dataset:
    """The usual way: `tfds.load`, then decode, resize, crop and flip in tf.data."""

    def prepare(image, label):
        image = tf.image.random_crop(tf.image.resize(image, (STORED, STORED)), (CROP, CROP, 3))
        return tf.image.random_flip_left_right(image), label

    # TFDS would keep a data set as small as this one in memory, decoded, as it can't with ImageNet.
    config = tfds.ReadConfig(try_autocache=False)
    dataset = tfds.load(
        "photographs", split="train", data_dir=data_dir, shuffle_files=True, as_supervised=True, read_config=config
    )
    dataset = dataset.repeat().shuffle(256, seed=0).map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(recipe.batch_size).prefetch(tf.data.AUTOTUNE)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=pathlib.Path, help="directory of JPEG files")
    parser.add_argument("--count", type=int, default=1000, help="training images, of the given ones in turn")
    parser.add_argument("--batches", type=int, default=64, help="batches of 64 in a round")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if args.images and not args.images.is_dir():
        parser.error(f"--images={args.images}: expected a directory of JPEG files, and there is none")
    recipe = Recipe(batch_size=64, crop_size=CROP, random_flip=True)
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        if not args.images:
            draw_photographs(root, 40)
        files = sorted(file for file in (args.images or root).iterdir() if file.suffix.lower() in (".jpg", ".jpeg"))
        copy_photographs(files, root / "folder", args.count)
        Photographs.folder = root / "folder"
        Photographs(data_dir=directory).download_and_prepare()
        streams = {}
        for image_format in AIM:
            store = str(root / image_format)
            prepare_store(open_source(f"folder:{root / 'folder'}"), store, STORED, image_format)
            streams[image_format] = stream.train_stream(Task(store, (0, 1)), recipe, seed=0, num_outputs=1)
        streams["tfds"] = plain_stream(directory, recipe)

        def read(stream: tf.data.Dataset) -> None:
            for _ in stream.take(args.batches):
                pass

        ways = {name: alternating.stopwatch(read, stream) for name, stream in streams.items()}
        seconds = alternating.medians(ways, args.rounds)
    images = args.batches * recipe.batch_size
    rows = [["tfds.load, decode, resize, crop, flip", f"{images / seconds['tfds']:,.0f}", "", ""]]
    for image_format, aim in AIM.items():
        ratio = seconds["tfds"] / seconds[image_format]
        rows.append([f"{image_format} store", f"{images / seconds[image_format]:,.0f}", f"{ratio:.1f}", str(aim)])
    alternating.print_table("Input", ["stream", "images/s", "ratio", "aim"], rows)


if __name__ == "__main__":
    main()
