"""Where the classes of a folder lie: below train and test, beside each other, or some directories further down."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import shlex
import unicodedata
from collections.abc import Collection, Sequence

from tf_transfer.data.sources.image_files import is_ignored, may_be_image, readable_name
from tf_transfer.data.sources.splits import TRAIN, parse_split_name, says_nothing, split_of
from tf_transfer.files.printable import printable

_SHOWN = 5  # names in a message

# Makes the CSV of labels that stand in the files' names, before the number or after it.
_LABELS_FROM_NAMES = (
    "import csv,pathlib,re,sys; csv.writer(sys.stdout).writerows([('file','label')]+"
    "[(p.name,re.sub(r'{pattern}','',p.stem)) for p in sorted(pathlib.Path(sys.argv[1]).iterdir()) if p.is_file()])"
)


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the classes of a folder lie.

    Attributes:
      classes: By split and class name, the class's directory; a folder without splits has one, called "".
      called: By split, what its directory is called; "" where there are no splits.
      notes: What was seen on the way, in sentences for the user.
    """

    classes: dict[str, dict[str, pathlib.Path]]
    called: dict[str, str]
    notes: tuple[str, ...]


def class_name(path: pathlib.Path) -> str:
    """The class that a directory is called after: composed (NFC), since other systems decompose, and printable."""
    return printable(unicodedata.normalize("NFC", readable_name(pathlib.PurePath(path.name))))


def find_layout(root: pathlib.Path) -> Layout:
    """Looks for splits and classes below a folder.

    Directories that hold nothing but one directory are looked through.

    Raises:
      FileNotFoundError: There are no class directories.
      ValueError: What would be classes are directories of directories, or links, or it cannot be told which
        directory is which split.
    """
    directory, notes = root, []
    while True:
        inner = _subdirectories(directory)
        splits = _find_splits(inner)
        if splits or _holds_images(directory):
            break
        step = _only_way_down(inner)
        if step is None:
            break
        refuse_link(step)
        directory = step
    if directory != root:
        notes.append(f"the images are those of {printable(str(directory.relative_to(root)))}, which lies in the folder")
    if splits:
        return _layout_of_splits(splits, notes, inner)
    if by_class := _find_splits_of_classes(inner):
        called = {split: split for split in by_class}
        return Layout(by_class, called, tuple([*notes, "each class has its own directories for its splits"]))
    return Layout({"": _classes(directory)}, {"": ""}, tuple(notes + _describe_loose_images(directory)))


def _subdirectories(directory: pathlib.Path) -> list[pathlib.Path]:
    found = [entry for entry in directory.iterdir() if entry.is_dir() and not is_ignored(entry.name)]
    return sorted(found, key=lambda entry: (unicodedata.normalize("NFC", entry.name), entry.name))


def _holds_images(directory: pathlib.Path) -> bool:
    """Whether there are images in a directory itself."""
    with os.scandir(directory) as entries:
        files = (entry for entry in entries if not is_ignored(entry.name) and not entry.is_dir())
        return any(may_be_image(pathlib.Path(entry.path)) for entry in files)


def _holds_images_below(directory: pathlib.Path) -> bool:
    if directory.is_symlink():
        return False
    return _holds_images(directory) or any(map(_holds_images_below, _subdirectories(directory)))


def _find_splits(directories: Sequence[pathlib.Path]) -> dict[str, pathlib.Path]:
    """Those of some directories that are a data set's splits, `train` among them; empty if there are none."""
    groups: dict[str, dict[str, list[pathlib.Path]]] = {}
    for directory in directories:
        if parsed := parse_split_name(directory.name):
            groups.setdefault(parsed[1], {}).setdefault(parsed[0], []).append(directory)
    # One alone may be a class of that name; then it holds images, or others do.
    found = [group for group in groups.values() if len(group) > 1 or _is_only_split(group, directories)]
    if not found:
        return {}
    ambiguous = [same for group in found for same in group.values() if len(same) > 1]
    if len(found) > 1 or ambiguous:
        names = [printable(path.name) for group in found for same in group.values() for path in same]
        raise ValueError(
            f"{directories[0].parent} has several directories that may be the same split ({', '.join(names)}); give "
            "one data set as --source, or put the images of each split into one directory"
        )
    return {split: same[0] for split, same in found[0].items()}


def _is_only_split(group: dict[str, list[pathlib.Path]], directories: Sequence[pathlib.Path]) -> bool:
    if TRAIN not in group or len(group[TRAIN]) > 1 or len(directories) == 1:
        return False  # what lies in a lone directory is found anyway
    [train] = group[TRAIN]
    others = [directory for directory in directories if directory != train]
    return not _holds_images(train) and not any(map(_holds_images_below, others))


def _only_way_down(directories: Sequence[pathlib.Path]) -> pathlib.Path | None:
    """The only directory with images somewhere below it, unless it is a class beside empty ones."""
    holding = [path for path in directories if path.is_symlink() or _holds_images_below(path)]
    if len(holding) == 1 and (len(directories) == 1 or not _holds_images(holding[0])):
        return holding[0]
    return None


