"""Contrasts: paired differences between networks, taken group by group and image by image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tf_transfer.analysis import averages, diagnostics
from tf_transfer.analysis.intervals import Differences, ImageDifferences, only_images_count
from tf_transfer.experiment import treatments
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd

ALL_SEEDS = "all"
PER_CLASS = "per_class_last"  # the metric in which images of rare classes weigh more


class Network(NamedTuple):
    """A network within a group: its kind of treatment, as in `results.csv`, and its n (0 for a base)."""

    kind: str
    n: int


class Pair(NamedTuple):
    """Two networks whose accuracies are subtracted: first minus second."""

    first: Network
    second: Network


@dataclasses.dataclass(frozen=True)
class Contrast:
    """The mean difference of some pairs of networks."""

    pairs: tuple[Pair, ...]

    @property
    def networks(self) -> set[Network]:
        """All networks that it compares."""
        return {network for pair in self.pairs for network in pair}


class Group(NamedTuple):
    """What was repeated as a whole: a class split, a seed (`ALL_SEEDS` where seeds were averaged), and a target."""

    split: str
    seed: int | str
    target: str


class Score(NamedTuple):
    """How well a network does.

    Attributes:
      accuracy: In percent.
      correct: Which test images it got right, bool [images], where it was recorded.
      caution: Why not to trust it, as from `diagnostics.cautions`.
    """

    accuracy: float
    correct: np.ndarray | None
    caution: str


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of all comparable networks of one experiment.

    Attributes:
      groups: By group and network. The networks of one group were tested on the same images.
      image_ids: By (split, target), int [images]: numbers of the test images from 0 on without gaps, where they are
        known.
      weights: By (split, target), float [images]: how much each test image counts, 1 on average; empty where all count
        the same.
    """

    groups: Mapping[Group, Mapping[Network, Score]]
    image_ids: Mapping[tuple[str, str], np.ndarray]
    weights: Mapping[tuple[str, str], np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def layers(self) -> list[int]:
        """All n in order, without the bases' 0."""
        return sorted({network.n for group in self.groups.values() for network in group} - {0})

    def differences(self, contrasts: Sequence[Contrast]) -> dict[Group, Differences]:
        """Takes all contrasts in every group that has all their networks.

        With several class splits a group is a split and direction, its seeds averaged, since seeds of one split say
        nothing about what another split would show. With one split a group is a seed and direction.

        Args:
          contrasts: K of them.

        Returns:
          K differences by group.
        """
        needed = _networks(contrasts)
        complete = {group: scores for group, scores in self.groups.items() if needed <= scores.keys()}
        several_splits = len({group.split for group in complete}) > 1
        by_group: dict[Group, list[_GroupDifferences]] = {}
        for group, scores in complete.items():
            merged = group._replace(seed=ALL_SEEDS) if several_splits else group
            by_group.setdefault(merged, []).append(_subtract(scores, contrasts))
        return {group: self._average(group, members) for group, members in by_group.items()}

    def cautions(self, contrast: Contrast) -> list[str]:
        """Why not to trust the networks of a contrast, over all groups that have all of them."""
        needed = contrast.networks
        complete = [scores for scores in self.groups.values() if needed <= scores.keys()]
        return sorted({scores[network].caution for scores in complete for network in needed} - {""})

    def _average(self, group: Group, members: Sequence[_GroupDifferences]) -> Differences:
        values = np.mean([member.values for member in members], 0)
        per_image = [member.per_image for member in members if member.per_image is not None]
        if len(per_image) < len(members):
            return Differences(values)
        task = group.split, group.target
        return Differences(
            values, ImageDifferences(np.mean(per_image, 0), self.image_ids[task], self.weights.get(task))
        )


class _GroupDifferences(NamedTuple):
    values: np.ndarray  # float [K], in points
    per_image: np.ndarray | None  # float [images, K], in points


def source_of_chance(groups: Mapping[Group, Differences]) -> str:
    """Names what an interval over these groups accounts for: `images`, `images, splits, directions`, `none`, ..."""
    if only_images_count(list(groups.values())):
        return "images"
    sources = ["images"] if groups and all(group.images is not None for group in groups.values()) else []
    for name, field in (("splits", "split"), ("seeds", "seed"), ("directions", "target")):
        if len({getattr(group, field) for group in groups}) > 1:
            sources.append(name)
    return ", ".join(sources) or "none"


def collect_scores(table: pd.DataFrame, metric: str, images: ImageResults = NOT_RECORDED) -> Scores:
    """Sorts a results table into groups of networks that were trained and tested on the same images.

    Args:
      table: Results as in `results.csv`, of one of `averages.families`.
      metric: The column of accuracies, in [0, 1].
      images: Which test images each run got right.

    Raises:
      ValueError: The table mixes training volumes, has a network twice, or the images of a target do not match.
    """
    rows = averages.comparable(table[table["kind"].isin(treatments.KINDS)])
    volumes = sorted(rows["images_per_class"].unique().tolist())
    if len(volumes) > 1:
        raise ValueError(f"images_per_class: expected one training volume in the table, got {volumes}")
    groups: dict[Group, dict[Network, Score]] = {}
    cautions = diagnostics.cautions(rows, metric)
    for row, caution in zip(rows.to_dict("records"), cautions, strict=True):
        group, network = Group(row["split"], row["seed"], row["target"]), Network(row["kind"], row["n"])
        scores = groups.setdefault(group, {})
        if network in scores:
            raise ValueError(
                f"{network.kind} n = {network.n} of {group.target}, {group.split}, seed {group.seed} stands twice in "
                "the table; expected each network once"
            )
        known = metric != PER_CLASS or (row["split"], row["target"]) in images.labels
        scores[network] = Score(100 * row[metric], images.correct.get(row["run"]) if known else None, caution)
    weights = {task: class_weights(labels) for task, labels in images.labels.items()} if metric == PER_CLASS else {}
    return Scores(groups, _number_images(rows, images), weights)


def class_weights(labels: np.ndarray) -> np.ndarray:
    """How much each image counts in mean per-class accuracy: all images of a class together as much as of any other.

    Args:
      labels: int [images].

    Returns:
      float [images], 1 on average; 1 for each where all classes have as many images.
    """
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])


