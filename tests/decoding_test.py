import io

import numpy as np
import pytest
from PIL import Image

from tf_transfer.sources import decoding

RED, WHITE = (255, 0, 0), (255, 255, 255)


def pixel(image, format="PNG", **options):
    """Encodes an image, decodes it again, and returns its first pixel."""
    file = io.BytesIO()
    image.save(file, format=format, **options)
    decoded = decoding.decode(file.getvalue())
    assert decoded.mode == "RGB"
    return decoded.getpixel((0, 0))


def test_colours_stay_as_they_are():
    assert pixel(Image.new("RGB", (2, 2), (1, 2, 3))) == (1, 2, 3)


def test_grey():
    assert pixel(Image.new("L", (2, 2), 77)) == (77, 77, 77)
    assert pixel(Image.new("1", (2, 2), 1)) == WHITE


def test_16_bit_grey_is_divided_and_not_clipped():
    assert pixel(Image.fromarray(np.full((2, 2), 256 * 77 + 255, np.uint16))) == (77, 77, 77)


def test_transparency_is_laid_on_white():
    assert pixel(Image.new("RGBA", (2, 2), (*RED, 255))) == RED
    assert pixel(Image.new("RGBA", (2, 2), (*RED, 0))) == WHITE
    assert pixel(Image.new("RGBA", (2, 2), (*RED, 51))) == (255, 204, 204)  # a fifth of red
    assert pixel(Image.new("LA", (2, 2), (0, 0))) == WHITE


def test_palettes():
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, *RED])
    assert pixel(image) == RED
    assert pixel(image, transparency=0) == RED
    assert pixel(image, transparency=1) == WHITE


def test_cmyk():
    red, green, blue = pixel(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), format="JPEG", quality=100)
    assert red > 250 and green < 5 and blue < 5


def test_exif_orientation_is_undone():
    image = Image.new("RGB", (4, 2), WHITE)
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    file = io.BytesIO()
    image.save(file, format="PNG", exif=exif)
    decoded = decoding.decode(file.getvalue())
    assert decoded.size == (2, 4)
    assert decoded.getpixel((1, 0)) == RED and decoded.getpixel((0, 0)) == WHITE


def test_of_an_animation_the_first_frame():
    frames = [Image.new("RGB", (2, 2), colour) for colour in (RED, WHITE)]
    assert pixel(frames[0], format="GIF", save_all=True, append_images=frames[1:]) == RED


def test_a_path(tmp_path):
    Image.new("RGB", (3, 2), RED).save(tmp_path / "red.png")
    assert decoding.decode(tmp_path / "red.png").size == (3, 2)


def test_what_is_no_image():
    with pytest.raises(OSError, match="cannot identify image file"):
        decoding.decode(b"GIF, said the text file")
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, format="PNG")
    with pytest.raises(OSError, match="truncated|broken"):
        decoding.decode(file.getvalue()[:2000])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # from 89 million pixels on
def test_a_decompression_bomb_is_not_decoded():
    file = io.BytesIO()
    Image.new("1", (10_001, 10_000)).save(file, format="PNG")
    with pytest.raises(ValueError, match="10001x10000 pixels; at most 89,478,485 are decoded"):
        decoding.decode(file.getvalue())
