"""Treatments: where each layer's weights come from, and whether they learn.

The names are the paper's: `baseB`, `B3B` (selffer), `A3B` (transfer), a `+` where the copied layers
are fine-tuned, `R3B` (random, frozen), and `A3B-preserve2` (two more layers copied, which learn).
"""

from __future__ import annotations

import dataclasses
import re

TASKS = ("A", "B")
KINDS = ("base", "selffer", "selffer+", "transfer", "transfer+", "random")  # in the order of tables and legends
NEW = "new"

_PATTERNS = {"base": "baseB", "selffer": "BnB", "transfer": "AnB", "random": "RnB"}
_KIND = re.compile(rf"(?P<word>{'|'.join(_PATTERNS)})(?P<plus>\+?)(?:-preserve(?P<preserve>[1-9]\d*))?")
_NAME = re.compile(r"(?P<source>[ABR])(?P<n>[1-9]\d*)(?P<target>[AB])(?P<plus>\+?)(?:-preserve(?P<preserve>[1-9]\d*))?")
_PATTERN = re.compile(r"(?P<source>[ABR])nB(?P<plus>\+?)(?:-preserve(?P<preserve>[1-9]\d*))?")
_PATTERN_HELP = "BnB, BnB+, AnB, AnB+, RnB, or AnB-preserve1 and the like"


@dataclasses.dataclass(frozen=True)
class Kind:
    """The kind of a treatment, whatever its layers and its target. As a string: `transfer+`, `selffer-preserve2`.

    Attributes:
      word: `base`, `selffer`, `transfer` or `random`.
      fine_tuned: Whether the copied layers learn too (the paper's `+`).
      preserve: Number of layers after n which are copied and learn.
    """

    word: str
    fine_tuned: bool = False
    preserve: int = 0

    def __str__(self) -> str:
        return self.word + self.suffix

    @property
    def suffix(self) -> str:
        """What follows the word, or the letters of a treatment's name: `+`, `-preserve2` and the like, or nothing."""
        return ("+" if self.fine_tuned else "") + (f"-preserve{self.preserve}" if self.preserve else "")

    @property
    def pattern(self) -> str:
        """The paper's name with n left open: `BnB`, `AnB+`, `AnB-preserve1`; `baseB` of a base."""
        return _PATTERNS[self.word] + self.suffix


@dataclasses.dataclass(frozen=True)
class LayerTreatment:
    """What is done to one layer.

    Attributes:
      origin: `A` or `B` (copied from that trained base), `R` (from a base that was never trained) or `new`.
      learns: Whether its weights are trained.
    """

    origin: str
    learns: bool


@dataclasses.dataclass(frozen=True, order=True)
class Treatment:
    """One way to make a network for a target task.

    Attributes:
      target: The task that the network is trained on, `A` or `B`.
      source: Where layers 1..n come from: `A`, `B`, `R`, or empty for a base.
      n: Number of layers copied from the source; 0 for a base.
      fine_tuned: Whether the copied layers learn too (the paper's `+`).
      preserve: Number of layers after n which are copied and learn.
    """

    target: str
    source: str = ""
    n: int = 0
    fine_tuned: bool = False
    preserve: int = 0

    def __post_init__(self):
        if bool(self.source) != bool(self.n):
            raise ValueError(f"a treatment copies n >= 1 layers from a source, or none: got {self}")
        if self.source == "R" and (self.fine_tuned or self.preserve):
            raise ValueError(
                f"{self.name}: random layers that learn are a network trained from scratch; use base{self.target}"
            )
        if self.fine_tuned and self.preserve:
            raise ValueError(f"{self.name}: fine-tuning already lets every copied layer learn; drop '-preserve' or '+'")

    @property
    def is_base(self) -> bool:
        """Whether nothing is copied."""
        return not self.source

    @property
    def kind(self) -> Kind:
        """Its kind: base, selffer, transfer or random, fine-tuned or not."""
        words = {"": "base", "R": "random", self.target: "selffer"}
        return Kind(words.get(self.source, "transfer"), self.fine_tuned, self.preserve)

    @property
    def name(self) -> str:
        """The paper's name, for example `A3B+`."""
        return f"base{self.target}" if self.is_base else f"{self.source}{self.n}{self.target}{self.kind.suffix}"

    @property
    def num_frozen(self) -> int:
        """Number of layers, from the first on, which do not learn."""
        return 0 if self.fine_tuned else self.n

    @property
    def num_copied(self) -> int:
        """Number of layers, from the first on, which come from the source; those of `R` were never trained."""
        return self.n + self.preserve

    def layers(self, num_layers: int) -> tuple[LayerTreatment, ...]:
        """Spells the treatment out for a network of `num_layers` layers, the last one the classifier.

        Raises:
          ValueError: More layers would be copied than the network has below its classifier.
        """
        if self.num_copied > num_layers - 1:
            raise ValueError(
                f"{self.name}: n must lie in 1..{num_layers - 1 - self.preserve} for a network of {num_layers} layers, "
                f"got n = {self.n}"
            )
        return tuple(
            LayerTreatment(self.source if layer <= self.num_copied else NEW, learns=layer > self.num_frozen)
            for layer in range(1, num_layers + 1)
        )


def parse(name: str) -> Treatment:
    """Reads a treatment's name, for example `B3B+`.

    Raises:
      ValueError: It is not the name of a treatment.
    """
    if name in ("baseA", "baseB"):
        return Treatment(target=name[-1])
    match = _NAME.fullmatch(name)
    if not match:
        raise ValueError(f"unknown treatment {name!r}: expected baseA, baseB, or a name such as B3B, A3B+, R3B")
    return Treatment(
        target=match["target"],
        source=match["source"],
        n=int(match["n"]),
        fine_tuned=bool(match["plus"]),
        preserve=int(match["preserve"] or 0),
    )


def parse_kind(text: str) -> Kind:
    """Reads a kind as tables spell it, for example `transfer+`.

    Raises:
      ValueError: It is not a kind of treatment.
    """
    match = _KIND.fullmatch(text)
    if not match:
        raise ValueError(f"unknown kind of treatment {text!r}: expected one of {KINDS}, or transfer-preserve1")
    return Kind(match["word"], bool(match["plus"]), int(match["preserve"] or 0))


def pattern(kind: str) -> str:
    """The paper's name of a kind with n left open: `transfer+` is `AnB+`, `transfer-preserve1` is `AnB-preserve1`."""
    return parse_kind(kind).pattern


def expand(pattern: str, target: str, n: int) -> Treatment:
    """Fills in a pattern such as `AnB+`, in which B stands for the target and A for the other task.

    Args:
      pattern: `BnB`, `BnB+`, `AnB`, `AnB+`, `RnB`, `AnB-preserve1`, ...
      target: The task to train on. With target `A`, the pattern `AnB` becomes `BnA`.
      n: Number of layers to copy.

    Raises:
      ValueError: The pattern is not known.
    """
    match = _PATTERN.fullmatch(pattern)
    if not match:
        raise ValueError(f"unknown treatment {pattern!r}: expected some of {_PATTERN_HELP}")
    other = "A" if target == "B" else "B"
    return Treatment(
        target=target,
        source={"A": other, "B": target, "R": "R"}[match["source"]],
        n=n,
        fine_tuned=bool(match["plus"]),
        preserve=int(match["preserve"] or 0),
    )
