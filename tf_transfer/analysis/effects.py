"""Effects: what each copied layer is worth on the target task, with 95 % intervals.

The names and what they mean follow the paper's sections 2 and 4; the averages over layers its Table 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tf_transfer.analysis.contrasts import Contrast, Scores, collect_scores, source_of_chance
from tf_transfer.analysis.intervals import Differences, holm, interval, join
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd

# Each the mean accuracy of the first kind minus that of the second, at the same n.
EFFECTS = {
    "co-adaptation": ("base", "selffer"),  # lost by splitting layers that had learnt together
    "specialisation": ("selffer", "transfer"),  # lost because the copied layers were made for the other task
    "transfer cost": ("base", "transfer"),  # both together
    "recovery": ("transfer+", "transfer"),  # won back by letting the copied layers learn
    "boost over base": ("transfer+", "base"),  # won over training from scratch
    "boost over BnB+": ("transfer+", "selffer+"),  # the same, with as much training
    "over random": ("transfer", "random"),  # what learnt features are worth beside random ones
}
COLUMNS = (
    "effect", "layers", "n", "estimate", "low", "high", "p", "p_holm", "groups", "images", "source_of_chance",
    "group_error", "image_error",
)  # fmt: skip


def contrast(effect: str, layers: list[int]) -> Contrast:
    """The networks whose accuracies an effect compares, averaged over layers."""
    first, second = ((kind, 0 if kind == "base" else None) for kind in EFFECTS[effect])
    return [tuple((kind, n if fixed is None else fixed) for kind, fixed in (first, second)) for n in layers]


def layer_ranges(layers: list[int]) -> list[list[int]]:
    """All layers, the upper two thirds and the upper third: 1-7, 3-7 and 5-7 of seven, as in the paper's Table 1.

    Args:
      layers: The layers that were measured, in order; thirds are those of 1..last.

    Returns:
      The measured layers of each range, where there is more than one, no range twice.
    """
    last = layers[-1] if layers else 0
    ranges = [[n for n in layers if n >= 1 + third * last // 3] for third in range(3)]
    return [members for i, members in enumerate(ranges) if len(members) > 1 and members not in ranges[:i]]


def estimate_effects(
    table: pd.DataFrame,
    metric: str,
    images: ImageResults = NOT_RECORDED,
) -> pd.DataFrame:
    """Estimates every effect at every layer, and averaged over layers.

    Args:
      table: Results as in `results.csv`, of one of `analysis.families`.
      metric: The column of accuracies, in [0, 1].
      images: Which test images each run got right. Without it, intervals come from the groups alone.

    Returns:
      One row per effect and layer, and per effect and range of layers, where networks were trained for it:
        effect: A key of `EFFECTS`.
        layers: `3`, or `3-7` for an average.
        n: The layer; missing for an average.
        estimate, low, high: In points of accuracy, with the 95 % interval; NaN where nothing tells it.
        p, p_holm: Of no effect; corrected by Holm for all rows of the table.
        groups: Number of independent repetitions (see `Scores.differences`).
        images: Number of different test images; 0 where it is not known which ones were classified correctly.
        source_of_chance: What the interval accounts for. `images` alone speaks of these networks only, not of others
          from another split or seed.
        group_error, image_error: Standard errors of both kinds, see `intervals.Interval`.

    Raises:
      ValueError: As in `collect_scores`.
    """
    import pandas as pd

    scores = collect_scores(table, metric, images)
    rows = pd.DataFrame(_rows(scores), columns=COLUMNS)
    rows["n"] = rows["n"].astype("Int64")
    rows["p_holm"] = holm(rows["p"])
    return rows


def _rows(scores: Scores) -> Iterator[dict]:
    for effect in EFFECTS:
        by_layer = {n: scores.differences([contrast(effect, [n])]) for n in scores.layers}
        there = [n for n, groups in by_layer.items() if groups]
        for n in there:
            yield {"effect": effect, "layers": str(n), "n": n} | _estimate(by_layer[n])
        for layers in layer_ranges(there):
            groups = scores.differences([contrast(effect, layers)])
            if groups:
                yield {"effect": effect, "layers": f"{layers[0]}-{layers[-1]}"} | _estimate(groups)


def _estimate(groups: Mapping[tuple, Differences]) -> dict:
    joint = join(list(groups.values()))
    found = interval(joint)
    low, high = found.bounds()
    return {
        "estimate": found.estimate,
        "low": low,
        "high": high,
        "p": found.p,
        "groups": joint.groups,
        "images": joint.images,
        "source_of_chance": source_of_chance(groups),
        "group_error": found.group_error,
        "image_error": found.image_error,
    }
