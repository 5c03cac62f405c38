"""The same picture twice: images of a store that are equal, across splits, across classes, or within a class."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

# Which splits an image must not come from to be new to a network: test images were not trained on, nor chosen by.
_SEEN_BEFORE = {"train": (), "val": ("train",), "test": ("train", "val")}


@dataclasses.dataclass(frozen=True)
class SplitImages:
    """What is known of a split's images.

    Attributes:
      labels: Integer [images].
      checksums: uint64 [images], see `image_store.image_checksum`.
      names: What each image is called.
    """

    labels: np.ndarray
    checksums: np.ndarray
    names: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Images that are there more than once.

    Attributes:
      leaked: For `test` and `val`, how many of their images are also in a split that networks see before.
      images: Number of images of each split.
      across_classes: How many images, of all splits, are also in another class.
      copies: How many images have an equal one in their own split and class, the first of each not counted.
      lines: One line for each picture: the kind of its duplicates, and its names, separated by tabs.
    """

    leaked: dict[str, int]
    images: dict[str, int]
    across_classes: int
    copies: int
    lines: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What is to be said of images across splits and across classes; nothing if there are none."""
        said = []
        for split, number in self.leaked.items():
            if number:
                others = " or ".join(other for other in _SEEN_BEFORE[split] if other in self.images)
                said.append(f"{number:,} of {self.images[split]:,} {split} images are {others} images too")
        if self.across_classes:
            total = sum(self.images.values())
            said.append(f"{self.across_classes:,} of {total:,} images are the same picture in two classes")
        return said

    def worst_share(self) -> float:
        """The largest share of a split that is in an earlier one, or of all images that is in two classes."""
        shares = [number / max(1, self.images[split]) for split, number in self.leaked.items()]
        return max(0.0, *shares, self.across_classes / max(1, sum(self.images.values())))


def find_duplicates(splits: Mapping[str, SplitImages], class_names: Sequence[str]) -> Duplicates:
    """Finds the images of all splits that are equal."""
    labels = np.concatenate([np.asarray(images.labels, np.int64) for images in splits.values()])
    checksums = np.concatenate([images.checksums for images in splits.values()])
    names = list(splits)
    split_of = np.repeat(np.arange(len(splits)), [len(images.labels) for images in splits.values()])
    starts = np.cumsum([0, *(len(images.labels) for images in splits.values())])
    leaked = {split: 0 for split in splits if split != "train"}
    across_classes, copies, lines = 0, 0, []
    for group in _equal_groups(checksums):
        found = {names[number] for number in split_of[group]}
        kinds = []
        for split in leaked:
            if split in found and found & set(_SEEN_BEFORE[split]):
                leaked[split] += int((split_of[group] == names.index(split)).sum())
                kinds = ["across splits"]
        if len(set(labels[group].tolist())) > 1:
            across_classes += len(group)
            kinds.append("across classes")
        copies += len(group) - len(set(zip(split_of[group].tolist(), labels[group].tolist(), strict=True)))
        shown = []
        for index in group:
            split = names[split_of[index]]
            shown.append(
                f"{split}: {splits[split].names[index - starts[split_of[index]]]} ({class_names[labels[index]]})"
            )
        lines.append("\t".join([" and ".join(kinds) or "within a class", *shown]))
    images = {split: len(found.labels) for split, found in splits.items()}
    return Duplicates(leaked, images, across_classes, copies, tuple(sorted(lines)))


def _equal_groups(checksums: np.ndarray) -> list[np.ndarray]:
    """Indices of the images of each checksum that occurs more than once."""
    order = np.argsort(checksums, kind="stable")
    ordered = checksums[order]
    firsts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(firsts, len(ordered)))
    return [np.sort(order[first : first + length]) for first, length in zip(firsts, lengths, strict=True) if length > 1]
