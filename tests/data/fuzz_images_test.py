"""Whole image stores made of good and of damaged files: nothing crashes or hangs, and every label stays right."""

import collections
import os
import pathlib
import time

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images import encode_image as encode
from tf_transfer.data import image_store, store_writer
from tf_transfer.data.sources import decoder_pool, open_source

CLASSES, SIDE = 7, 8
LOSSLESS = [
    ("PNG", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("PPM", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {"compression": "tiff_lzw"}),
]
# A folder of photographs to damage too, where there is one.
PHOTOGRAPHS = os.environ.get("TF_TRANSFER_PHOTOGRAPHS", "")


def originals():
    """Images of all formats and modes that are decoded, as bytes."""
    noise = Image.effect_noise((40, 30), 60)
    colour = Image.merge("RGB", [noise, noise.rotate(90, expand=False), noise.transpose(Image.Transpose.ROTATE_180)])
    clear = colour.copy()
    clear.putalpha(noise)
    palette = colour.quantize(16)
    frames = {"save_all": True, "append_images": [colour.rotate(90), colour.rotate(180)]}
    deep = Image.fromarray(np.asarray(noise).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield from (encode(colour, format) for format in ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"))
    yield from (encode(colour, format, **frames) for format in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"))
    yield from (encode(clear, format) for format in ("PNG", "WEBP", "TIFF", "AVIF"))
    yield from (encode(colour, format, exif=exif) for format in ("JPEG", "PNG", "WEBP", "TIFF"))
    yield from (encode(noise, format) for format in ("JPEG", "PNG", "PPM", "TIFF", "BMP"))
    yield from (encode(noise.convert("1"), format) for format in ("PNG", "PPM", "TIFF", "BMP"))
    yield from (encode(palette, format, transparency=3) for format in ("PNG", "GIF"))
    yield from (encode(deep, format) for format in ("PNG", "TIFF", "PPM"))
    yield from (encode(colour.convert("CMYK"), format) for format in ("JPEG", "TIFF"))
    yield from (encode(colour, "JPEG", **options) for options in ({"progressive": True}, {"subsampling": 0}))
    compressions = ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    yield from (encode(colour, "TIFF", compression=compression) for compression in compressions)
    yield encode(noise.convert("1"), "TIFF", compression="group4")
    yield encode(colour, "WEBP", lossless=True)
    yield encode(clear.convert("LA"), "PNG")
    if PHOTOGRAPHS:
        files = sorted(file for file in pathlib.Path(PHOTOGRAPHS).rglob("*") if file.is_file())
        yield from (file.read_bytes() for file in files[:: max(1, len(files) // 200)])


def damage(rng, content, other):
    """Changes a file in one or a few ways, near its beginning more often than elsewhere."""
    content = bytearray(content)
    for _ in range(rng.geometric(0.5)):
        place = int(len(content) * rng.random() ** rng.choice([1, 4]))
        match rng.integers(8):
            case 0:
                content[place : place + 1] = rng.bytes(1)
            case 1:
                content[place : place + 1] = bytes(byte ^ (1 << rng.integers(8)) for byte in content[place : place + 1])
            case 2:
                content[place : place + 4] = rng.choice(
                    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\1\0"]
                )
            case 3:
                del content[place : place + rng.integers(1, 100)]
            case 4:
                content[place:place] = content[place : place + rng.integers(1, 100)]
            case 5:
                content[place:place] = rng.bytes(rng.integers(1, 20))
            case 6:
                del content[place:]
            case 7:
                content[place:] = other[int(len(other) * rng.random()) :]
    return bytes(content)


def write_folder(root, rng, num_good, num_damaged):
    """Writes train/CLASS/* and test/CLASS/* and returns the colour of each good file by its name."""
    seeds, colours = list(originals()), {}
    for number in rng.permutation(num_good + num_damaged):
        split, label = ("test", number % CLASSES) if number % 10 == 0 else ("train", rng.integers(CLASSES))
        name = f"{split}/class {label}/{rng.integers(10**9):09}_{number}.jpg"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if number < num_good:
            colours[name] = [int(number) % 251, int(number) // 251, int(label)]
            format, options = LOSSLESS[number % len(LOSSLESS)]
            (root / name).write_bytes(encode(Image.new("RGB", (SIDE, SIDE), tuple(colours[name])), format, **options))
        else:
            one, other = rng.integers(len(seeds), size=2)
            (root / name).write_bytes(damage(rng, seeds[one], seeds[other]))
    return colours


def make_store_of_damaged_files(root, seed, num_good, num_damaged):
    """Makes one store, checks every label and every good image in it, and counts what became of the damaged files."""
    colours = write_folder(root / "images", np.random.default_rng(seed), num_good, num_damaged)
    source, tolerance = open_source(f"folder:{root / 'images'}"), store_writer.Tolerance(1.0, allow_duplicates=True)
    made = store_writer.prepare_store(source, str(root / "store"), image_size=SIDE, tolerance=tolerance)
    reasons = dict(line.split("\t")[1:] for line in made.set_aside)
    assert len(reasons) == len(made.set_aside) and not reasons.keys() & colours.keys()
    store, num_used = image_store.ImageStore(root / "store"), 0
    for split in image_store.SPLITS:
        files = sorted(file for file in (root / "images" / split).rglob("*.jpg"))
        names = [name for name in (str(file.relative_to(root / "images")) for file in files) if name not in reasons]
        assert store.labels(split).tolist() == [int(name.split("/")[1].removeprefix("class ")) for name in names]
        pixels = store.read(split, np.arange(len(names)))
        for name, image in zip(names, pixels, strict=True):
            assert name not in colours or (image == colours[name]).all(), name
        num_used += len(names)
    assert num_used + len(reasons) == num_good + num_damaged
    outcomes = collections.Counter(reason.split(" (")[0].split(":")[0] for reason in reasons.values())
    return outcomes | {"used": num_used - num_good}


def test_damaged_files_shift_no_label(tmp_path):
    outcomes = make_store_of_damaged_files(tmp_path, seed=0, num_good=300, num_damaged=600)
    assert outcomes["used"] > 100 and outcomes["cannot be decoded"] > 100
    assert not [reason for reason in outcomes if "crash" in reason or "longer" in reason]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_many_damaged_files_shift_no_label(tmp_path, seed):
    start = time.monotonic()
    outcomes = make_store_of_damaged_files(tmp_path, seed, num_good=1000, num_damaged=3000)
    print(f"seed {seed}, {time.monotonic() - start:.0f} s: {dict(outcomes)}")  # BUILD.md cites their sums
    assert time.monotonic() - start < 10 * decoder_pool.SECONDS
