"""What stands beside the figures: title, caption, and in words what they show, for those who cannot see them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tf_transfer.analysis.effects import EFFECTS
from tf_transfer.experiment import treatments

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Caption:
    """What stands beside a figure.

    Attributes:
      title: Its heading.
      text: How to read it.
    """

    title: str
    text: str


CAPTIONS = {
    "figure2": Caption(
        "Accuracy over the layer of the cut",
        "Figure 2 of the paper. Above: every network a point. Below: lines through the means of each treatment; all of "
        "them start from the base at n = 0.",
    ),
    "figure2_published": Caption(
        "Beside the published curves",
        "The lower panel once more, with the means that the paper's authors published (ImageNet, CaffeNet) thin and "
        "pale behind it. The shapes may be compared, the levels may not: they are other images and another network.",
    ),
    "effects": Caption(
        "What each layer costs and gains",
        "Means relative to the base. Below it, what is lost by splitting layers that had learnt together, and on top "
        "of that what is lost because layers are specific to the other task; above it, what transfer and fine-tuning "
        "gain. The bands are 95 % intervals of each line; where there is none, nothing tells it.",
    ),
    "each_effect": Caption(
        "Each effect by itself",
        "With 95 % intervals; each panel has a scale of its own. A filled point differs from zero even after the "
        "correction for all comparisons (Holm), an open one does not.",
    ),
    "learning_curves": Caption(
        "Learning curves",
        "Top-1 accuracy at each test, averaged over splits and seeds; of bases also on the batches that they were "
        "trained on, dropout and all. A curve that still rises at its end belongs to an unfinished network.",
    ),
    "figure3": Caption(
        "Other splits and random filters",
        "Figure 3 of the paper: natural and man-made classes and random filters, where there are such networks, and "
        "all transfers relative to the base of their own task.",
    ),
    "figure3_published": Caption(
        "Other splits and random filters, beside the published curves",
        "The same with the scores that the paper's authors published (ImageNet, CaffeNet), of random filters and of "
        "such transfers, thin and pale behind it; best compared where each is relative to its own base.",
    ),
    "reduced_volume": Caption(
        "Fewer images",
        "Accuracy of networks trained from scratch on a limited number of images per class, on a linear and on a "
        "logarithmic axis (supplement of the paper).",
    ),
    "reduced_volume_published": Caption(
        "Fewer images, beside the published curve",
        "The same with the scores that the paper's authors published, of all 1000 classes of ImageNet, thin and pale "
        "behind it; on the linear axis as far as one's own numbers of images reach.",
    ),
    "preserve": Caption(
        "Preserved layers",
        "Layers n + 1 to n + p copied too, but left to learn, beside networks that draw them anew.",
    ),
}  # fmt: skip

FILTERS = Caption("First-layer filters of the bases", "Each stretched to the full range of colours; of")


def describe_means(means: pd.DataFrame) -> str:
    """Says what accuracies a figure shows: `AnB 50.4, 48.1 % at n = 1, 2`."""
    found = []
    for kind, row in means.iterrows():
        row = row.dropna()
        at = "" if kind == "base" else f" at n = {', '.join(str(n) for n in row.index)}"
        found.append(f"{treatments.pattern(kind)} {', '.join(f'{value:.1f}' for value in row)} %{at}")
    return "Top-1 accuracy: " + "; ".join(found) + "."


def describe_effects(effects: pd.DataFrame) -> str:
    """Says what effects a figure shows: `co-adaptation 0.1, 0.3 points at n = 1, 2`."""
    found = []
    for name in EFFECTS:
        rows = effects[(effects["effect"] == name) & effects["n"].notna()]
        if len(rows):
            values = ", ".join(f"{value:.1f}" for value in rows["estimate"])
            found.append(f"{name} {values} points at n = {', '.join(str(n) for n in rows['n'])}")
    return "; ".join(found) + "."