def _layout_of_splits(splits: dict[str, pathlib.Path], notes: list[str], directories: Sequence[pathlib.Path]) -> Layout:
    classes: dict[str, dict[str, pathlib.Path]] = {}
    called = {}
    for split, directory in sorted(splits.items(), key=lambda entry: entry[0] != TRAIN):
        refuse_link(directory)
        name = printable(directory.name)
        inside = _look_through(directory, classes.get(TRAIN, {}))
        if _subdirectories(inside):
            classes[split], called[split] = _classes(inside), name
            notes += _describe_loose_images(inside)
        elif split == TRAIN or not _holds_images(inside):
            raise no_classes(inside)
        else:
            number = sum(1 for entry in inside.iterdir() if entry.is_file() and not is_ignored(entry.name))
            notes.append(f"{name} holds no class directories: its {number:,} files have no labels and are not used")
    if unused := [printable(directory.name) for directory in directories if directory not in splits.values()]:
        notes.append(f"beside {', '.join(called.values())}, not used: {_name_some(unused)}")
    return Layout(classes, called, tuple(notes))


def _look_through(directory: pathlib.Path, train_classes: Collection[str]) -> pathlib.Path:
    """Goes down from a split's directory while it holds nothing but one directory, which is no class."""
    while not _holds_images(directory) and len(inner := _subdirectories(directory)) == 1:
        [only] = inner
        is_class = class_name(only) in train_classes if train_classes else not _subdirectories(only)
        if is_class and not says_nothing(only.name):
            break
        refuse_link(only)
        directory = only
    return directory


def _describe_loose_images(directory: pathlib.Path) -> list[str]:
    if not _holds_images(directory):
        return []
    return [f"images that lie in {printable(directory.name)} itself, beside the class directories, are not used"]


def _classes(directory: pathlib.Path) -> dict[str, pathlib.Path]:
    inner = _subdirectories(directory)
    if not inner:
        raise no_classes(directory)
    classes: dict[str, pathlib.Path] = {}
    for entry in inner:
        refuse_link(entry)
        name = class_name(entry)
        if name in classes:
            raise ValueError(f"{directory}: two classes are written {name!r}; rename one of them")
        classes[name] = entry
    _refuse_nested(directory, classes)
    return classes


def _refuse_nested(directory: pathlib.Path, classes: dict[str, pathlib.Path]) -> None:
    """Refuses classes that hold nothing but several directories of images, which hardly are classes."""
    nested = {}
    for name, path in classes.items():
        if not _holds_images(path):
            inner = [entry for entry in _subdirectories(path) if _holds_images_below(entry)]
            if inner:
                nested[name] = [printable(entry.name) for entry in inner]
    # One lone directory is looked through if it is no class of its own: `cat/images`, `cat/cat`.
    lone = collections.Counter(inner[0] for inner in nested.values() if len(inner) == 1)
    [(common, times)] = lone.most_common(1) or [("", 0)]
    seen = {
        name: inner
        for name, inner in nested.items()
        if len(inner) > 1 or not (inner[0] == name or inner[0] == common and (times > 1 or len(classes) == 1))
    }
    if seen:
        listed = "; ".join(f"{name} ({_name_some(inner)})" for name, inner in list(seen.items())[:_SHOWN])
        more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
        raise ValueError(
            f"{directory}: what would be classes holds no images itself, only directories: {listed}{more}; expected "
            f"{directory}/CLASS/IMAGE or {directory}/train/CLASS/IMAGE; move the images up, give one of these "
            "directories as --source, or name the classes in a CSV with --labels"
        )


def _find_splits_of_classes(classes: Sequence[pathlib.Path]) -> dict[str, dict[str, pathlib.Path]]:
    """CLASS/train/IMAGE and so on: by split and class, the directories; empty if it is not so."""
    found: dict[str, dict[str, pathlib.Path]] = {}
    for path in classes:
        if path.is_symlink() or _holds_images(path):
            return {}
        inner = _subdirectories(path)
        splits = {split_of(entry.name): entry for entry in inner}
        if not inner or None in splits or len(splits) < len(inner):
            return {}
        for split, entry in splits.items():
            assert split is not None
            refuse_link(entry)
            if not _holds_images(entry):  # several data sets beside each other, for example
                return {}
            found.setdefault(split, {})[class_name(path)] = entry
    return found if len(found) > 1 else {}


def refuse_link(directory: pathlib.Path) -> None:
    """Raises ValueError for a directory that is a link."""
    if directory.is_symlink():
        raise ValueError(f"{directory} is a link, which may lead anywhere; put the directory itself there (cp -rL)")


def no_classes(directory: pathlib.Path) -> FileNotFoundError:
    """The error for a directory without class directories; for images in it, it says how to write their labels down."""
    names = sorted(entry.name for entry in directory.iterdir() if entry.is_file() and not is_ignored(entry.name))
    images = [name for name in names if may_be_image(directory / name)]
    if not images:
        return FileNotFoundError(f"{directory} holds no class directories; expected {directory}/CLASS/IMAGE")
    pattern = "^[0-9][0-9 ._-]*" if images[0][:1].isdigit() else "[ ._(-]*[0-9].*"
    command = f'python -c "{_LABELS_FROM_NAMES.format(pattern=pattern)}" {shlex.quote(str(directory))} > labels.csv'
    return FileNotFoundError(
        f"{directory} holds images ({', '.join(map(printable, images[:3]))}, ...) and no class directories; expected "
        f"{directory}/CLASS/IMAGE, or their labels in a CSV of file,label given as --labels=FILE.csv; where the labels "
        f"are the beginnings of the names, this writes one: {command}"
    )


def _name_some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