def _number_images(rows: pd.DataFrame, images: ImageResults) -> dict[tuple[str, str], np.ndarray]:
    """Numbers the test images of every (split, target) from 0 on, without gaps."""
    ids: dict[tuple[str, str], np.ndarray] = {}
    numbered = 0
    for run, split, target in zip(rows["run"], rows["split"], rows["target"], strict=True):
        if run not in images.correct:
            continue
        count, task = len(images.correct[run]), (split, target)
        if task not in ids:
            unknown = -1 - np.arange(numbered, numbered + count)  # negative: different from all known images
            ids[task] = images.image_ids.get(task, unknown)
            numbered += len(ids[task])
        if len(ids[task]) != count:
            raise ValueError(
                f"{run} was tested on {count} images, expected {len(ids[task])} as the others of {split}, {target}; "
                "train it again"
            )
    if not ids:
        return {}
    _, without_gaps = np.unique(np.concatenate(list(ids.values())), return_inverse=True)
    ends = np.cumsum([len(numbers) for numbers in ids.values()])
    return dict(zip(ids, np.split(without_gaps, ends[:-1]), strict=True))


def _subtract(scores: Mapping[Network, Score], contrasts: Sequence[Contrast]) -> _GroupDifferences:
    values = [
        np.mean([scores[first].accuracy - scores[second].accuracy for first, second in contrast.pairs])
        for contrast in contrasts
    ]
    needed = _networks(contrasts)
    correct = {name: 100.0 * known for name in needed if (known := scores[name].correct) is not None}
    if len(correct) < len(needed):
        return _GroupDifferences(np.array(values), None)
    per_image = [
        np.mean([correct[first] - correct[second] for first, second in contrast.pairs], 0) for contrast in contrasts
    ]
    return _GroupDifferences(np.array(values), np.array(per_image).T)


def _networks(contrasts: Sequence[Contrast]) -> set[Network]:
    return {network for contrast in contrasts for network in contrast.networks}
