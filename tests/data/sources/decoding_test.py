import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images import encode_image
from tf_transfer.data.sources import decoding
from tf_transfer.data.sources.decoding import UnusableImageError

RED, WHITE = (255, 0, 0), (255, 255, 255)


def pixel(image, format="PNG", **options):
    """Encodes an image, decodes it again, and returns its first pixel."""
    decoded = decoding.decode(encode_image(image, format, **options))
    assert decoded.mode == "RGB"
    return decoded.getpixel((0, 0))


def test_colours_stay_as_they_are():
    assert pixel(Image.new("RGB", (2, 2), (1, 2, 3))) == (1, 2, 3)


def stripes(width, height):
    """Red at the left or upper end, white in the middle, green at the other end."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, 2, 2))
    image.paste((0, 255, 0), (width - 2, height - 2, width, height))
    return image


@pytest.mark.parametrize("size", [(8, 2), (2, 8)])
def test_shapes(size):
    wide = size[0] > size[1]
    squashed = decoding.resize_to_square(stripes(*size), 4)
    assert np.abs(squashed[0, 0].astype(int) - RED).max() < 60
    assert np.abs(squashed[3, 3].astype(int) - (0, 255, 0)).max() < 60
    assert (decoding.resize_to_square(stripes(*size), 4, "crop") == 255).all()
    padded = decoding.resize_to_square(stripes(*size), 8, "pad")
    middle = padded[3:5] if wide else padded[:, 3:5].swapaxes(0, 1)
    assert (middle[:, :2] == RED).all() and (middle[:, -2:] == (0, 255, 0)).all() and (middle[:, 2:-2] == 255).all()
    outside = np.delete(padded, [3, 4], axis=0 if wide else 1)
    assert outside.shape.count(6) == 1 and not outside.any()


@pytest.mark.parametrize("how", decoding.RESIZES)
def test_extreme_shapes_and_images_that_fit(how):
    assert decoding.resize_to_square(Image.new("RGB", (1, 20_000), RED), 8, how).shape == (8, 8, 3)
    fits = stripes(8, 8)
    assert np.array_equal(decoding.resize_to_square(fits, 8, how), np.asarray(fits))
    assert decoding.resize_to_square(stripes(8, 2), 0, how).shape == (2, 8, 3)


def test_grey():
    assert pixel(Image.new("L", (2, 2), 77)) == (77, 77, 77)
    assert pixel(Image.new("1", (2, 2), 1)) == WHITE


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_divided_and_not_clipped(format):
    assert pixel(Image.fromarray(np.full((2, 2), 256 * 77 + 255, np.uint16)), format=format) == (77, 77, 77)


def test_16_bit_grey_where_0_is_white():
    image = Image.fromarray(np.full((2, 2), 256 * 77 + 255, np.uint16))
    assert pixel(image, format="TIFF", tiffinfo={262: 0}) == (178, 178, 178)


def test_16_bit_colour():
    data = zlib.compress(b"\0" + struct.pack(">HHH", 256 * 77 + 255, 256, 65535))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    assert decoding.decode(file).getpixel((0, 0)) == (77, 1, 255)


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


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format):
    red, green, blue = pixel(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), format=format, quality=100)
    assert red > 250 and green < 5 and blue < 5


def test_cmyk_as_adobe_writes_it():
    file = encode_image(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"  # version 100, no transform: inverted
    red, green, blue = decoding.decode(file.replace(b"\xff\xd8", b"\xff\xd8" + adobe, 1)).getpixel((0, 0))
    assert red > 250 and green < 5 and blue < 5


def test_exif_orientation_is_undone():
    image = Image.new("RGB", (4, 2), WHITE)
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    decoded = decoding.decode(encode_image(image, exif=exif))
    assert decoded.size == (2, 4)
    assert decoded.getpixel((1, 0)) == RED and decoded.getpixel((0, 0)) == WHITE


# The colours of the quarters: upper left, upper right, lower left, lower right.
UPRIGHT = {1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb"}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photograph_is_turned_upright(orientation):
    colours = {"r": RED, "g": (0, 255, 0), "b": (0, 0, 255), "w": WHITE}
    image = Image.new("RGB", (64, 32))
    for colour, corner in zip("rgbw", ((0, 0), (32, 0), (0, 16), (32, 16)), strict=True):
        image.paste(colours[colour], (*corner, corner[0] + 32, corner[1] + 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encode_image(image, "JPEG", quality=95, exif=exif)
    assert file[:3] == b"\xff\xd8\xff" and b"Exif" in file
    decoded = decoding.decode(file)
    width, height = decoded.size
    assert (width, height) == ((64, 32) if orientation < 5 else (32, 64))
    places = [(x * width // 4, y * height // 4) for y in (1, 3) for x in (1, 3)]
    found = np.array([decoded.getpixel(place) for place in places])
    assert np.abs(found - [colours[colour] for colour in UPRIGHT[orientation]]).max() < 12  # of the JPEG encoding


def test_exif_that_cannot_be_read():
    with pytest.raises(
        UnusableImageError, match="^its EXIF data, which may say how it is turned, cannot be read; remove"
    ):
        pixel(Image.new("RGB", (4, 4)), exif=b"MM\0\0 neither one nor the other")


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame(format):
    frames = [Image.new("RGB", (2, 2), colour) for colour in (RED, WHITE)]
    red, green, blue = pixel(frames[0], format=format, save_all=True, append_images=frames[1:])
    assert red > 250 and green < 5 and blue < 5


@pytest.mark.parametrize("format", decoding.FORMATS)
def test_every_format_of_the_list_whatever_the_file_is_called(format):
    red, green, blue = pixel(Image.new("RGB", (16, 16), RED), format=format)
    assert red > 250 and green < 5 and blue < 5


@pytest.mark.parametrize("format", ["EPS", "ICNS", "ICO", "JPEG2000", "PCX", "PDF", "SGI", "TGA"])
def test_no_other_format(format):
    with pytest.raises(UnusableImageError, match=r"^not recognised as AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF or WEBP$"):
        pixel(Image.new("RGB", (16, 16), RED), format=format)


def test_a_single_pixel():
    assert pixel(Image.new("RGB", (1, 1), RED)) == RED
    image = decoding.resize_to_square(Image.new("RGB", (1, 1), RED), side=3)
    assert image.tolist() == [[list(RED)] * 3] * 3
    assert decoding.resize_to_square(Image.new("RGB", (2, 5), RED), side=0).shape == (5, 2, 3)


def test_what_is_no_image():
    with pytest.raises(UnusableImageError, match="^empty file$"):
        decoding.decode(b"")
    with pytest.raises(UnusableImageError, match="^not recognised as"):
        decoding.decode(b"GIF, said the text file")


@pytest.mark.parametrize("format", ["GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_a_file_that_was_cut_off(format):
    file = encode_image(Image.effect_noise((64, 64), 50).convert("RGB"), format)
    for share in (0.5, 0.9):
        with pytest.raises(UnusableImageError, match="^cannot be decoded [(]|^not recognised as"):
            decoding.decode(file[: int(share * len(file))])


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # from 89 million pixels on
def test_a_decompression_bomb_is_not_decoded():
    bomb = bytearray(encode_image(Image.new("1", (1, 1))))
    bomb[16:24] = struct.pack(">II", 10_001, 10_000)  # the size stands in the header, which has a checksum
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    with pytest.raises(UnusableImageError, match="^10001x10000 pixels; at most 89,478,485 are decoded$"):
        decoding.decode(bytes(bomb))


def test_a_size_that_the_header_makes_up():
    bomb = bytearray(encode_image(Image.new("RGB", (8, 8)), "BMP"))
    bomb[18:26] = struct.pack("<ii", 30_000, 30_000)
    with pytest.raises(UnusableImageError, match="^too large: Image size [(]900000000 pixels[)] exceeds limit"):
        decoding.decode(bytes(bomb))
    bomb[18:26] = struct.pack("<ii", 9_000, 9_000)  # an allowed size, but there are no pixels for it
    with pytest.raises(UnusableImageError, match="^cannot be decoded [(]OSError: image file is truncated"):
        decoding.decode(bytes(bomb))


def test_pixels_of_unknown_range_are_set_aside():
    with pytest.raises(UnusableImageError, match="floating-point numbers of unknown range; save it with 8 or 16 bits"):
        pixel(Image.fromarray(np.full((2, 2), 0.5, np.float32)), format="TIFF")
    with pytest.raises(UnusableImageError, match="grey values lie outside 0..65535; save it with 8 or 16 bits"):
        pixel(Image.fromarray(np.full((2, 2), 65536, np.int32)), format="TIFF")
    assert pixel(Image.fromarray(np.full((2, 2), 77 * 256, np.int32)), format="TIFF") == (77, 77, 77)
