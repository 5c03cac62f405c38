"""The embedded data set as a source: pictures drawn from a seed, which need no file and no network."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from PIL import Image

from tf_transfer.data.sources import Example, Source
from tf_transfer.data.sources.drawing import CLASS_NAMES, draw_images

# Enough for a small network to learn the figures rather than the pictures, and still drawn in seconds.
PER_CLASS = {"train": 250, "test": 100}


def open_shapes(seed: int = 0) -> Source:
    """Opens the drawn data set: 24 classes, 12 of them man-made and 12 natural, 32x32 pixels.

    Args:
      seed: Another seed gives other pictures of the same classes.
    """
    return Source(
        name=f"shapes (seed {seed})",
        identity=f"{PER_CLASS}, seed {seed}",
        class_names=CLASS_NAMES,
        counts={split: number * len(CLASS_NAMES) for split, number in PER_CLASS.items()},
        examples=functools.partial(_examples, seed),
    )


def _examples(seed: int, split: str) -> Iterable[Example]:
    stream = 2 * seed + (split == "test")  # train and test never share a seed
    for label, name in enumerate(CLASS_NAMES):
        for number, picture in enumerate(draw_images(name, PER_CLASS[split], stream)):
            yield Example(f"{name}/{number}", label, functools.partial(Image.fromarray, picture))
