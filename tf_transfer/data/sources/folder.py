"""A folder of images as a source: classes below train and test, or with a hold-out, or labelled by a CSV."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping

from tf_transfer.data.sources import Example, Source, SourceOptions, identity_of
from tf_transfer.data.sources.folder_layout import find_layout
from tf_transfer.data.sources.image_files import FoundFile, find_files, readable_name
from tf_transfer.data.sources.labels_csv import read_labels
from tf_transfer.data.sources.splits import Division, divide
from tf_transfer.files.paths import local_path
from tf_transfer.files.printable import printable


def open_folder(directory: str, options: SourceOptions = SourceOptions()) -> Source:  # noqa: B008 (it is frozen)
    """Finds the images of a folder. Label order is the sorted order of the class directories' names.

    Hidden files and those of operating systems are ignored, and files that are obviously no images are left out.
    Nothing outside the folder is read: links that lead there are set aside.

    Args:
      directory: Holds `train/CLASS/*` and `test/CLASS/*` (or `val`, in all the usual spellings), or `CLASS/*`, or, with
        `options.labels`, images anywhere.
      options: `holdout`, `seed`, `min_images_per_class` and `labels`.

    Raises:
      FileNotFoundError: The folder does not exist, or there are no classes in it.
      ValueError: Classes have too few images, are links, or hold nothing but directories; or the CSV is wrong.
    """
    root = local_path(directory)
    if root.is_file():
        raise FileNotFoundError(f"{directory!r} is a file; unpack it if it is an archive, and give the folder")
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {directory!r}; expected DIR/train/CLASS/* or DIR/CLASS/*")
    if options.labels:
        labelled = read_labels(local_path(options.labels), root)
        found, called, notes, left_out = labelled.images, labelled.called, labelled.notes, list(labelled.left_out)
    else:
        layout = find_layout(root)
        called, notes = layout.called, layout.notes
        found, left_out = _find_images(layout.classes, root)
    division = divide(found, str(root), options.holdout, options.seed, options.min_images_per_class, called)
    used = [file for classes in division.items.values() for files in classes.values() for file in files]
    return Source(
        name=_name(root, division, options),
        identity=identity_of(_identify(root, division) if options.labels else _sizes(root, used)),
        class_names=division.class_names,
        counts=division.counts,
        examples=lambda split: _examples(root, division.items[split]),
        notes=(*notes, *division.notes, *_describe_left_out(left_out)),
        left_out=tuple(left_out),
    )


def _name(root: pathlib.Path, division: Division, options: SourceOptions) -> str:
    name = f"folder:{printable(root.resolve().name)}"
    return f"{name} (hold-out {options.holdout:g}, seed {options.seed})" if division.held_out else name


def _find_images(
    classes: Mapping[str, Mapping[str, pathlib.Path]], root: pathlib.Path
) -> tuple[dict[str, dict[str, list[FoundFile]]], list[str]]:
    """By split and class, the images; and a line for each file that is obviously none."""
    images: dict[str, dict[str, list[FoundFile]]] = {}
    left_out = []
    for split, directories in classes.items():
        images[split] = {}
        for name, directory in directories.items():
            files = find_files(directory, root)
            others = [file for file in files if not file.is_image]
            left_out += [f"{_relative(root, file)}\tno image" for file in others]
            if len(others) < len(files) or not files:  # else it is no class: `annotations`, for example
                images[split][name] = [file for file in files if file.is_image]
    if not any(images.values()):
        raise FileNotFoundError(
            f"{root} holds no images, only {len(left_out):,} other files; expected {root}/CLASS/IMAGE"
        )
    return images, left_out


def _describe_left_out(left_out: list[str]) -> list[str]:
    if not left_out:
        return []
    reasons: dict[str, list[str]] = {}
    for line in left_out:
        name, _, reason = line.partition("\t")
        reasons.setdefault(reason, []).append(name)
    return [
        f"left out, {reason}: {len(names):,} {'file' if len(names) == 1 else 'files'} "
        f"({', '.join(names[:3])}{', ...' * (len(names) > 3)})"
        for reason, names in reasons.items()
    ]


def _relative(root: pathlib.Path, file: FoundFile) -> str:
    return printable(readable_name(file.path.relative_to(root)))


def _sizes(root: pathlib.Path, files: Iterable[FoundFile]) -> Iterable[tuple[str, int]]:
    return ((str(file.path.relative_to(root)), file.path.lstat().st_size) for file in files)


def _identify(root: pathlib.Path, division: Division[FoundFile]) -> Iterable[tuple[str, int]]:
    """Names and sizes of all files with what a CSV says of them."""
    for split, classes in division.items.items():
        for name, files in classes.items():
            for file in files:
                size = -1 if file.problem else file.path.lstat().st_size
                yield f"{split}\t{name}\t{file.path.relative_to(root)}", size


def _examples(root: pathlib.Path, classes: Mapping[str, list[FoundFile]]) -> Iterable[Example]:
    for label, files in enumerate(classes.values()):
        for file in files:
            yield Example(readable_name(file.path.relative_to(root)), label, file.read)
