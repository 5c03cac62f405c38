"""Decoding image files of the common kinds to RGB."""

from __future__ import annotations

import io
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps

# A closed list. Pillow has forty more formats; some run other programs (EPS), and no data set of photographs uses them.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
Resize = Literal["squash", "crop", "pad"]
RESIZES = get_args(Resize)
MAX_PIXELS = 89_478_485  # as Pillow sets it: more is a decompression bomb rather than a photograph
_PHOTOMETRIC_INTERPRETATION, _WHITE_IS_ZERO = 262, 0  # a TIFF tag, and its value where 0 is white


class UnusableImageError(ValueError):
    """An image that has to be set aside; the message is the reason, as the user reads it."""


def decode(encoded: bytes) -> Image.Image:
    """Decodes an image to RGB: upright, transparency on white, first frame of an animation.

    Args:
      encoded: An image file of one of `FORMATS`, whatever it is called.

    Returns:
      A PIL image of mode RGB.

    Raises:
      UnusableImageError: It has more than `MAX_PIXELS` pixels, or cannot be decoded.
    """
    if not encoded:
        raise UnusableImageError("empty file")
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnusableImageError(f"{image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are decoded")
            image.load()
            _turn_upright(image)
            return _to_rgb(image)
    except UnusableImageError:
        raise
    except Image.UnidentifiedImageError:
        raise UnusableImageError(f"not recognised as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}") from None
    except Image.DecompressionBombError as error:  # Pillow's own limit, twice as high
        raise UnusableImageError(f"too large: {error}") from None
    except MemoryError:
        raise UnusableImageError("takes too much memory to decode") from None
    except Exception as error:  # for a broken file, decoders raise errors of many kinds
        raise UnusableImageError(f"cannot be decoded ({type(error).__name__}: {error})") from error


def resize_to_square(image: Image.Image, side: int, how: Resize = "squash") -> np.ndarray:
    """Resizes an image to a square.

    Args:
      image: A PIL image of mode RGB.
      side: Side of the square, in pixels; 0 keeps the image's own size.
      how: `squash` does not keep the aspect ratio, as in the paper; `crop` takes the largest square in the middle;
        `pad` keeps the whole image, in the middle of a black square.

    Returns:
      uint8 [height, width, 3].
    """
    if not side or image.size == (side, side):
        return np.asarray(image)
    if how == "crop":
        shorter = min(image.size)
        left, top = (image.width - shorter) / 2, (image.height - shorter) / 2
        box = (left, top, left + shorter, top + shorter)
        return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box=box))
    if how == "pad":
        width, height = (max(1, round(side * length / max(image.size))) for length in image.size)
        square = Image.new("RGB", (side, side))
        resized = image.resize((width, height), Image.Resampling.BILINEAR)
        square.paste(resized, ((side - width) // 2, (side - height) // 2))
        return np.asarray(square)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _turn_upright(image: Image.Image) -> None:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception as error:  # of many kinds, too
        raise UnusableImageError("its EXIF data, which may say how it is turned, cannot be read; remove it") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnusableImageError("pixels are floating-point numbers of unknown range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 or 32 bits of grey, which PIL would clip at 255
        return _high_bytes(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _high_bytes(image: Image.Image) -> Image.Image:
    grey = np.asarray(image)
    if grey.dtype.itemsize > 2 and (grey.min() < 0 or grey.max() > 65535):
        raise UnusableImageError("grey values lie outside 0..65535; save it with 8 or 16 bits")
    high = (grey >> 8).astype(np.uint8)
    inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    return Image.fromarray(~high if inverted else high)
