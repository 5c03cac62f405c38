"""What a network predicted for each test image: enough for every metric, without its logits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a network predicted for each test image.

    Attributes:
      labels: int32 [images], the class of each, in [0, number of classes).
      predicted: int32 [images], the class that the network finds most likely.
      confidence: float32 [images], the probability that it gives to that class.
      ranks: int32 [images], the number of classes that it finds more likely than the right one; 0 where it is right.
    """

    labels: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    ranks: np.ndarray

    def __post_init__(self):
        for name, array in self.to_arrays().items():
            expected = np.dtype(np.float32 if name == "confidence" else np.int32)
            if array.dtype != expected or array.shape != self.labels.shape or array.ndim != 1:
                raise ValueError(f"{name} is {array.dtype} of shape {array.shape} instead of {expected} [images]")
        if not len(self.labels) or min(self.labels.min(), self.predicted.min(), self.ranks.min()) < 0:
            raise ValueError("labels, classes and ranks must be 0 or more, of one image or more")

    @classmethod
    def from_logits(cls, labels: np.ndarray, logits: np.ndarray) -> Predictions:
        """Computes predictions from logits.

        Args:
          labels: int [images].
          logits: float [images, classes].
        """
        images = np.arange(len(labels))
        predicted = logits.argmax(-1)
        with np.errstate(invalid="ignore", over="ignore"):  # of a network that has diverged
            shifted = np.exp(logits - logits.max(-1, keepdims=True))
            confidence = shifted[images, predicted] / shifted.sum(-1)
            likelier = (logits > logits[images, labels][:, None]).sum(-1)
        ranks = np.where(predicted == labels, 0, np.maximum(likelier, 1))  # a tie goes to the first, as in argmax
        return cls(
            np.asarray(labels, np.int32),
            predicted.astype(np.int32),
            np.nan_to_num(confidence, nan=0.0).astype(np.float32),
            ranks.astype(np.int32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Predictions]) -> Predictions:
        """Joins the predictions of several batches."""
        arrays = [part.to_arrays() for part in parts]
        return cls(**{name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Predictions:
        """Reads what `to_arrays` returned.

        Raises:
          ValueError: An array is missing, unknown, or of another type or length.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if arrays.keys() != names:
            raise ValueError(f"it holds {sorted(arrays)} instead of {sorted(names)}")
        return cls(**arrays)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def correct(self) -> np.ndarray:
        """Bool [images], where the network is right."""
        return self.ranks == 0

    def top1(self) -> float:
        """Share of images that it gets right."""
        return float(self.correct.mean())

    def top5(self) -> float:
        """Share of images whose class is among the five that it finds most likely."""
        return float((self.ranks < 5).mean())

    def per_class_accuracy(self) -> np.ndarray:
        """Float [classes that have images], the share of each class's images that it gets right."""
        counts = np.bincount(self.labels)
        right = np.bincount(self.labels, weights=self.correct)
        return right[counts > 0] / counts[counts > 0]

    def mean_per_class_accuracy(self) -> float:
        """Mean of the classes' accuracies, in which a rare class counts as much as a frequent one."""
        return float(self.per_class_accuracy().mean())
