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
      counts: Number of examples of `train`, of `test` and perhaps of `val`; an estimate where counting would take long.
      examples: Returns the examples of a split, in a fixed order.
      notes: What was decided when it was opened, in sentences for the user.
      left_out: One line for each file that is no example, its name and why.
    """

    name: str
    identity: str
    class_names: tuple[str, ...]
    counts: dict[str, int]
    examples: Callable[[str], Iterable[Example]]
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """How a source is opened.

    Attributes:
      data_dir: Where TFDS keeps its data sets; None for its default.
      manual_dir: Directory of the files that TFDS cannot download itself.
      holdout: Share of each class that is held out as test images, where there are no test or validation images.
      seed: Seed of that hold-out and of the drawn shapes.
      labels: A CSV with the labels of a folder's images, see `labels_csv.read_labels`.
      min_images_per_class: Leave out classes with fewer images, and those that cannot be tested; 0 makes them an error.
      label_feature: Of a TFDS data set, the feature with the labels, where it has several.
    """

    data_dir: str | None = None
    manual_dir: str | None = None
    holdout: float = 0.2
    seed: int = 0
    labels: str | None = None
    min_images_per_class: int = 0
    label_feature: str | None = None


def identity_of(files: Iterable[tuple[str, int]]) -> str:
    """SHA-256 over names and sizes (in bytes) of files, in hexadecimal."""
    digest = hashlib.sha256()
    for name, size in files:
        digest.update(f"{name}\0{size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def open_source(spec: str, **options) -> Source:
    """Opens the source that a string such as `folder:photos` names.

    Args:
      spec: `tfds:NAME[/CONFIG]`, `folder:DIR` or `shapes`.
      **options: Fields of `SourceOptions`.

    Raises:
      ValueError: The string names no kind of source, or its images cannot be used as they are; the message says why.
      FileNotFoundError: The source does not exist.
    """
    opened = SourceOptions(**options)
    if opened.min_images_per_class < 0:
        raise ValueError(f"min_images_per_class must be 0 or a number of images, got {opened.min_images_per_class}")
    kind, _, rest = spec.partition(":")
    if opened.labels and kind != "folder":
        raise ValueError(f"--labels is for --source=folder:DIR; {spec!r} has its own labels")
    if opened.label_feature and kind != "tfds":
        raise ValueError(f"--label_feature is for --source=tfds:NAME, not for {spec!r}")
    if kind == "folder" and rest:
        from tf_transfer.data.sources import folder

        return folder.open_folder(rest, opened)
    if kind == "tfds" and rest:
        from tf_transfer.data.sources import tfds

        return tfds.open_tfds(rest, opened)
    if spec == "shapes":
        from tf_transfer.data.sources import shapes

        return shapes.open_shapes(seed=opened.seed)
    raise ValueError(f"unknown source {spec!r}: expected tfds:NAME[/CONFIG], folder:DIR or shapes")
