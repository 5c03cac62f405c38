"""Training, test and validation images: how people call them, what is done where some are missing, and rare classes."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np

TRAIN, TEST, VAL = "train", "test", "val"
_MOST_NAMED = 50  # classes in one message

# Longest first, so that `training` is not read as `train` and `ing`.
_SPLIT_WORDS = {
    "validation": VAL, "validate": VAL, "evaluation": VAL, "training": TRAIN, "holdout": TEST, "testing": TEST,
    "train": TRAIN, "valid": VAL, "test": TEST, "eval": VAL, "val": VAL, "dev": VAL,
}  # fmt: skip
_FILLING_WORDS = {
    "crop", "cropped", "crops", "data", "dataset", "dir", "directory", "file", "files", "final", "folder", "full",
    "image", "images", "img", "imgs", "jpeg", "jpg", "labeled", "labelled", "photo", "photos", "pic", "pics",
    "picture", "pictures", "png", "resized", "rgb", "sample", "samples", "set", "sets", "split", "x",
}  # fmt: skip

Item = TypeVar("Item")


@dataclasses.dataclass(frozen=True)
class Division(Generic[Item]):
    """Images by split and class.

    Attributes:
      class_names: Class names in label order.
      items: By split (`train`, `test` and perhaps `val`) and class name, whatever stands for an image.
      held_out: Whether the test images were held out of the training images.
      notes: What was decided, in sentences for the user.
    """

    class_names: tuple[str, ...]
    items: dict[str, dict[str, list[Item]]]
    held_out: bool
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of images of each split."""
        return {split: sum(map(len, classes.values())) for split, classes in self.items.items()}


