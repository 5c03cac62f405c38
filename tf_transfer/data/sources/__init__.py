"""Sources, from which image stores are made: a folder of images, a TFDS data set, or drawn shapes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable

from PIL import Image


@dataclasses.dataclass(frozen=True)
class Example:
    """One labelled image that has not been read yet.

    Attributes:
      name: What the image is called where it is reported.
      label: Its class index.
      load: Returns the image file's bytes, or an image that needs no decoding. If it raises, the image is set aside.
    """

    name: str
    label: int
    load: Callable[[], bytes | Image.Image]


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set to make an image store from.

    Attributes:
      name: What it is called, for example `folder:cifar100`.
      identity: Differs for other files of the same name, see `identity_of`.
      class_names: Class names in label order.
      counts: Number of examples of `train` and of `test`; an estimate where counting would take long.
      examples: Returns the examples of `train` or of `test`, in a fixed order.
    """

    name: str
    identity: str
    class_names: tuple[str, ...]
    counts: dict[str, int]
    examples: Callable[[str], Iterable[Example]]


def identity_of(files: Iterable[tuple[str, int]]) -> str:
    """SHA-256 over names and sizes (in bytes) of files, in hexadecimal."""
    digest = hashlib.sha256()
    for name, size in files:
        digest.update(f"{name}\0{size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def open_source(
    spec: str,
    data_dir: str | None = None,
    manual_dir: str | None = None,
    holdout: float = 0.2,
    seed: int = 0,
) -> Source:
    """Opens the source that a string such as `folder:photos` names.

    Args:
      spec: `tfds:NAME[/CONFIG]`, `folder:DIR` or `shapes`.
      data_dir: Where TFDS keeps its data sets; None for its default.
      manual_dir: Directory of the files that TFDS cannot download itself.
      holdout: Share of each class held out as test images, for a folder without `train` and `test`.
      seed: Seed of that hold-out and of the drawn shapes.

    Raises:
      ValueError: The string names no kind of source.
      FileNotFoundError: The source does not exist.
    """
    kind, _, rest = spec.partition(":")
    if kind == "folder" and rest:
        from tf_transfer.data.sources import folder

        return folder.open_folder(rest, holdout=holdout, seed=seed)
    if kind == "tfds" and rest:
        from tf_transfer.data.sources import tfds

        return tfds.open_tfds(rest, data_dir=data_dir, manual_dir=manual_dir)
    if spec == "shapes":
        from tf_transfer.data.sources import shapes

        return shapes.open_shapes(seed=seed)
    raise ValueError(f"unknown source {spec!r}: expected tfds:NAME[/CONFIG], folder:DIR or shapes")
