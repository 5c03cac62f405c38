"""Invented images: those of the shared image store, image files, and a source of one-coloured ones that can fail."""

from __future__ import annotations

import io
from collections.abc import Container, Iterator

import numpy as np
from PIL import Image

from tf_transfer.data.sources import Example, Source


def noisy_image(label: int, number: int, side: int) -> np.ndarray:
    """Noise around a colour of its class, uint8 [side, side, 3]; another one for each number."""
    rng = np.random.default_rng([label, number])
    colour = np.array([40 + 35 * label, 220 - 35 * label, 40 + 70 * (label % 3)])
    return np.clip(colour + rng.normal(0, 20, (side, side, 3)), 0, 255).astype(np.uint8)


def encode_image(image: Image.Image, format: str = "PNG", **options) -> bytes:
    """An image file, as Pillow writes it with these options."""
    file = io.BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def one_colour_source(
    num_images: int, bad: Container[int] = (), name: str = "colours", stop: int | None = None
) -> Source:
    """A source of images of 6x4 pixels in two classes, 0 dark and 1 light, which alternate.

    Args:
      num_images: How many there are in `train`; in `test` there are two.
      bad: Those of `train` that cannot be decoded.
      name: The source's name.
      stop: The one of `train` at which everything is interrupted, as by Ctrl-C.
    """

    def load(split: str, number: int) -> Image.Image:
        if split == "train" and number in bad:
            raise OSError(f"number {number}\nis torn")
        return Image.new("RGB", (6, 4), (100 * (number % 2), number % 256, 255 * (split == "test")))

    counts = {"train": num_images, "test": 2}

    def examples(split: str) -> Iterator[Example]:
        for number in range(counts[split]):
            if (split, number) == ("train", stop):
                raise KeyboardInterrupt
            yield Example(str(number), number % 2, lambda number=number: load(split, number))

    return Source(name, f"{num_images} of {name}", ("dark", "light"), counts, examples)