def parse_split_name(name: str) -> tuple[str, str] | None:
    """Reads the name of a directory, of a split or in a CSV as that of training, test or validation images.

    Args:
      name: For example `Training`, `test_images`, `valset`, `imgs-train2017` or `pets_test`.

    Returns:
      `train`, `test` or `val`, and what else the name says (`pets`, mostly nothing); None for any other name.

    Example:
      >>> parse_split_name("Pets_TestImages")
      ('test', 'pets')
    """
    words = re.findall("[^\\W\\d_]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    kinds, rest = set(), []
    for word in words:
        kind = _split_of_word(word)
        if kind:
            kinds |= kind
        elif word not in _FILLING_WORDS:
            rest.append(word)
    if kinds == {TRAIN, VAL}:  # `trainval`: all that is not for testing
        kinds = {TRAIN}
    return (kinds.pop(), " ".join(rest)) if len(kinds) == 1 else None


def _split_of_word(word: str) -> set[str]:
    if word == "trainval":
        return {TRAIN}
    for known, kind in _SPLIT_WORDS.items():
        others = (word.removeprefix(known), word.removesuffix(known))
        if word == known or any(other != word and other in _FILLING_WORDS for other in others):
            return {kind}
    return set()


def split_of(name: str) -> str | None:
    """Returns `train`, `test` or `val` for a name that says this and nothing else, otherwise None."""
    parsed = parse_split_name(name)
    return parsed[0] if parsed and not parsed[1] else None


def says_nothing(name: str) -> bool:
    """Whether a directory's name says only that there are images, or of which split: `images`, `seg_train`."""
    words = re.findall("[^\\W\\d_]+", name.casefold())
    return parse_split_name(name) is not None or all(word in _FILLING_WORDS for word in words) and bool(words)


def divide(
    found: Mapping[str, Mapping[str, Sequence[Item]]],
    where: str,
    holdout: float,
    seed: int,
    min_images_per_class: int = 0,
    called: Mapping[str, str] | None = None,
) -> Division[Item]:
    """Settles which images train and which test, and which classes take part.

    Training images alone are divided by a hold-out; validation images serve as test images where there are no others,
    and are kept as a split of their own where there are.

    Args:
      found: By split and class name, the images; classes in label order. A single split may have any name.
      where: The data set, as messages name it.
      holdout: Without test images: share of each class that is held out, at least one image.
      seed: Seed of that choice.
      min_images_per_class: Leave out classes with fewer (training) images, and those that cannot be tested; 0 makes
        such classes an error.
      called: What the data set itself calls its splits.

    Raises:
      ValueError: There are no training images, classes have too few images, or fewer than two classes are left.
    """
    called = {split: (called or {}).get(split, split) for split in found}
    kept = {split: dict(classes) for split, classes in found.items()}
    notes = []
    if len(kept) == 1:
        [(split, classes)] = kept.items()
        notes.append(
            f"there are no test images{f' beside {called[split]}' * bool(called[split])}: {holdout:g} of each class is "
            "held out (--holdout, --seed)"
        )
        names, notes = _without_rare_classes({"": classes}, where, min_images_per_class, notes)
        items = _hold_out({name: classes[name] for name in names}, holdout, seed)
        return Division(tuple(names), items, held_out=True, notes=tuple(notes))
    if TRAIN not in kept:
        raise ValueError(
            f"{where}: there are images in {' and '.join(called.values())}, but none to train on; rename one of them "
            "to train"
        )
    if TEST not in kept:
        kept[TEST] = kept.pop(VAL)
        notes.append(f"there are no test images but those of {called[VAL]}, which are used as test images")
    names, notes = _without_rare_classes(
        {split: kept[split] for split in (TRAIN, TEST)}, where, min_images_per_class, notes
    )
    items = {split: {name: list(kept[split][name]) for name in names} for split in (TRAIN, TEST)}
    if VAL in kept:
        items[VAL] = {name: list(kept[VAL].get(name, ())) for name in names}
        notes += _describe_validation(called[VAL], kept[VAL], items[VAL])
        if not any(items[VAL].values()):
            del items[VAL]
    return Division(tuple(names), items, held_out=False, notes=tuple(notes))


def _describe_validation(called: str, found: Mapping[str, Sequence], kept: Mapping[str, Sequence]) -> list[str]:
    number = sum(map(len, kept.values()))
    notes = [
        f"{called}: {number:,} images are kept as the split val, for choosing recipes; they neither train nor test"
    ]
    if unknown := sorted(name for name, items in found.items() if items and name not in kept):
        notes.append(f"{called}: classes without training images are left out: {_name_some(unknown)}")
    if lacking := [name for name, items in kept.items() if not items]:
        notes.append(f"{called} has no images of {_name_some(lacking)}")
    return notes


def _without_rare_classes(
    splits: Mapping[str, Mapping[str, Sequence]], where: str, min_images: int, notes: list[str]
) -> tuple[list[str], list[str]]:
    """Names of the classes with enough images, and the notes with those that were left out."""
    names = list(dict.fromkeys(name for classes in splits.values() for name in classes))
    counts = {name: [len(classes.get(name, ())) for classes in splits.values()] for name in names}
    # A hold-out takes one image at least, and leaves one.
    least = [max(2, min_images)] if len(splits) == 1 else [max(1, min_images), 1]
    rare = [name for name in names if any(count < few for count, few in zip(counts[name], least, strict=True))]
    left = [name for name in names if name not in set(rare)]
    listed = _name_some([f"{name} ({_describe_counts(splits, counts[name])})" for name in rare])
    if rare and not min_images:
        needed = "two images, one of them for testing" if len(splits) == 1 else "one training and one test image"
        raise ValueError(
            f"{where}: {len(rare)} of {len(names)} classes have too few images: {listed}; each needs {needed}; "
            f"add images, or leave these classes out with --min_images_per_class={least[0]}"
        )
    if len(left) < 2:
        seen = f"{len(names)} {'class' if len(names) == 1 else 'classes'} ({_name_some(names)})"
        out = f", of which {len(rare)} are left out for having too few images" if rare else ""
        raise ValueError(f"{where}: found {seen}{out}; a network needs at least two classes to tell apart")
    if rare:
        notes = [*notes, f"{len(rare)} of {len(names)} classes are left out (--min_images_per_class): {listed}"]
    return left, notes


def _describe_counts(splits: Mapping[str, object], counts: Sequence[int]) -> str:
    return ", ".join(f"{count} {split}".strip() for split, count in zip(splits, counts, strict=True))


def _name_some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _hold_out(items: Mapping[str, Sequence[Item]], share: float, seed: int) -> dict[str, dict[str, list[Item]]]:
    split: dict[str, dict[str, list[Item]]] = {TRAIN: {}, TEST: {}}
    for label, (name, found) in enumerate(items.items()):
        num_test = min(max(1, math.floor(share * len(found))), len(found) - 1)
        chosen = set(np.random.default_rng([seed, label]).permutation(len(found))[:num_test].tolist())
        split[TEST][name] = [item for position, item in enumerate(found) if position in chosen]
        split[TRAIN][name] = [item for position, item in enumerate(found) if position not in chosen]
    return split
