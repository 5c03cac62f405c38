import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tf_transfer.data.sources import SourceOptions, folder
from tf_transfer.data.sources.decoding import decode
from tf_transfer.files import child_process


def open_folder(directory, **options):
    return folder.open_folder(directory, SourceOptions(**options))


COUNT = {"cat": 10, "dog": 3, "train": 2}


@pytest.fixture
def flat(tmp_path):
    """A folder CLASS/* without train and test; the files are never decoded here."""
    for name, count in COUNT.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.jpg").touch()
    return tmp_path


def names(source, split):
    return [example.name for example in source.examples(split)]


def test_train_and_test_in_sorted_order(image_folder):
    source = open_folder(str(image_folder))
    assert source.class_names == ("bird", "cat", "deer", "ship", "train", "truck")
    assert names(source, "test")[:5] == [f"test/bird/{number}.png" for number in (12, 13, 14, 15)] + ["test/cat/12.png"]
    assert [example.label for example in source.examples("test")] == [label for label in range(6) for _ in range(4)]
    assert decode(next(iter(source.examples("train"))).load()).size == (32, 32)


@pytest.mark.parametrize("share, of_cat, of_dog", [(0.2, 2, 1), (0.5, 5, 1), (0.0, 1, 1), (1.0, 9, 2)])
def test_hold_out_leaves_each_class_images_on_both_sides(flat, share, of_cat, of_dog):
    source = open_folder(str(flat), holdout=share)
    test = [name.split("/")[0] for name in names(source, "test")]
    assert (test.count("cat"), test.count("dog"), test.count("train")) == (of_cat, of_dog, 1)
    both = names(source, "train") + names(source, "test")
    assert sorted(both) == sorted(f"{name}/{number}.jpg" for name, count in COUNT.items() for number in range(count))


def test_hold_out_depends_on_the_seed_alone(flat):
    def held_out(seed):
        return names(open_folder(str(flat), holdout=0.5, seed=seed), "test")

    assert held_out(0) == held_out(0) != held_out(1)


def test_hidden_files_are_no_images_and_subfolders_are_searched(flat):
    (flat / ".git").mkdir()
    (flat / "cat" / ".DS_Store").touch()
    (flat / "cat" / "more").mkdir()
    (flat / "cat" / "more" / "0.jpg").touch()
    source = open_folder(str(flat))
    assert source.class_names == ("cat", "dog", "train")
    assert sum(source.counts.values()) == 10 + 3 + 2 + 1


