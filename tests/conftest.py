"""What several tests share: a folder of small pictures, and the image store made of it."""

import numpy as np
import pytest
from PIL import Image

from tf_transfer.prepare import prepare_store
from tf_transfer.sources import open_source

CLASS_NAMES = ("bird", "cat", "deer", "ship", "train", "truck")  # four words of CIFAR-10, and a tricky "train"
TRAIN_IMAGES, TEST_IMAGES, SIDE = 12, 4, 32  # per class, per class, pixels


def draw_image(label, number):
    """A picture of noise around a colour of its class, uint8 [32, 32, 3]."""
    rng = np.random.default_rng([label, number])
    colour = np.array([40 + 35 * label, 220 - 35 * label, 40 + 70 * (label % 3)])
    return np.clip(colour + rng.normal(0, 20, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """Path of a folder train/CLASS/*.png and test/CLASS/*.png: 6 classes of 12 and 4 images of 32x32 pixels."""
    root = tmp_path_factory.mktemp("images") / "pictures"
    for label, name in enumerate(CLASS_NAMES):
        for number in range(TRAIN_IMAGES + TEST_IMAGES):
            split = "train" if number < TRAIN_IMAGES else "test"
            file = root / split / name / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw_image(label, number)).save(file)
    return root


@pytest.fixture(scope="session")
def store(image_folder, tmp_path_factory):
    """Path of a raw image store made of `image_folder`, as a string."""
    path = str(tmp_path_factory.mktemp("stores") / "pictures")
    prepare_store(open_source(f"folder:{image_folder}"), path)
    return path
