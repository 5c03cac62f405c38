import dataclasses
import json
import pathlib
import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.helpers.files import read_files
from tests.helpers.images import one_colour_source
from tf_transfer.data import store_writer
from tf_transfer.data.image_store import ImageStore, StoreMeta
from tf_transfer.data.sources import Example, Source, identity_of, open_source
from tf_transfer.data.store_writer import SourceProblemsError, Tolerance, prepare_store
from tf_transfer.files.checksums import seal_json


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "store")


def test_raw_keeps_every_pixel_and_jpeg_every_image(store, image_folder, path):
    raw = ImageStore(store)
    made = prepare_store(open_source(f"folder:{image_folder}"), path, image_format="jpeg")
    jpeg = ImageStore(path)
    assert made.meta.format == "jpeg" and made.meta.fingerprint != raw.meta.fingerprint
    every = np.arange(72)
    originals = [np.asarray(Image.open(file)) for file in sorted((image_folder / "train").rglob("*.png"))]
    assert np.array_equal(raw.read("train", every), originals)
    difference = jpeg.read("train", every)[:, None].astype(int) - originals
    assert np.abs(difference).mean(axis=(2, 3, 4)).argmin(axis=1).tolist() == every.tolist()  # each most like itself
    assert np.array_equal(jpeg.labels("train"), raw.labels("train"))


def test_statistics_are_those_of_the_training_images(store):
    images = ImageStore(store).read("train", np.arange(72)).reshape(-1, 3)
    meta = ImageStore(store).meta
    np.testing.assert_allclose(meta.channel_mean, images.mean(0), rtol=1e-6)
    np.testing.assert_allclose(meta.channel_std, images.std(0), rtol=1e-6)


def test_images_are_made_square(path):
    prepare_store(one_colour_source(4), path, image_size=3)
    image = ImageStore(path).read("train", np.array([1]))
    assert image.tolist() == [[[[100, 1, 0]] * 3] * 3]


def test_without_a_size_the_first_image_s_width_is_taken(path):
    assert prepare_store(one_colour_source(4), path).meta.image_size == 6


def test_bad_images_are_set_aside_and_labels_stay_right(path):
    made = prepare_store(one_colour_source(300, bad=(0, 101)), path)
    assert made.set_aside == ("train\t0\tOSError: number 0 is torn", "train\t101\tOSError: number 101 is torn")
    assert made.meta.images_per_class == {"train": (149, 149), "test": (1, 1)}
    opened = ImageStore(path)
    images = opened.read("train", np.arange(298))
    assert (images[:, 0, 0, 0] == 100 * opened.labels("train")).all()
    assert images[:, 0, 0, 1].tolist() == [number % 256 for number in range(300) if number not in (0, 101)]
    # Told again when the same store is asked for again.
    again = prepare_store(one_colour_source(300), path)
    assert again.already_there and again.set_aside == made.set_aside and again.meta == made.meta


def test_more_than_one_in_a_hundred_bad_images(path):
    with pytest.raises(ValueError, match="4 of 302 images .* the first is 0: OSError: number 0 is torn; .*share=0.02"):
        prepare_store(one_colour_source(300, bad=(0, 1, 2, 3)), path)
    with pytest.raises(FileNotFoundError):
        ImageStore(path)
    # Mended, it is prepared under the same name.
    assert not prepare_store(one_colour_source(300), path).already_there


def test_all_that_is_wrong_is_listed_and_a_call_that_allows_it_goes_on(path, monkeypatch):
    source = one_colour_source(60, bad=(0, 5, 7))
    loaded = []

    def examples(split):
        for example in source.examples(split):
            yield dataclasses.replace(example, load=lambda e=example: loaded.append(e.name) or e.load())

    watched = dataclasses.replace(source, examples=examples)
    with pytest.raises(SourceProblemsError, match="3 of 62 .*--max_bad_share=0.05 .*store.partial/problems.txt"):
        prepare_store(watched, path, image_size=4)
    listed = pathlib.Path(f"{path}.partial/problems.txt").read_text().splitlines()
    assert [line.split("\t")[2] for line in listed] == ["0", "5", "7"]
    loaded.clear()
    made = prepare_store(watched, path, image_size=4, tolerance=Tolerance(max_bad_share=0.05))
    assert not loaded and len(made.set_aside) == 3 and not pathlib.Path(f"{path}.partial").exists()
    assert not (pathlib.Path(path) / "problems.txt").exists()
    other = prepare_store(source, f"{path}2", image_size=4, tolerance=Tolerance(max_bad_share=0.05))
    assert made == other and read_files(path) == read_files(f"{path}2")