def test_folders_that_are_no_source(tmp_path, flat):
    with pytest.raises(FileNotFoundError, match="there is no folder '.*nowhere'; expected DIR/train/CLASS"):
        open_folder(str(tmp_path / "nowhere"))
    (tmp_path / "pictures.zip").touch()
    with pytest.raises(FileNotFoundError, match="pictures.zip' is a file; unpack it"):
        open_folder(str(tmp_path / "pictures.zip"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(FileNotFoundError, match="nothing holds no class directories; expected .*nothing/CLASS/IMAGE"):
        open_folder(str(tmp_path / "nothing"))


def make(root, *names):
    """Empty files, which are never decoded here; a number at the end of a name makes so many of it."""
    for name in names:
        path, _, count = name.partition(" x")
        for number in range(int(count or 1)):
            file = root / (f"{path}/{number}.jpg" if count else path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return str(root)


@pytest.mark.parametrize(
    "train, test",
    [
        ("Training", "Testing"),
        ("TRAIN", "Valid"),
        ("train_images", "test_images"),
        ("TrainSet", "testset"),
        ("imgs-train", "imgs-validation"),
        ("train2017", "val2017"),
        ("train", "test1"),
        ("pets_train/pets_train", "pets_test/pets_test"),
        ("data/train", "data/test"),
        ("a/b/c/training_set", "a/b/c/test_set"),
        ("train/images", "test/images"),
        ("trainval", "test"),
    ],
)
def test_splits_under_their_usual_names_and_further_down(tmp_path, train, test):
    source = open_folder(make(tmp_path, *(f"{split}/{name} x2" for split in (train, test) for name in ("cat", "dog"))))
    assert source.class_names == ("cat", "dog") and source.counts == {"train": 4, "test": 4}
    assert names(source, "train")[:2] == [f"{train}/cat/0.jpg", f"{train}/cat/1.jpg"]


def test_splits_within_each_class(tmp_path):
    root = make(tmp_path, *(f"{name}/{split} x2" for name in ("cat", "dog") for split in ("Train", "Val", "test")))
    source = open_folder(root)
    assert source.class_names == ("cat", "dog") and source.counts == {"train": 4, "test": 4, "val": 4}


def test_directories_beside_the_splits_are_said_to_be_unused(tmp_path):
    root = make(tmp_path, "train/a x2", "train/b x2", "test/a x1", "test/b x1", "pred x3", "models/net.h5")
    source = open_folder(root)
    assert source.counts == {"train": 4, "test": 2} and any("models, pred" in note for note in source.notes)


def test_what_is_no_image_beside_the_images_directory(tmp_path):
    root = make(tmp_path, "images/a x2", "images/b x2", "annotations/a/0.xml")
    assert open_folder(root).class_names == ("a", "b")


def test_validation_images_are_test_images_where_there_are_no_others(tmp_path):
    source = open_folder(make(tmp_path, "train/a x3", "train/b x3", "validation/a x1", "validation/b x2"))
    assert names(source, "test") == ["validation/a/0.jpg", "validation/b/0.jpg", "validation/b/1.jpg"]
    assert any("validation" in note for note in source.notes) and source.counts == {"train": 6, "test": 3}


def test_validation_images_are_a_split_of_their_own_beside_test_images(tmp_path):
    root = make(tmp_path, *(f"{split}/{name} x2" for split in ("train", "val", "test") for name in "ab"), "val/c x3")
    source = open_folder(root)
    assert source.counts == {"train": 4, "test": 4, "val": 4} and source.class_names == ("a", "b")
    assert names(source, "val") == ["val/a/0.jpg", "val/a/1.jpg", "val/b/0.jpg", "val/b/1.jpg"]
    assert any(note.startswith("val:") for note in source.notes) and any("left out: c" in note for note in source.notes)


def test_training_images_alone_are_divided(tmp_path):
    source = open_folder(make(tmp_path, "train/a x5", "train/b x5"), holdout=0.4)
    assert source.counts == {"train": 6, "test": 4} and "hold-out 0.4" in source.name


def test_test_images_without_classes_have_no_labels(tmp_path):
    source = open_folder(make(tmp_path, "train/a x5", "train/b x5", "test x7"))
    assert source.counts == {"train": 8, "test": 2} and any("7 files have no labels" in note for note in source.notes)


def test_test_images_alone_train_nothing(tmp_path):
    with pytest.raises(ValueError, match="val and test|test and val"):
        open_folder(make(tmp_path, "val/a x2", "val/b x2", "test/a x2", "test/b x2"))


def test_two_directories_for_one_split(tmp_path):
    with pytest.raises(ValueError, match="several directories that may be the same split .*train, train_images"):
        open_folder(make(tmp_path, "train/a x2", "train_images/a x2", "test/a x2"))


def test_lone_wrapping_directories_are_looked_through(tmp_path):
    source = open_folder(
        make(tmp_path, "a/b/Pictures/cat x2", "a/b/Pictures/dog x2", "a/b/README.md", "a/.hidden/x.jpg")
    )
    assert source.class_names == ("cat", "dog") and any("a/b/Pictures" in note for note in source.notes)


def test_classes_of_directories_are_refused_with_what_was_seen(tmp_path):
    root = make(tmp_path, "animals/cat x2", "animals/dog x2", "vehicles/car x2", "vehicles/bus x2", "plants x3")
    with pytest.raises(ValueError, match=r"animals \(cat, dog\); vehicles \(bus, car\)"):
        open_folder(root)


def test_several_data_sets_beside_each_other_are_refused(tmp_path):
    root = make(
        tmp_path, *(f"v{version}/{split}/{name} x2" for version in "12" for split in ("train", "test") for name in "ab")
    )
    with pytest.raises(ValueError, match=r"v1 \(test, train\); v2 \(test, train\)"):
        open_folder(root)


def test_a_folder_without_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no images, only 2 other files"):
        open_folder(make(tmp_path, "a/1.txt", "b/2.csv"))


def test_one_directory_within_each_class_is_looked_through(tmp_path):
    root = make(tmp_path, "train/n01/images x2", "train/n02/images x2", "test/n01 x1", "test/n02 x1")
    assert open_folder(root).counts == {"train": 4, "test": 2}


def test_one_class_is_no_task(tmp_path):
    with pytest.raises(ValueError, match=r"1 class \(cat\).*at least two classes"):
        open_folder(make(tmp_path, "train/cat x9", "test/cat x3"))


def test_all_rare_classes_are_named_at_once_and_can_be_left_out(tmp_path):
    root = make(tmp_path, "a x9", "b x1", "c x9", "d x2")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"2 of 5 classes .*: b \(1\), empty \(0\); .*--min_images_per_class=2"):
        open_folder(root)
    assert open_folder(root, min_images_per_class=2).class_names == ("a", "c", "d")
    source = open_folder(root, min_images_per_class=3)
    assert source.class_names == ("a", "c") and any("b (1), d (2), empty (0)" in note for note in source.notes)
    assert [example.label for example in source.examples("test")] == [0, 1]


def test_classes_that_are_not_in_both_splits(tmp_path):
    root = make(tmp_path, "train/a x9", "train/b x9", "train/c x1", "test/a x2", "test/b x2", "test/d x2")
    with pytest.raises(ValueError, match=r"c \(1 train, 0 test\), d \(0 train, 2 test\); .*--min_images_per_class=1"):
        open_folder(root)
    assert open_folder(root, min_images_per_class=1).class_names == ("a", "b")


def test_labels_in_file_names_can_be_written_to_a_csv_by_the_command_that_is_shown(tmp_path):
    directory = tmp_path / "my pictures"
    root = make(directory, "cat.0.jpg", "cat.1.jpg", "big_dog (12).jpg", "big_dog (3).jpg")
    with pytest.raises(FileNotFoundError) as error:
        open_folder(root)
    command = str(error.value).split("this writes one: ")[1].replace("python", shlex.quote(sys.executable), 1)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert open_folder(root, labels=str(tmp_path / "labels.csv")).class_names == ("big_dog", "cat")


def test_class_names_are_composed(tmp_path):
    root = make(tmp_path, "train/cafe\u0301 x2", "train/zoo x2", "test/caf\u00e9 x2", "test/zoo x2")
    assert open_folder(root).class_names == ("caf\u00e9", "zoo")


def test_names_do_not_depend_on_the_locale(tmp_path):
    root = make(tmp_path, "caf\u00e9 x2", "zoo x2")
    code = "from tf_transfer.data.sources import open_source; source = open_source({!r}); "
    code += "print(ascii([source.class_names, *sorted(e.name for s in source.counts for e in source.examples(s))]))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code.format(f"folder:{root}")], capture_output=True, text=True, check=True,
            env=child_process.environment(LC_ALL="C", PYTHONUTF8=utf8, PYTHONCOERCECLOCALE="0"),
        ).stdout
        for utf8 in "01"
    }  # fmt: skip
    assert len(found) == 1 and "'caf\\xe9', 'zoo'" in found.pop()


