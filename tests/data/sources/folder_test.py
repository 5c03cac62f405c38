import os
import shutil

import pytest

from tf_transfer.data.sources.decoding import decode
from tf_transfer.data.sources.folder import open_folder

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
    with pytest.raises(FileNotFoundError, match="dog holds no class directories; expected .*dog/CLASS/IMAGE"):
        open_folder(str(flat / "dog"))
    (flat / "empty").mkdir()
    with pytest.raises(ValueError, match="class 'empty' has no images; add some or remove the directory"):
        open_folder(str(flat))
    (flat / "empty" / "0.jpg").touch()
    with pytest.raises(ValueError, match="class 'empty' has one image; a hold-out needs at least two"):
        open_folder(str(flat))


def test_train_without_test_is_not_taken_for_a_class(image_folder, tmp_path):
    shutil.copytree(image_folder / "train", tmp_path / "train")
    shutil.copytree(image_folder / "test", tmp_path / "val")
    with pytest.raises(FileNotFoundError, match="has train/CLASS.* but no test/CLASS.*; rename or add the test images"):
        open_folder(str(tmp_path))


def test_classes_of_train_and_test_must_be_the_same(image_folder, tmp_path):
    folder = shutil.copytree(image_folder, tmp_path / "pictures")
    shutil.rmtree(folder / "test" / "ship")
    with pytest.raises(ValueError, match=r"train and test must have the same classes, but differ in \['ship'\]"):
        open_folder(str(folder))


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