def test_a_source_that_was_changed_for_its_problems_begins_anew(path):
    with pytest.raises(SourceProblemsError):
        prepare_store(one_colour_source(60, bad=(0, 5, 7)), path)
    with pytest.raises(SourceProblemsError, match="2 of 59 "):
        prepare_store(one_colour_source(57, bad=(0, 5)), path)
    assert prepare_store(one_colour_source(56), path).meta.images_per_class["train"] == (28, 28)


def test_a_source_that_is_hopeless_is_not_read_to_its_end(path, monkeypatch):
    monkeypatch.setattr(store_writer, "_CHUNK", 100)
    monkeypatch.setattr(store_writer, "_HOPELESS", 200)
    source = one_colour_source(1000, bad=range(1, 900))
    with pytest.raises(SourceProblemsError, match="199 of 200 images cannot be used((?!without any).)*$"):
        prepare_store(source, path)
    made = prepare_store(source, path, tolerance=Tolerance(max_bad_share=1.0))
    assert len(made.set_aside) == 899


def coloured_source(**splits):
    """A source of one-coloured pictures in two classes; each split is a list of (label, blue)."""

    def examples(split):
        for number, (label, blue) in enumerate(splits[split]):
            picture = Image.new("RGB", (4, 4), (0, 0, blue))
            yield Example(f"{split}/{number}.png", label, lambda picture=picture: picture)

    counts = {split: len(images) for split, images in splits.items()}
    return Source("coloured", str(splits), ("a", "b"), counts, examples)


def test_the_same_picture_in_two_splits(path):
    train, test = [(0, 1), (1, 2), (0, 3), (0, 3)], [(0, 1), (1, 9)]
    source = coloured_source(train=train, test=test)
    with pytest.raises(SourceProblemsError, match="1 of 2 test images are train images too.*--allow_duplicates"):
        prepare_store(source, path)
    made = prepare_store(source, path, tolerance=Tolerance(allow_duplicates=True))
    assert made.duplicates.leaked == {"test": 1} and made.duplicates.copies == 1
    assert (pathlib.Path(path) / "duplicates.txt").read_text().splitlines() == [
        "across splits\ttrain: train/0.png (a)\ttest: test/0.png (a)",
        "within a class\ttrain: train/2.png (a)\ttrain: train/3.png (a)",
    ]
    again = prepare_store(source, path)  # it stands there, as it was allowed
    assert again.duplicates == made.duplicates and "1 of 2 test images" in again.cautions()[0]


def test_the_same_picture_in_two_classes(path):
    source = coloured_source(train=[(0, 1), (1, 1), (1, 2)], test=[(0, 8), (1, 9)])
    with pytest.raises(SourceProblemsError, match="2 of 5 images are the same picture in two classes"):
        prepare_store(source, path)


def test_few_duplicates_are_said_and_do_not_stop_the_work(path):
    test = [(0, 255), *((number % 2, 100 + number) for number in range(1, 102))]
    source = coloured_source(train=[(0, 255), (1, 3)], test=test)
    made = prepare_store(source, path)
    assert made.duplicates.leaked == {"test": 1} and "1 of 102 test images are train images too" in made.cautions()


def test_validation_images_are_a_split_of_the_store(path, monkeypatch):
    splits = {"train": [(0, 1), (1, 2)], "test": [(0, 3), (1, 4)], "val": [(1, 5), (1, 6)]}
    made = prepare_store(coloured_source(**splits), path)
    assert made.meta.images_per_class == {"train": (1, 1), "test": (1, 1), "val": (0, 2)}
    store = ImageStore(path)
    assert store.meta.splits == ("train", "test", "val") and store.labels("val").tolist() == [1, 1]
    assert store.read("val", np.arange(2))[:, 0, 0, 2].tolist() == [5, 6]
    without = prepare_store(coloured_source(train=splits["train"], test=splits["test"]), f"{path}2").meta
    assert without.fingerprint != made.meta.fingerprint
    leaked = coloured_source(**splits | {"val": [(0, 1), (1, 4)]})
    with pytest.raises(SourceProblemsError, match="1 of 2 test images are train or val .* 1 of 2 val images are train"):
        prepare_store(leaked, f"{path}3")


def test_the_names_of_images_are_kept(path):
    prepare_store(one_colour_source(300, bad=(0, 101)), path)
    store = ImageStore(path)
    assert store.names("train") == tuple(str(number) for number in range(300) if number not in (0, 101))
    assert store.names("test") == ("0", "1")
    renamed = dataclasses.replace(one_colour_source(300, bad=(0, 101)), name="others")

    def examples(split):
        for example in one_colour_source(300, bad=(0, 101)).examples(split):
            yield dataclasses.replace(example, name=f"\u00e9 {example.name}")

    other = prepare_store(dataclasses.replace(renamed, examples=examples), f"{path}2").meta
    assert ImageStore(f"{path}2").names("test") == ("\u00e9 0", "\u00e9 1")
    assert other.fingerprint == store.meta.fingerprint