def test_home_is_expanded(tmp_path, monkeypatch):
    make(tmp_path / "pictures", "a x2", "b x2")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_folder("~/pictures").class_names == ("a", "b")


@pytest.mark.parametrize(
    "name, shown", [(b"caf\xe9", r"caf\xe9"), (b"\x1b[31m", r"\x1b[31m"), (b"a\nb", r"a\x0ab"), (b"..c", None)]
)
def test_class_names_can_be_printed(flat, name, shown):
    shutil.copytree(flat / "dog", flat / os.fsdecode(name))
    names = open_folder(str(flat)).class_names
    assert (shown in names and len(names) == 4) if shown else names == ("cat", "dog", "train")


def test_two_classes_that_are_written_alike(flat):
    shutil.copytree(flat / "dog", flat / "\x1b")
    shutil.copytree(flat / "dog", flat / r"\x1b")
    with pytest.raises(ValueError, match="two classes are written .*x1b'; rename one of them"):
        open_folder(str(flat))


def test_class_names_that_differ_in_case_alone_are_two_classes(flat):
    shutil.copytree(flat / "dog", flat / "Dog")
    assert open_folder(str(flat)).class_names == ("Dog", "cat", "dog", "train")


def test_links_to_directories_are_refused(flat, image_folder, tmp_path_factory):
    (flat / "linked").symlink_to(image_folder / "train" / "cat")
    message = r"linked is a link, which may lead anywhere; put the directory itself there \(cp -rL\)"
    with pytest.raises(ValueError, match=message):
        open_folder(str(flat))
    other = tmp_path_factory.mktemp("other")
    for split in ("train", "test"):
        (other / split).symlink_to(image_folder / split)
    with pytest.raises(ValueError, match="train is a link, which may lead anywhere"):
        open_folder(str(other))
