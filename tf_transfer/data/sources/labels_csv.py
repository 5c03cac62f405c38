"""Labels of a folder's images in a CSV: file, label and perhaps split."""

from __future__ import annotations

import csv
import dataclasses
import io
import pathlib
import unicodedata
from collections.abc import Iterator, Sequence

from tf_transfer.data.sources.image_files import FoundFile, find_files
from tf_transfer.data.sources.splits import TEST, TRAIN, VAL, split_of
from tf_transfer.files import safe_load
from tf_transfer.files.printable import printable

_MAX_BYTES = 256 << 20
_SHOWN = 5  # errors in a message
# What the columns may be called; the first is the one that messages name.
_COLUMNS = {
    "file": ("file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "image_name",
             "image_id", "img", "id", "name"),
    "label": ("label", "labels", "class", "class_name", "category", "target", "species", "breed"),
    "split": ("split", "set", "subset", "partition", "usage"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """What a CSV says of a folder's images.

    Attributes:
      images: By split ("" if there are none) and class name, in label order, the images.
      called: By split, what it is called.
      notes: What was decided, in sentences for the user.
      left_out: One line for each image without a label: its name and why.
    """

    images: dict[str, dict[str, list[FoundFile]]]
    called: dict[str, str]
    notes: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Row:
    number: int  # as spreadsheets count: the header is row 1
    file: str
    label: str
    split: str


def read_labels(path: pathlib.Path, root: pathlib.Path) -> LabelledImages:
    """Reads the labels of a folder's images.

    The header names the columns `file`, `label` and, if there is one, `split`, in any case and order; columns are
    separated by commas, semicolons or tabs. Files are named relative to the folder or to the CSV, with or without their
    suffix; a bare name may lie in any directory of the folder.

    Args:
      path: The CSV.
      root: The folder.

    Raises:
      FileNotFoundError: There is no such CSV, or none of the files that it names are in the folder.
      ValueError: The header or rows are wrong; the message names them.
    """
    rows, notes = _read_rows(path)
    names = _FileNames(root, path)
    errors, left_out = [], []
    labels: dict[pathlib.Path, _Row] = {}
    missing: list[_Row] = []
    for row in rows:
        if not row.file:
            errors.append(f"row {row.number} names no file")
            continue
        files = names.find(row.file)
        if len(files) > 1:
            errors.append(
                f"row {row.number}: {printable(row.file)!r} may be any of {len(files)} files; add its directory"
            )
        elif not files:
            missing.append(row)
        elif not row.label:
            left_out.append(f"{names.show(files[0])}\tno label in {printable(path.name)}")
            labels.setdefault(files[0].path, row)
        else:
            earlier = labels.setdefault(files[0].path, row)
            if (earlier.label, earlier.split) != (row.label, row.split):
                errors.append(f"rows {earlier.number} and {row.number} say different things of {printable(row.file)!r}")
    if errors:
        more = f" and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        raise ValueError(f"{path}: {'; '.join(errors[:_SHOWN])}{more}")
    used = {file: row for file, row in labels.items() if row.label}
    if not used:
        first = f"; the first is {printable(rows[0].file)!r} in row {rows[0].number}" if rows else ""
        raise FileNotFoundError(
            f"{path}: none of the {len(rows):,} files that it names, with a label, lie in {root}{first}; names are "
            "relative to the folder or to the CSV"
        )
    left_out += [
        f"{names.show(file)}\tnot in {printable(path.name)}" for file in names.images if file.path not in labels
    ]
    found = [(names.images_by_path[file], row) for file, row in used.items()]
    # Set aside by name with all other images that cannot be used, so that one share is allowed for both.
    problem = f"named in row {{}} of {printable(path.name)}, and not there"
    found += [
        (FoundFile(root / printable(row.file).lstrip("/"), problem.format(row.number)), row)
        for row in missing
        if row.label
    ]
    return _by_split_and_class(path, root, found, notes, left_out)


def _by_split_and_class(
    path: pathlib.Path, root: pathlib.Path, found: list[tuple[FoundFile, _Row]], notes: list[str], left_out: list[str]
) -> LabelledImages:
    class_names = sorted({row.label for _, row in found}, key=_label_order)
    splits = [row.split for _, row in found]
    if not any(splits):
        by_path = [_split_of_path(file, root) for file, _ in found if not file.problem]
        if None not in by_path and TRAIN in by_path and len(set(by_path)) > 1:
            splits = [_split_of_path(file, root) or TRAIN for file, _ in found]
            notes = [*notes, "the splits are those of the images' directories"]
    images: dict[str, dict[str, list[FoundFile]]] = {
        split: {name: [] for name in class_names} for split in ("", TRAIN, TEST, VAL) if split in splits
    }
    for (file, row), split in zip(found, splits, strict=True):
        images[split][row.label].append(file)
    ordered = {split: {name: sorted(files) for name, files in classes.items()} for split, classes in images.items()}
    notes = [f"labels are those of {printable(path.name)}", *notes]
    return LabelledImages(ordered, {split: split for split in ordered}, tuple(notes), tuple(left_out))


def _split_of_path(file: FoundFile, root: pathlib.Path) -> str | None:
    directories = file.path.relative_to(root).parts[:-1]
    return next((split for split in map(split_of, directories) if split), None)


def _label_order(label: str) -> tuple[bool, int, str]:
    """Numbers by their size, then the rest by the alphabet."""
    is_number = label.isascii() and label.isdigit() and len(label) < 20
    return (not is_number, int(label) if is_number else 0, label)


class _FileNames:
    """Finds a folder's images by the names that people give them.

    Attributes:
      images: All of them.
      images_by_path: The same by their path.
    """

    def __init__(self, root: pathlib.Path, csv_path: pathlib.Path):
        self._root = root
        self.images = [file for file in find_files(root, root) if file.is_image and file.path != csv_path]
        self.images_by_path = {file.path: file for file in self.images}
        self._by_name: dict[str, list[FoundFile]] = {}
        self._bases = [""]
        for base, below in ((csv_path.parent.resolve(), root.resolve()), (root.resolve().parent, root.resolve())):
            if below.is_relative_to(base) and below != base:  # a CSV beside the folder names `folder/image`
                self._bases.append(f"{below.relative_to(base).as_posix()}/")
        if csv_path.parent.resolve().is_relative_to(root.resolve()):  # a CSV within it names its neighbours
            inside = csv_path.parent.resolve().relative_to(root.resolve()).as_posix()
            self._prefix = "" if inside == "." else f"{inside}/"
        else:
            self._prefix = ""
        for file in self.images:
            relative = file.path.relative_to(root)
            names = [relative.as_posix(), relative.with_suffix("").as_posix()]
            if len(relative.parts) > 1:
                names += [f"*/{relative.name}", f"*/{relative.stem}"]
            for name in dict.fromkeys(map(_normalise, names)):
                self._by_name.setdefault(name, []).append(file)

    def show(self, file: FoundFile) -> str:
        return printable(str(file.path.relative_to(self._root)))

    def find(self, name: str) -> list[FoundFile]:
        """All images that a name may mean: one, if all is well."""
        name = _normalise(name.replace("\\", "/")).removeprefix("./")
        absolute = f"{_normalise(self._root.resolve().as_posix())}/"
        if name.startswith("/"):
            return self._by_name.get(name.removeprefix(absolute), []) if name.startswith(absolute) else []
        candidates = [self._prefix + name]
        candidates += [name.removeprefix(base) for base in self._bases if name.startswith(base)]
        for candidate in (*candidates, f"*/{name}"):
            if files := self._by_name.get(candidate):
                return files
        return []


def _normalise(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _read_rows(path: pathlib.Path) -> tuple[list[_Row], list[str]]:
    try:
        content = safe_load.read_bytes(path, _MAX_BYTES)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no file {str(path)!r}; --labels takes a CSV with the columns file, label"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}; --labels takes a CSV with the columns file, label") from error
    text, notes = _decode(content)
    lines = text.lstrip("\n\r").split("\n", 1)
    columns, separator, num_columns = _read_header(path, lines[0].rstrip("\r"))
    table = csv.reader(io.StringIO(text.lstrip("\n\r"), newline=""), delimiter=separator, skipinitialspace=True)
    rows, errors = [], []
    try:
        next(table)
        for number, cells in enumerate(table, start=2):
            if not any(cell.strip() for cell in cells):
                continue
            values = {name: _normalise(cells[at].strip()) if at < len(cells) else "" for name, at in columns.items()}
            split = split_of(values["split"]) if values.get("split") else ""
            if "split" in columns and not split:
                errors.append(f"row {number}: split {printable(values['split'])!r} is none of train, val, test")
            elif any(cell.strip() for cell in cells[num_columns:]):
                errors.append(f"row {number} has {len(cells)} cells; put names with commas in quotation marks")
            else:
                rows.append(_Row(number, values["file"], printable(values["label"]), split or ""))
    except csv.Error as error:
        raise ValueError(f"{path}: row {len(rows) + 2} cannot be read ({error})") from error
    if errors:
        more = f" and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        raise ValueError(f"{path}: {'; '.join(errors[:_SHOWN])}{more}")
    return rows, notes


def _decode(content: bytes) -> tuple[str, list[str]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace"), []
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), ["the CSV is not UTF-8, and was read as Windows-1252"]


def _read_header(path: pathlib.Path, line: str) -> tuple[dict[str, int], str, int]:
    for separator in (",", ";", "\t", "|"):
        header = [cell.strip().casefold().replace(" ", "_") for cell in next(_parse_line(line, separator), [])]
        columns = {
            name: header.index(spelling)
            for name, spellings in _COLUMNS.items()
            for spelling in reversed(spellings)
            if spelling in header
        }
        if {"file", "label"} <= columns.keys():
            return columns, separator, len(header)
    raise ValueError(
        f"{path}: row 1 must name the columns file, label and perhaps split, separated by commas, semicolons or tabs; "
        f"it is {printable(line[:100])!r}"
    )


def _parse_line(line: str, separator: str) -> Iterator[Sequence[str]]:
    try:
        yield from csv.reader([line], delimiter=separator, skipinitialspace=True)
    except csv.Error:
        return