@pytest.mark.parametrize(
    "resize, side, column", [("squash", 6, [100] * 6), ("crop", 4, [100] * 4), ("pad", 6, [0] + [100] * 4 + [0])]
)
def test_shapes(path, resize, side, column):
    made = prepare_store(one_colour_source(4), path, resize=resize)
    assert (made.meta.resize, made.meta.image_size) == (resize, side)
    assert ImageStore(path).read("train", np.array([1]))[0, :, side // 2, 0].tolist() == column
    with pytest.raises(FileExistsError, match="its resize: "):
        prepare_store(one_colour_source(4), path, resize="pad" if resize == "crop" else "crop")


def test_the_way_of_resizing_is_part_of_the_fingerprint(path):
    square = dataclasses.replace(one_colour_source(4), name="square")
    metas = [prepare_store(square, f"{path}{how}", image_size=1, resize=how).meta for how in ("squash", "crop")]
    assert metas[0].fingerprint != metas[1].fingerprint
    fields = msgspec.structs.asdict(metas[0])
    del fields["resize"]  # as stores were described before there was a choice
    assert msgspec.convert(fields, StoreMeta).fingerprint == metas[0].fingerprint


def test_a_store_without_names_and_a_way_of_resizing_is_read(store, tmp_path):
    path = pathlib.Path(shutil.copytree(store, tmp_path / "earlier"))
    fields = json.loads((path / "meta.json").read_text())
    del fields["sha256"], fields["resize"]
    for split in ("train", "test"):
        del fields["files"][f"{split}_names.txt"]
        (path / f"{split}_names.txt").unlink()
    (path / "meta.json").write_text(json.dumps(seal_json(fields)))
    earlier = ImageStore(path)
    assert earlier.meta.fingerprint == ImageStore(store).meta.fingerprint
    assert earlier.names("test")[:2] == ("test[0]", "test[1]")


def test_imbalanced_classes_are_said(path):
    source = coloured_source(train=[(0, 1), (0, 2), (0, 3), (1, 4)], test=[(0, 5), (0, 6), (0, 7), (1, 8)])
    assert "'a' is right for 75.0%" in prepare_store(source, path).cautions()[0]


def test_a_class_without_usable_images(path):
    source = one_colour_source(300)
    one_class = Source("x", "", ("dark", "light", "blue"), source.counts, source.examples)
    with pytest.raises(ValueError, match="class 'blue' without any usable train image; .*'blue' .* test image; "):
        prepare_store(one_class, path)


def test_nothing_that_can_be_decoded(path):
    with pytest.raises(ValueError, match="none of the images of colours can be decoded"):
        prepare_store(one_colour_source(2, bad=(0, 1)), path)


def test_progress_counts_every_image(path):
    steps = []
    prepare_store(one_colour_source(300, bad=(7,)), path, on_progress=steps.append)
    assert steps[0] == 0 and steps[-1] == 302 and steps == sorted(steps)


def test_what_is_there_is_never_overwritten(store, image_folder, tmp_path):
    source = open_source(f"folder:{image_folder}")
    assert prepare_store(source, store).already_there
    assert prepare_store(source, store, image_size=32).already_there
    for options, message in (
        ({"image_size": 16}, "its image_size: 32 there, 16 now"),
        ({"image_format": "jpeg"}, "its format: 'raw' there, 'jpeg' now"),
    ):
        with pytest.raises(FileExistsError, match=f"is another store [(]{message}[)]; choose another --out"):
            prepare_store(source, store, **options)
    with pytest.raises(FileExistsError, match="its source: 'folder:pictures' there, 'colours' now"):
        prepare_store(one_colour_source(2), store)
    same_name = dataclasses.replace(source, identity=identity_of([("cat/01.png", 99)]))
    with pytest.raises(
        FileExistsError, match="another store .its source's files had other names or sizes when it was made"
    ):
        prepare_store(same_name, store)
    shutil.copy(__file__, tmp_path)
    with pytest.raises(FileExistsError, match="exists and is not an image store; choose another --out or remove it"):
        prepare_store(source, str(tmp_path))


def test_wrong_arguments(path):
    with pytest.raises(ValueError, match=r"unknown format 'gif': expected one of \('raw', 'jpeg'\)"):
        prepare_store(one_colour_source(2), path, image_format="gif")
    for size in (-1, 4097):
        with pytest.raises(ValueError, match=f"image_size must be 0 or a number of pixels up to 4096, got {size}"):
            prepare_store(one_colour_source(2), path, image_size=size)


def test_what_is_not_the_images_fault_stops_the_work(path, monkeypatch):
    def fail(*_):
        raise OSError("no process can be started")

    monkeypatch.setattr(store_writer.DecoderPool, "decode", fail)
    with pytest.raises(OSError, match="no process can be started"):
        prepare_store(one_colour_source(300), path, image_size=4)


@pytest.mark.parametrize("image_format", ["raw", "jpeg"])
def test_whatever_stopped_it_the_same_call_goes_on_to_the_same_store(tmp_path, path, monkeypatch, image_format):
    monkeypatch.setattr(store_writer, "_CHUNK", 100)
    prepare_store(one_colour_source(500, bad=(7, 320)), str(tmp_path / "whole"), image_format=image_format)
    with pytest.raises(KeyboardInterrupt):
        prepare_store(one_colour_source(500, bad=(7, 320), stop=480), path, image_format=image_format)
    assert not pathlib.Path(path).exists()
    partial = pathlib.Path(f"{path}.partial")
    journal = (partial / "journal.jsonl").read_text()
    done = 100 * (journal.count("\n") - 1)
    assert done == 200  # of 224 records, the other 256 waited to be written
    # As a power cut leaves it: half a line, and images that no line accounts for.
    (partial / "journal.jsonl").write_text(journal + '{"split": "train", "exam')
    with open(partial / f"train.{image_format}", "ab") as file:
        file.write(b"torn")
    steps, loaded = [], []
    source = one_colour_source(500, bad=(7, 320))

    def examples(split):
        for number, example in enumerate(source.examples(split)):
            yield dataclasses.replace(example, load=lambda n=number, e=example: loaded.append((split, n)) or e.load())

    prepare_store(
        dataclasses.replace(source, examples=examples), path, image_format=image_format, on_progress=steps.append
    )
    assert read_files(path) == read_files(tmp_path / "whole")
    assert steps == [200, 300, 400, 500, 502]
    train = {number for split, number in loaded if split == "train"} - {0}  # number 0 tells the side
    assert train == set(range(200, 500))


def test_what_was_begun_from_something_else_is_not_gone_on_with(path, monkeypatch):
    monkeypatch.setattr(store_writer, "_CHUNK", 10)
    with pytest.raises(KeyboardInterrupt):
        prepare_store(one_colour_source(300, stop=299), path)
    with pytest.raises(
        FileExistsError, match=r"store.partial .* begun from something else [(]other image_size, format[)]"
    ):
        prepare_store(one_colour_source(300), path, image_size=5, image_format="jpeg")
    with pytest.raises(
        FileExistsError, match=r"other files\); go on with the command that began it, or remove the directory"
    ):
        prepare_store(one_colour_source(301), path)
    assert not prepare_store(one_colour_source(300), path).already_there


def test_images_that_were_written_and_are_gone(path, monkeypatch):
    monkeypatch.setattr(store_writer, "_CHUNK", 10)
    with pytest.raises(KeyboardInterrupt):
        prepare_store(one_colour_source(300, stop=299), path)
    with open(f"{path}.partial/train.raw", "r+b") as file:
        file.truncate(100)
    with pytest.raises(
        ValueError, match="train.raw has lost images that were written; remove .*partial and begin again"
    ):
        prepare_store(one_colour_source(300), path)


def test_two_at_once(path):
    def examples(split):
        with pytest.raises(FileExistsError, match="another process is preparing .*store.partial; wait for it"):
            prepare_store(one_colour_source(4), path, image_size=6)
        return one_colour_source(4).examples(split)

    prepare_store(dataclasses.replace(one_colour_source(4), examples=examples), path, image_size=6)


@pytest.mark.parametrize("image_format, needs", [("raw", "196.6 GB as raw"), ("jpeg", "36.0 GB as jpeg")])
def test_no_room_on_the_disk(path, monkeypatch, image_format, needs):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12 - 10**10, 10**10))
    source = dataclasses.replace(one_colour_source(2), counts={"train": 950_000, "test": 50_000})
    with pytest.raises(
        OSError, match=f"1,000,000 images of 256x256 pixels need about {needs}, and .* 10.0 GB free; make"
    ) as error:
        prepare_store(source, path, 256, image_format)
    assert str(error.value).endswith("--format=jpeg, which takes a fifth of the space") == (image_format == "raw")
    assert not pathlib.Path(f"{path}.partial").exists()
