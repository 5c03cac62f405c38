"""A folder of everything that goes wrong with images, made into a store: each is used, or set aside with its reason."""

import os
import struct

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images import encode_image as encode
from tf_transfer.data import image_store, store_writer
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import Tolerance

SIDE = 8
RED = (200, 30, 10)


def exif(orientation):
    made = Image.Exif()
    made[0x0112] = orientation
    return made


def bmp_of(side):
    """A BMP file of 8x8 pixels whose header says that it has `side` x `side`."""
    content = bytearray(encode(Image.new("RGB", (8, 8), RED), "BMP"))
    content[18:26] = struct.pack("<ii", side, side)
    return bytes(content)


red, noise = Image.new("RGB", (SIDE, SIDE), RED), Image.effect_noise((64, 64), 50)
clear = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
upper_half = Image.new("RGB", (SIDE, SIDE))
upper_half.paste(RED, (0, 0, SIDE, SIDE // 2))
animation = {"save_all": True, "append_images": [clear, clear]}

# By name: the file, and the colour that its middle left pixel must have in the store.
USED = {
    "plain.png": (encode(red), RED),
    "png named.jpg": (encode(red), RED),
    "no extension": (encode(red), RED),
    "UPPER.JPG": (encode(red), RED),
    "upper.jpg": (encode(red, "BMP"), RED),
    "grey.jpg": (encode(Image.new("L", (SIDE, SIDE), 70), "JPEG"), (70, 70, 70)),
    "cmyk.jpg": (encode(red.convert("CMYK"), "JPEG", quality=100), RED),
    "palette with transparency.gif": (encode(red.quantize(2), "GIF", transparency=0), (255, 255, 255)),
    "transparent.png": (encode(clear), (255, 255, 255)),
    "16 bits.png": (encode(Image.fromarray(np.full((SIDE, SIDE), 70 * 256, np.uint16))), (70, 70, 70)),
    "16 bits.tif": (encode(Image.fromarray(np.full((SIDE, SIDE), 70 * 256, np.uint16)), "TIFF"), (70, 70, 70)),
    # Turned left, its upper half is at the left.
    "turned.jpg": (encode(upper_half, "JPEG", quality=100, subsampling=0, exif=exif(8)), RED),
    "turned.png": (encode(upper_half, "PNG", exif=exif(8)), RED),
    "animated.gif": (encode(red, "GIF", **animation), RED),
    "animated.webp": (encode(red, "WEBP", lossless=True, **animation), RED),
    "animated.png": (encode(red, "PNG", **animation), RED),
    "single pixel.png": (encode(Image.new("RGB", (1, 1), RED)), RED),
    "very long.png": (encode(Image.new("RGB", (1, 20_000), RED)), RED),
    b"caf\xe9.png": (encode(red), RED),
    b"\x1b[2Jclear.png": (encode(red), RED),
    "x" * 251 + ".png": (encode(red), RED),
    "directory.jpg/inside.png": (encode(red), RED),
}
SET_ASIDE = {
    "empty.jpg": (b"", "empty file"),
    "text.jpg": (b"cats are nice", "not recognised as AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF or WEBP"),
    "vector.eps": (encode(red, "EPS"), "not recognised as AVIF, BMP, GIF, JPEG, PNG, PPM, TIFF or WEBP"),
    "truncated.jpg": (encode(noise, "JPEG")[:1500], "cannot be decoded (OSError: image file is truncated"),
    "bomb.bmp": (bmp_of(30_000), "too large: Image size (900000000 pixels) exceeds limit of 178956970 pixels"),
    "lies.bmp": (bmp_of(9_000), "cannot be decoded (OSError: image file is truncated"),
    "floats.tif": (encode(Image.new("F", (4, 4)), "TIFF"), "pixels are floating-point numbers of unknown range"),
    b"\x1b]0;owned\x07\n.jpg": (b"", "empty file"),
}
LINKS = {
    "link outside.png": ("../../../secret.png", "link that leads outside the folder; copy the file itself (cp -L)"),
    "link nowhere.png": ("gone.png", "link that leads nowhere (No such file or directory)"),
    "link to itself.png": ("link to itself.png", "link that leads nowhere ("),
    "link to directory": ("..", "link to a directory; copy its images instead"),
}
NO_IMAGES = ("labels.csv", "README", "more.ZIP", "notes.txt", "report.pdf")
IGNORED = (".hidden.png", "Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX/x.png", ".ipynb_checkpoints/x.png")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Path of a store of three classes, and how it was made; the first and the last class hold good images alone."""
    tmp_path = tmp_path_factory.mktemp("bad")
    for split in ("train", "test"):
        for name, colour in (("a good", (1, 2, 3)), ("z good", (4, 5, 6))):
            write(tmp_path / "images" / split / name, "1.png", encode(Image.new("RGB", (SIDE, SIDE), colour)))
            write(tmp_path / "images" / split / name, "2.png", encode(Image.new("RGB", (SIDE, SIDE), colour)))
        for name, (content, _) in (USED | SET_ASIDE).items():
            write(tmp_path / "images" / split / "odd", os.fsdecode(name), content)
        for name in NO_IMAGES:
            write(tmp_path / "images" / split / "odd", name, b"cats are nice")
        for name in IGNORED:
            write(tmp_path / "images" / split / "odd", name, b"not looked at")
        for name, (target, _) in LINKS.items():
            (tmp_path / "images" / split / "odd" / name).symlink_to(target)
        os.mkfifo(tmp_path / "images" / split / "odd" / "pipe.jpg")
    write(tmp_path, "secret.png", encode(Image.new("RGB", (SIDE, SIDE), (9, 9, 9))))
    path = str(tmp_path / "store")
    source = open_source(f"folder:{tmp_path / 'images'}")
    return path, store_writer.prepare_store(source, path, image_size=SIDE, tolerance=Tolerance(1.0, True))


def write(directory, name, content):
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(content)


def test_each_is_used_or_set_aside_with_its_reason_and_labels_stay_right(prepared):
    path, made = prepared
    store = image_store.ImageStore(path)
    names = sorted(os.fsdecode(name) for name in USED)
    colours = {os.fsdecode(name): colour for name, (_, colour) in USED.items()}
    for split in image_store.SPLITS:
        expected = [(1, 2, 3)] * 2 + [colours[name] for name in names] + [(4, 5, 6)] * 2
        assert store.labels(split).tolist() == [0] * 2 + [1] * len(names) + [2] * 2
        pixels = store.read(split, np.arange(len(expected)))[:, SIDE // 2, 1].astype(int)
        assert np.abs(pixels - expected).max() <= 3  # of lossy formats

    reasons = {line.split("\t")[1]: line.split("\t")[2] for line in made.set_aside}
    wanted = {name: reason for name, (_, reason) in (SET_ASIDE | LINKS).items()} | {
        "pipe.jpg": "not a file, but a pipe"
    }
    wanted[r"\x1b]0;owned\x07\x0a.jpg"] = wanted.pop(b"\x1b]0;owned\x07\n.jpg")
    assert reasons.keys() == {f"{split}/odd/{name}" for split in image_store.SPLITS for name in wanted}
    for name, reason in wanted.items():
        assert reasons[f"train/odd/{name}"].startswith(reason) and reasons[f"test/odd/{name}"].startswith(reason)


def test_what_is_written_of_them_can_be_printed(prepared):
    path, made = prepared
    with open(f"{path}/set_aside.txt", encoding="utf-8") as file:
        text = file.read()
    assert text.startswith("".join(f"{line}\n" for line in made.set_aside))
    left_out = {line.split("\t")[1] for line in text.splitlines()[len(made.set_aside) :]}
    assert left_out == {f"{split}/odd/{name}" for split in image_store.SPLITS for name in NO_IMAGES}
    assert all(part.isprintable() for line in text.split("\n") for part in line.split("\t"))
