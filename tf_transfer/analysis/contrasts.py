"""Pairing: which networks of a results table are compared with which, group by group and image by image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_transfer.analysis import result_table
from tf_transfer.analysis.intervals import Differences, images_alone
from tf_transfer.experiment import treatments
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd

Network = tuple[str, int]  # kind and n
Contrast = Sequence[tuple[Network, Network]]  # the mean over pairs of first minus second


@dataclasses.dataclass(frozen=True)
class Scores:
    """All comparable networks of one experiment.

    Attributes:
      groups: By (split, seed, target): by network, its accuracy in percent and, where known, its correctness per image
        (0 or 100).
      image_ids: By (split, target), int [images]: numbers of the test images, where they are known.
    """

    groups: Mapping[tuple, Mapping[Network, tuple[float, np.ndarray | None]]]
    image_ids: Mapping[tuple[str, str], np.ndarray]

    @property
    def layers(self) -> list[int]:
        """All n, in order, without the bases' 0."""
        return sorted({n for group in self.groups.values() for _, n in group} - {0})

    def differences(self, contrasts: Sequence[Contrast]) -> dict[tuple, Differences]:
        """Takes all contrasts in every group that has all their networks.

        With several splits the groups are the splits and directions, their seeds averaged, since seeds of one split are
        no independent witnesses of what another split would show. With one split they are seeds and directions.

        Args:
          contrasts: K of them.

        Returns:
          By (split, seed, target), seed being `all` where seeds were averaged.
        """
        found: dict[tuple, list[np.ndarray]] = {}
        needed = {network for contrast in contrasts for pair in contrast for network in pair}
        complete = {key: group for key, group in self.groups.items() if needed <= group.keys()}
        several_splits = len({split for split, _, _ in complete}) > 1
        for (split, seed, target), group in complete.items():
            key = (split, "all" if several_splits else seed, target)
            found.setdefault(key, []).append(_contrast(group, contrasts))
        return {key: self._merge(key, members) for key, members in found.items()}

    def _merge(self, key: tuple, members: list) -> Differences:
        values = np.mean([values for values, _ in members], 0)
        if any(images is None for _, images in members):
            return Differences(values)
        images = np.mean([images for _, images in members], 0)
        return Differences(values, images, self.image_ids[key[0], key[2]])


def source_of_chance(groups: Mapping[tuple, Differences]) -> str:
    """Names what an interval over these groups accounts for: `images`, `images, splits, directions`, `none`, ..."""
    if groups and images_alone(list(groups.values())):
        return "images"
    sources = ["images"] if groups and all(group.images is not None for group in groups.values()) else []
    names = ("splits", "seeds", "directions")
    sources += [name for name, parts in zip(names, zip(*groups, strict=True), strict=False) if len(set(parts)) > 1]
    return ", ".join(sources) or "none"


def collect_scores(
    table: pd.DataFrame,
    metric: str,
    images: ImageResults = NOT_RECORDED,
) -> Scores:
    """Sorts a results table into groups of networks that were trained and tested on the same images.

    Args:
      table: Results as in `results.csv`, of one of `analysis.families`.
      metric: The column of accuracies, in [0, 1].
      images: Which test images each run got right.

    Raises:
      ValueError: The table mixes training volumes, has a network twice, or the images of a target do not match.
    """
    rows = _comparable(table)
    groups: dict[tuple, dict] = {}
    ids: dict[tuple[str, str], np.ndarray] = {}
    for row in rows.itertuples():
        group = groups.setdefault((row.split, row.seed, row.target), {})
        if (row.kind, row.n) in group:
            raise ValueError(
                f"{row.kind} n = {row.n} of {row.target}, {row.split}, seed {row.seed} stands twice in the table; "
                "expected each network once"
            )
        correct = images.correct.get(row.run)
        group[row.kind, row.n] = 100 * getattr(row, metric), correct
        if correct is not None:
            _number_images(ids, images.image_ids, row, len(correct))
    return Scores(groups, _without_gaps(ids))


def _comparable(table: pd.DataFrame) -> pd.DataFrame:
    rows = result_table.comparable(table[table["kind"].isin(treatments.KINDS)])
    volumes = sorted(rows["images_per_class"].unique().tolist())
    if len(volumes) > 1:
        raise ValueError(f"images_per_class: expected one training volume in the table, got {volumes}")
    return rows


def _number_images(ids: dict, given: Mapping, row, count: int) -> None:
    key = (row.split, row.target)
    if key not in ids:
        taken = sum(len(numbers) for numbers in ids.values())
        ids[key] = given.get(key, -1 - np.arange(taken, taken + count))  # apart from the given ones
    if len(ids[key]) != count:
        raise ValueError(
            f"{row.run} was tested on {count} images, expected {len(ids[key])} as the others of {row.split}, "
            f"{row.target}; train it again"
        )


def _without_gaps(ids: dict) -> dict:
    if not ids:
        return {}
    _, numbers = np.unique(np.concatenate(list(ids.values())), return_inverse=True)
    ends = np.cumsum([len(given) for given in ids.values()])
    return dict(zip(ids, np.split(numbers, ends[:-1]), strict=True))


def _contrast(group: Mapping, contrasts: Sequence[Contrast]) -> tuple[np.ndarray, np.ndarray | None]:
    values = [np.mean([group[one][0] - group[other][0] for one, other in contrast]) for contrast in contrasts]
    if any(group[network][1] is None for contrast in contrasts for pair in contrast for network in pair):
        return np.array(values), None
    per_image = [
        np.mean([100.0 * group[one][1] - 100.0 * group[other][1] for one, other in contrast], 0)
        for contrast in contrasts
    ]
    return np.array(values), np.array(per_image).T
