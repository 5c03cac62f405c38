"""A folder of images as a source: DIR/train/CLASS/* and DIR/test/CLASS/*, or DIR/CLASS/* with a hold-out."""

from __future__ import annotations

import math
import pathlib

import numpy as np

from tf_transfer.data.sources import Example, Source, identity_of
from tf_transfer.data.sources.image_files import FoundFile, find_files, is_ignored
from tf_transfer.files.printable import printable


def open_folder(directory: str, holdout: float = 0.2, seed: int = 0) -> Source:
    """Finds the images of a folder. Label order is the sorted order of the class directories' names.

    Hidden files and those of operating systems are ignored; everything else below a class directory should be an image.
    Nothing outside the folder is read: links that lead there are set aside.

    Args:
      directory: Holds `train/CLASS/*` and `test/CLASS/*`, or `CLASS/*`.
      holdout: Without `train` and `test`: share of each class that is held out as test images, at least one.
      seed: Seed of that choice.

    Raises:
      FileNotFoundError: The folder does not exist, or there are no classes in it.
      ValueError: A class has no images or is a link, or the classes of `train` and `test` differ.
    """
    root = pathlib.Path(directory)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {directory!r}; expected DIR/train/CLASS/* or DIR/CLASS/*")
    name = f"folder:{printable(root.resolve().name)}"
    if (root / "train").is_dir() and (root / "test").is_dir():
        files = {}
        for split in ("train", "test"):
            _refuse_link(root / split)
            files[split] = _files_by_class(root / split, root)
    elif (root / "train").is_dir() and any(entry.is_dir() for entry in (root / "train").iterdir()):
        # A class may be called `train`, but then it holds images.
        raise FileNotFoundError(f"{directory} has train/CLASS/* but no test/CLASS/*; rename or add the test images")
    else:
        files = _hold_out(_files_by_class(root, root), holdout, seed)
        name += f" (hold-out {holdout:g}, seed {seed})"
    class_names = tuple(files["train"])
    if set(class_names) != set(files["test"]):
        odd = sorted(set(class_names) ^ set(files["test"]))
        raise ValueError(f"{directory}: train and test must have the same classes, but differ in {odd[:5]}")
    found = [file.path for classes in files.values() for paths in classes.values() for file in paths]
    return Source(
        name=name,
        identity=identity_of((str(path.relative_to(root)), path.lstat().st_size) for path in found),
        class_names=class_names,
        counts={split: sum(map(len, classes.values())) for split, classes in files.items()},
        examples=lambda split: _examples(root, files[split], class_names),
    )


def _files_by_class(directory: pathlib.Path, root: pathlib.Path) -> dict[str, list[FoundFile]]:
    classes = sorted(entry for entry in directory.iterdir() if entry.is_dir() and not is_ignored(entry.name))
    if not classes:
        raise FileNotFoundError(f"{directory} holds no class directories; expected {directory}/CLASS/IMAGE")
    files = {}
    for entry in classes:
        _refuse_link(entry)
        name, found = printable(entry.name), find_files(entry, root)
        if name in files:
            raise ValueError(f"{directory}: two classes are written {name!r}; rename one of them")
        files[name] = found
        if not found:
            raise ValueError(f"{directory}: class {entry.name!r} has no images; add some or remove the directory")
    return files


def _refuse_link(directory: pathlib.Path) -> None:
    if directory.is_symlink():
        raise ValueError(f"{directory} is a link, which may lead anywhere; put the directory itself there (cp -rL)")


def _hold_out(files: dict[str, list[FoundFile]], share: float, seed: int) -> dict[str, dict[str, list[FoundFile]]]:
    split: dict[str, dict[str, list[FoundFile]]] = {"train": {}, "test": {}}
    for label, (name, found) in enumerate(files.items()):
        if len(found) < 2:
            raise ValueError(f"class {name!r} has one image; a hold-out needs at least two, one of them for testing")
        num_test = min(max(1, math.floor(share * len(found))), len(found) - 1)
        chosen = set(np.random.default_rng([seed, label]).permutation(len(found))[:num_test].tolist())
        split["test"][name] = [file for position, file in enumerate(found) if position in chosen]
        split["train"][name] = [file for position, file in enumerate(found) if position not in chosen]
    return split


def _examples(root: pathlib.Path, files: dict[str, list[FoundFile]], class_names: tuple[str, ...]):
    for label, name in enumerate(class_names):
        for file in files[name]:
            yield Example(str(file.path.relative_to(root)), label, file.read)
