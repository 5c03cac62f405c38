"""Effects: what each copied layer is worth on the target task, with 95 % intervals.

Names and meanings follow sections 2 and 4 of the paper, the averages over layers its Table 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tf_transfer.analysis.contrasts import Contrast, Group, Network, Pair, Scores, collect_scores, source_of_chance
from tf_transfer.analysis.diagnostics import INDISTINGUISHABLE
from tf_transfer.analysis.intervals import Differences, holm, pool
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd


class Effect(NamedTuple):
    """How far the accuracy of one kind of network lies above that of another, at the same n.

    Attributes:
      first: The kind whose accuracy is expected to be the higher one.
      second: The kind whose accuracy is subtracted.
    """

    first: str
    second: str

    def contrast(self, layers: Sequence[int]) -> Contrast:
        """The networks to compare, averaged over layers."""
        return Contrast(tuple(Pair(_network(self.first, n), _network(self.second, n)) for n in layers))


EFFECTS = {
    "co-adaptation": Effect("base", "selffer"),  # lost by splitting layers that learnt together
    "specialisation": Effect("selffer", "transfer"),  # lost because the copied layers are specific to the other task
    "transfer cost": Effect("base", "transfer"),  # the sum of both
    "recovery": Effect("transfer+", "transfer"),  # regained by fine-tuning the copied layers
    "boost over base": Effect("transfer+", "base"),  # gained over training from scratch
    "boost over BnB+": Effect("transfer+", "selffer+"),  # the same, compared with networks trained for as long
    "over random": Effect("transfer", "random"),  # what learnt features are worth compared with random ones
}
COLUMNS = (
    "effect", "layers", "n", "estimate", "low", "high", "p", "p_holm", "groups", "images", "source_of_chance",
    "group_error", "image_error", "caution",
)  # fmt: skip


def _network(kind: str, n: int) -> Network:
    return Network(kind, 0 if kind == "base" else n)


def layer_ranges(layers: Sequence[int]) -> list[list[int]]:
    """All layers, the upper two thirds and the upper third: 1-7, 3-7 and 5-7 of seven, as in the paper's Table 1.

    Args:
      layers: The layers that were measured, in order; thirds are those of 1..last.

    Returns:
      The measured layers of each range that has more than one of them, without duplicates.
    """
    last = layers[-1] if layers else 0
    ranges = [[n for n in layers if n >= 1 + third * last // 3] for third in range(3)]
    return [members for i, members in enumerate(ranges) if len(members) > 1 and members not in ranges[:i]]


def estimate_effects(table: pd.DataFrame, metric: str, images: ImageResults = NOT_RECORDED) -> pd.DataFrame:
    """Estimates every effect at every layer, and averaged over layers.

    Args:
      table: Results as in `results.csv`, of one of `averages.families`.
      metric: The column of accuracies, in [0, 1].
      images: Which test images each run got right. Without it, intervals come from the groups alone.

    Returns:
      One row per effect and layer, and per effect and range of layers, where networks were trained for it:
        effect: A key of `EFFECTS`.
        layers: `3`, or `3-7` for an average.
        n: The layer; missing for an average.
        estimate, low, high: In points of accuracy, with the 95 % interval; NaN where it is unknown.
        p, p_holm: For the hypothesis of no effect; corrected by Holm for all rows of the table.
        groups: Number of independent repetitions (see `Scores.differences`).
        images: Number of different test images; 0 where it was not recorded which ones were classified correctly.
        source_of_chance: What the interval accounts for. With `images` alone it holds for these networks only, not
          for others from another split or seed.
        group_error, image_error: The two standard errors, see `intervals.Interval`.
        caution: Why nothing should be concluded from the row: `at chance` and the like (`diagnostics.cautions`) of a
          network on either side, in any group, or `diagnostics.INDISTINGUISHABLE` if no test image tells the networks
          apart. Such a row has no p value.

    Raises:
      ValueError: As in `collect_scores`.
    """
    import pandas as pd

    scores = collect_scores(table, metric, images)
    rows = pd.DataFrame(_rows(scores), columns=COLUMNS)
    rows["n"] = rows["n"].astype("Int64")
    rows["p_holm"] = holm(rows["p"])
    return rows


def _rows(scores: Scores) -> Iterator[dict[str, object]]:
    for name, effect in EFFECTS.items():
        by_layer = {n: scores.differences([effect.contrast([n])]) for n in scores.layers}
        measured = [n for n, groups in by_layer.items() if groups]
        for n in measured:
            yield {"effect": name, "layers": str(n), "n": n} | _estimate(scores, effect.contrast([n]), by_layer[n])
        for layers in layer_ranges(measured):
            contrast = effect.contrast(layers)
            groups = scores.differences([contrast])
            if groups:
                yield {"effect": name, "layers": f"{layers[0]}-{layers[-1]}"} | _estimate(scores, contrast, groups)


def _estimate(scores: Scores, contrast: Contrast, groups: Mapping[Group, Differences]) -> dict[str, object]:
    interval = pool(list(groups.values())).interval()
    low, high = interval.bounds()
    cautions = scores.cautions(contrast) or [INDISTINGUISHABLE] * bool(interval.num_agreed)
    return {
        "estimate": interval.estimate,
        "low": low,
        "high": high,
        "p": interval.p if not cautions else math.nan,
        "groups": interval.num_groups,
        "images": interval.num_images,
        "source_of_chance": source_of_chance(groups),
        "group_error": interval.group_error,
        "image_error": interval.image_error,
        "caution": ", ".join(cautions),
    }
