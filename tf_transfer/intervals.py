"""Intervals for means of paired differences, with two sources of chance: the networks' groups and the test images.

A *group* is what was repeated as a whole: a class split, seed and direction. Within a group all networks are compared
on the same test images; groups may share test images too.

With U groups of means d_u, of which the pairs share images with covariance C (averaged over all pairs of groups; 0 where
no image is shared), the variance of their mean is var(d_u) / U + C, without bias: var(d_u) holds all chance of a group
and of its own images, but not what the images do to all groups alike. The first part has U - 1 degrees of freedom, the
second practically unlimited ones (Satterthwaite's approximation). With one group there is the images' variance alone.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Differences:
    """What one group says of K differences.

    Attributes:
      values: float [K], in points.
      images: float [images, K], the differences on each test image, in points; None where they are not known.
      image_ids: int [images], the same number for the same image in all groups, none twice; None with `images`.
    """

    values: np.ndarray
    images: np.ndarray | None = None
    image_ids: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Joint:
    """Means of K differences over all groups, and what chance does to them.

    Attributes:
      mean: float [K], in points.
      group_covariance: float [K, K], from group to group; zero with one group.
      image_covariance: float [K, K], from the images that the groups share, or those of the one group.
      groups: Number of groups.
      images: Number of different test images; 0 where not all groups have them.
    """

    mean: np.ndarray
    group_covariance: np.ndarray
    image_covariance: np.ndarray
    groups: int
    images: int

    def draw(self, count: int, seed: int = 0) -> np.ndarray:
        """Draws means as they might as well have come out, float [count, K]; the groups' part from a t distribution."""
        rng = np.random.default_rng(seed)
        drawn = self.mean + rng.standard_normal((count, len(self.mean))) @ _root(self.image_covariance)
        if self.groups > 1:
            freedom = self.groups - 1
            scale = np.sqrt(rng.chisquare(freedom, (count, 1)) / freedom)
            drawn += rng.standard_normal((count, len(self.mean))) @ _root(self.group_covariance) / scale
        return drawn


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate with its interval, in points.

    Attributes:
      estimate: The mean difference.
      standard_error: Its standard error; NaN where nothing tells it.
      degrees_of_freedom: Of the t distribution that belongs to it.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float

    def bounds(self, comparisons: int = 1) -> tuple[float, float]:
        """Lower and upper end; 95 % hold for all of so many comparisons at once (Bonferroni)."""
        reach = stats.t.ppf(1 - (1 - LEVEL) / 2 / comparisons, self.degrees_of_freedom) * self.standard_error
        return float(self.estimate - reach), float(self.estimate + reach)

    @property
    def p(self) -> float:
        """Two-sided p value of no difference."""
        if self.standard_error == 0:
            return 1.0  # by `interval`, the estimate is 0 too
        return float(2 * stats.t.sf(abs(self.estimate) / self.standard_error, self.degrees_of_freedom))


def join(groups: Sequence[Differences]) -> Joint:
    """Averages the differences of all groups, each group counting the same.

    Args:
      groups: At least one, all of the same K differences.
    """
    values = np.array([group.values for group in groups], float)
    known = all(group.images is not None for group in groups)
    none = np.zeros((values.shape[1],) * 2)
    if len(groups) == 1:
        images = _single_covariance(groups[0].images) if known else none * np.nan
        between = none
    else:
        images = _shared_covariance(groups) if known else none
        between = np.atleast_2d(np.cov(values, rowvar=False)) / len(groups)
    count = len(np.unique(np.concatenate([group.image_ids for group in groups]))) if known else 0
    return Joint(values.mean(0), between, images, len(groups), count)


def interval(joint: Joint, index: int = 0) -> Interval:
    """The interval of one of the joint differences.

    No interval is known (NaN) with one group without images, nor where a difference never varies and yet is not 0.
    """
    estimate = float(joint.mean[index])
    between = float(joint.group_covariance[index, index])
    shared = max(0.0, float(joint.image_covariance[index, index]))
    if np.isnan(joint.image_covariance[index, index]):
        return Interval(estimate, np.nan, np.nan)
    variance = between + shared
    if variance == 0:
        return Interval(estimate, 0.0 if estimate == 0 else np.nan, np.inf)
    if joint.groups == 1:
        return Interval(estimate, variance**0.5, float(joint.images - 1))
    freedom = (joint.groups - 1) * (variance / between) ** 2 if between else np.inf
    return Interval(estimate, variance**0.5, float(freedom))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm's correction: below 0.05, the chance that any of these is a false finding is at most 5 %.

    Args:
      p_values: May hold NaN, which stays NaN and does not count.

    Returns:
      float [p_values], in the same order.
    """
    p_values = np.asarray(p_values, float)
    corrected = np.full(p_values.shape, np.nan)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * factors)) if len(order) else []
    return corrected


def _single_covariance(images: np.ndarray) -> np.ndarray:
    if len(images) < 2:
        return np.full((images.shape[1],) * 2, np.nan)
    return np.atleast_2d(np.cov(images, rowvar=False)) / len(images)


def _shared_covariance(groups: Sequence[Differences]) -> np.ndarray:
    total = np.zeros((groups[0].images.shape[1],) * 2)
    centred = [group.images - group.images.mean(0) for group in groups]
    for one, other in itertools.combinations(range(len(groups)), 2):
        ids = groups[one].image_ids, groups[other].image_ids
        _, rows, columns = np.intersect1d(*ids, assume_unique=True, return_indices=True)
        product = centred[one][rows].T @ centred[other][columns]
        total += (product + product.T) / (len(ids[0]) * len(ids[1]))
    return total / (len(groups) * (len(groups) - 1))


def _root(covariance: np.ndarray) -> np.ndarray:
    variances, axes = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(variances, 0))[:, None] * axes.T
