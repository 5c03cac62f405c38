"""The transition from general to specific features: at which layer it lies, how wide it is, and how certain that is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tf_transfer.analysis.contrasts import collect_scores, source_of_chance
from tf_transfer.analysis.effects import EFFECTS
from tf_transfer.analysis.intervals import LEVEL, PooledDifferences, pool
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 4000  # the ends of a 95 % interval then vary by about a fortieth of its width


@dataclasses.dataclass(frozen=True)
class Location:
    """A position in the network or a distance, in layers, with its 95 % interval.

    Attributes:
      estimate: NaN where there is none; infinite where it lies above all measured layers.
      low: Lower end; NaN where the interval is unknown.
      high: Upper end; infinite where the position may lie above all measured layers.
    """

    estimate: float
    low: float
    high: float


UNKNOWN = Location(np.nan, np.nan, np.nan)


@dataclasses.dataclass(frozen=True)
class Transition:
    """Where features turn from general to specific.

    Attributes:
      layers: The layers at which both selffers and transfers were trained.
      crossover: The lowest layer from which on specialisation costs more than co-adaptation.
      centre: Mean layer of the transition. What specialisation costs at layer n, as a share of what it costs at the
        last one, is read as the share of the transition up to layer n. Unknown unless the cost at the last layer is
        significantly above zero.
      spread: Standard deviation of the transition over layers; 0 if all of it happens at one layer.
      groups: Number of independent repetitions.
      source_of_chance: What the intervals account for.
    """

    layers: tuple[int, ...]
    crossover: Location
    centre: Location
    spread: Location
    groups: int
    source_of_chance: str


def find_transition(table: pd.DataFrame, metric: str, images: ImageResults = NOT_RECORDED) -> Transition:
    """Locates the transition; its intervals take the uncertainty of all layers together into account.

    Only groups with a base, and with selffers and transfers at every measured layer, count.

    Args:
      table: Results as in `results.csv`.
      metric: The column of accuracies, in [0, 1].
      images: Which test images each run got right.
    """
    co_adaptation, specialisation = EFFECTS["co-adaptation"], EFFECTS["specialisation"]
    scores = collect_scores(table, metric, images)
    measured = tuple(n for n in scores.layers if scores.differences([specialisation.contrast([n])]))
    contrasts = [effect.contrast([n]) for effect in (co_adaptation, specialisation) for n in measured]
    groups = scores.differences(contrasts) if contrasts else {}
    if not groups:
        return Transition(measured, UNKNOWN, UNKNOWN, UNKNOWN, 0, "none")
    pooled = pool(list(groups.values()))
    layers = np.array(measured)
    draws = None if np.isnan(pooled.image_covariance).any() else pooled.draw(_DRAWS)
    estimate = _crossover(pooled.mean[None], layers)
    crossover = _location(estimate, None if draws is None else _crossover(draws, layers))
    centre, spread = _locate_centre_and_spread(pooled, draws, layers)
    return Transition(measured, crossover, centre, spread, pooled.num_groups, source_of_chance(groups))


def crossover_layer(co_adaptation: np.ndarray, specialisation: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """The lowest layer from which on specialisation costs more than co-adaptation.

    Args:
      co_adaptation: Points lost at each layer, float [cases, layers].
      specialisation: Likewise.
      layers: Numbers of these layers, int [layers].

    Returns:
      float [cases]; infinite where there is no such layer.
    """
    greater = specialisation > co_adaptation
    from_here_on = np.logical_and.accumulate(greater[:, ::-1], axis=1)[:, ::-1]
    return np.where(from_here_on.any(1), layers[from_here_on.argmax(1)], np.inf)


def centre_and_spread(specialisation: np.ndarray, layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean layer and standard deviation of the transition, see `Transition`.

    Args:
      specialisation: Points lost at each layer, float [cases, layers].
      layers: Numbers of these layers, int [layers].

    Returns:
      Two float [cases]; NaN where nothing is lost at the last layer.
    """
    added = np.diff(specialisation, prepend=0, axis=1)
    total = np.where(specialisation[:, -1:] > 0, specialisation[:, -1:], np.nan)
    centre = (added / total) @ layers
    variance = (added / total) @ layers**2 - centre**2
    return np.clip(centre, layers[0], layers[-1]), np.sqrt(np.maximum(variance, 0))


def _crossover(means: np.ndarray, layers: np.ndarray) -> np.ndarray:
    co_adaptation, specialisation = np.split(means, 2, axis=1)
    return crossover_layer(co_adaptation, specialisation, layers)


def _locate_centre_and_spread(
    pooled: PooledDifferences, draws: np.ndarray | None, layers: np.ndarray
) -> tuple[Location, Location]:
    at_last_layer = pooled.interval(len(pooled.mean) - 1)
    if at_last_layer.estimate <= 0 or at_last_layer.bounds()[0] <= 0:
        return UNKNOWN, UNKNOWN
    centre, spread = centre_and_spread(pooled.mean[None, len(layers) :], layers)
    if draws is None:
        return _location(centre), _location(spread)
    drawn_centre, drawn_spread = centre_and_spread(draws[:, len(layers) :], layers)
    return _location(centre, drawn_centre), _location(spread, drawn_spread)


def _location(estimate: np.ndarray, draws: np.ndarray | None = None) -> Location:
    if draws is None:
        return Location(float(estimate[0]), np.nan, np.nan)
    ends = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = np.quantile(draws[~np.isnan(draws)], ends, method="nearest")
    return Location(float(estimate[0]), float(low), float(high))
