"""Decoding image files of any common kind to RGB."""

from __future__ import annotations

import io
import os

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = Image.MAX_IMAGE_PIXELS  # 89 million: more is a decompression bomb rather than a photograph


def decode(file: str | os.PathLike | bytes) -> Image.Image:
    """Decodes an image to RGB: upright, transparency on white, first frame of an animation.

    Args:
      file: A path, or the bytes of an encoded image.

    Returns:
      A PIL image of mode RGB.

    Raises:
      ValueError: The image has more than `MAX_PIXELS` pixels.
      OSError: It cannot be decoded.
    """
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are decoded")
        image.load()
        return _to_rgb(ImageOps.exif_transpose(image))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 or 32 bits of grey, which PIL would clip at 255
        grey = np.asarray(image, dtype=np.int64)
        return Image.fromarray((np.clip(grey, 0, 65535) // 256).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")
