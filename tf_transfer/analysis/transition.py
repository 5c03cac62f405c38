"""The transition from general to specific features: at which layer, over how many layers, and how sure that is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tf_transfer.analysis.contrasts import collect_scores, source_of_chance
from tf_transfer.analysis.effects import contrast
from tf_transfer.analysis.intervals import LEVEL, Joint, interval, join
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 4000  # the ends of a 95 % interval then waver by about a fortieth of its width


@dataclasses.dataclass(frozen=True)
class Location:
    """A place in the network, counted in layers, with its 95 % interval.

    Attributes:
      estimate: NaN where nothing was found; infinite where it lies above all measured layers.
      low: Lower end; NaN where nothing tells it.
      high: Upper end; infinite where the place may lie above all measured layers.
    """

    estimate: float
    low: float
    high: float


NOWHERE = Location(np.nan, np.nan, np.nan)


@dataclasses.dataclass(frozen=True)
class Transition:
    """Where features turn from general to specific.

    Attributes:
      layers: The layers at which both selffers and transfers were trained.
      crossover: The lowest layer from which on specialisation costs more than co-adaptation.
      centre: Mean layer of the transition. The specialisation that is lost by layer n is read as the share of the
        transition below n; each layer weighs what it adds to it. Not told where the specialisation of all layers
        together is not above zero beyond chance.
      spread: Standard deviation of the transition over layers; 0 if it happens all at one layer.
      groups: Number of independent repetitions.
      source_of_chance: What the intervals account for.
    """

    layers: tuple[int, ...]
    crossover: Location
    centre: Location
    spread: Location
    groups: int
    source_of_chance: str


def find_transition(
    table: pd.DataFrame,
    metric: str,
    images: ImageResults = NOT_RECORDED,
) -> Transition:
    """Locates the transition, with the uncertainty of all layers taken together.

    Only groups with base, selffers and transfers at every measured layer count.

    Args:
      table: Results as in `results.csv`.
      metric: The column of accuracies, in [0, 1].
      images: Which test images each run got right.
    """
    scores = collect_scores(table, metric, images)
    splitting = [n for n in scores.layers if scores.differences([contrast("specialisation", [n])])]
    effects = [contrast(effect, [n]) for effect in ("co-adaptation", "specialisation") for n in splitting]
    groups = scores.differences(effects) if effects else {}
    if not groups:
        return Transition(tuple(splitting), NOWHERE, NOWHERE, NOWHERE, 0, "none")
    joint = join(list(groups.values()))
    layers = np.array(splitting)
    known = not np.isnan(joint.image_covariance).any()
    draws = joint.draw(_DRAWS) if known else np.full((1, len(joint.mean)), np.nan)
    centre, spread = _centre_and_spread(joint, draws, layers)
    crossover = _locate(_crossover(joint.mean[None], layers), _crossover(draws, layers), known)
    return Transition(tuple(splitting), crossover, centre, spread, joint.groups, source_of_chance(groups))


def _crossover(means: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """The first layer from which on specialisation is the greater, in each row of [rows, 2 layers]."""
    co_adaptation, specialisation = np.split(means, 2, axis=1)
    greater = specialisation > co_adaptation
    from_here_on = np.logical_and.accumulate(greater[:, ::-1], axis=1)[:, ::-1]
    return np.where(from_here_on.any(1), layers[from_here_on.argmax(1)], np.inf)


def _centre_and_spread(joint: Joint, draws: np.ndarray, layers: np.ndarray) -> tuple[Location, Location]:
    last = interval(joint, len(joint.mean) - 1)
    if last.estimate <= 0 or last.bounds()[0] <= 0:
        return NOWHERE, NOWHERE
    count = len(layers)
    estimates = _moments(joint.mean[None, count:], layers)
    known = not np.isnan(joint.image_covariance).any()
    drawn = _moments(draws[:, count:], layers)
    return tuple(_locate(estimate, draw, known) for estimate, draw in zip(estimates, drawn, strict=True))


def _moments(specialisation: np.ndarray, layers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gained = np.diff(specialisation, prepend=0, axis=1)
    whole = np.where(specialisation[:, -1:] > 0, specialisation[:, -1:], np.nan)
    centre = (gained / whole) @ layers
    variance = (gained / whole) @ layers**2 - centre**2
    return np.clip(centre, layers[0], layers[-1]), np.sqrt(np.maximum(variance, 0))


def _locate(estimate: np.ndarray, draws: np.ndarray, known: bool) -> Location:
    if not known:
        return Location(float(estimate[0]), np.nan, np.nan)
    ends = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    low, high = np.quantile(draws[~np.isnan(draws)], ends, method="nearest")
    return Location(float(estimate[0]), float(low), float(high))
