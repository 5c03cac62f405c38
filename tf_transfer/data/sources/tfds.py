"""A TensorFlow Datasets data set as a source."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

import numpy as np
from absl import logging

from tf_transfer.data.sources import Example, Source, SourceOptions
from tf_transfer.data.sources.imagenet import open_imagenet
from tf_transfer.data.sources.splits import TEST, TRAIN, VAL, Division, divide, split_of
from tf_transfer.files.paths import local_path
from tf_transfer.files.printable import printable
from tf_transfer.files.quiet_import import import_quietly

_BATCH = 4096  # labels read at a time
_FILE_NAME_KEYS = ("file_name", "filename", "image/filename", "image/file_name", "image_id", "id", "name")


@dataclasses.dataclass(frozen=True)
class _Features:
    """Which features of an example are used."""

    image: str
    label: str
    file_name: str | None


def open_tfds(name: str, options: SourceOptions = SourceOptions()) -> Source:  # noqa: B008 (it is frozen)
    """Downloads (where TFDS can) and prepares a TFDS data set of images with one class label each.

    Whether it is one is settled before anything is downloaded. ImageNet, unless TFDS has prepared it already, is read
    straight from its tar files in `manual_dir`.

    Args:
      name: `NAME[/CONFIG][:VERSION]` as TFDS knows it, for example `cifar100`.
      options: All but `labels`.

    Raises:
      ValueError: The data set is not known, has no images with one label each, or its classes have too few images.
      FileNotFoundError: TFDS could not get the data.
    """
    logging.set_verbosity(logging.ERROR)  # TFDS warns of absent splits that nobody asked for
    import_quietly("tensorflow")  # which TFDS would import in the midst of its own progress
    import tensorflow_datasets as tfds

    data_dir, manual_dir = (str(local_path(path)) if path else None for path in (options.data_dir, options.manual_dir))
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    # RuntimeError and OSError: it asks the network for data sets that it does not define itself.
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError, ImportError, RuntimeError, OSError) as error:
        raise ValueError(
            f"TFDS has no data set {name!r} ({_first_line(error)}); see tensorflow.org/datasets"
        ) from error
    features = _find_features(builder, options.label_feature)
    if builder.name == "imagenet2012" and not builder.data_path.exists():
        return open_imagenet(builder, manual_dir)
    try:
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=manual_dir))
    except Exception as error:  # TFDS raises many kinds here: network, checksums, missing manual files
        raise FileNotFoundError(
            f"TFDS could not prepare {name!r}: {_first_line(error)}; "
            "check the network, or give --manual_dir with the files to be downloaded by hand"
        ) from error
    where = f"TFDS data set {builder.name!r}"
    class_names = _class_names(builder, features.label)
    splits, notes = _find_splits(builder, where)
    if features.label not in (builder.info.supervised_keys or ()):
        notes.append(f"labels are those of the feature {features.label!r}, images those of {features.image!r}")
    labels = {theirs: _read_labels(builder, theirs, features.label) for theirs in splits.values()}
    found: dict[str, dict[str, list[int]]] = {}
    for split, theirs in splits.items():
        notes += _describe_unlabelled(theirs, labels[theirs])
        if (labels[theirs] >= 0).any():
            found[split] = _positions(labels[theirs], class_names)
    if not found:
        raise ValueError(f"{where}: no example has a label (all are -1); choose another")
    division = divide(found, where, options.holdout, options.seed, options.min_images_per_class, splits)
    # A hold-out divides the only split that has labels.
    read_from = {
        split: splits[next(iter(found)) if division.held_out else _origin(split, found)] for split in division.items
    }
    held_out = f" (hold-out {options.holdout:g}, seed {options.seed})" if division.held_out else ""
    other_label = f" {features.label}" if options.label_feature else ""
    return Source(
        name=f"tfds:{builder.info.full_name}{other_label}{held_out}",
        identity=f"{builder.info.full_name} {division.counts}",
        class_names=division.class_names,
        counts=division.counts,
        examples=lambda split: _examples(builder, read_from[split], _labels_of(division, split), features),
        notes=(*notes, *division.notes),
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _find_features(builder, wanted: str | None) -> _Features:
    """Which features are image and label; a ValueError says in one line why there are none."""
    from tensorflow_datasets.core import features as kinds

    spec = builder.info.features
    features = dict(spec.items()) if hasattr(spec, "items") else {}
    images = [key for key, kind in features.items() if isinstance(kind, kinds.Image) and _is_plain(kind, kinds)]
    labels = [key for key, kind in features.items() if isinstance(kind, kinds.ClassLabel)]
    where = f"TFDS data set {builder.name!r}"
    image, label = _supervised_pair(builder, images)
    if wanted:
        if wanted not in labels:
            raise ValueError(f"{where} has no class label {wanted!r}; it has {', '.join(labels) or 'none'}")
        label = wanted
    if not images:
        has = ", ".join(f"{key}: {type(kind).__name__}" for key, kind in features.items())[:200]
        raise ValueError(
            f"{where} is not one of images with class labels (it has {has or 'no features'}); choose another"
        )
    if image is None:
        if len(images) > 1:
            raise ValueError(f"{where} has several images in each example ({', '.join(images)}); choose another")
        image = images[0]
    if label is None or label not in labels:
        label = _only_label(where, features, label, labels)
    if features[image].np_dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{where}: its images hold {np.dtype(features[image].np_dtype)}, not 8 or 16 bits; choose another"
        )
    names = [key for key in _FILE_NAME_KEYS if isinstance(features.get(key), kinds.Text)]
    return _Features(image, label, names[0] if names else None)


def _is_plain(feature, kinds) -> bool:
    return not isinstance(feature, kinds.LabeledImage)  # a mask of the classes of pixels


def _supervised_pair(builder, images: list[str]) -> tuple[str | None, str | None]:
    """The image and the label that are meant for training, as far as the data set says so."""
    keys = builder.info.supervised_keys
    if not keys or len(keys) < 2 or not all(isinstance(key, str) for key in keys[:2]) or keys[0] not in images:
        return None, None
    return keys[0], keys[1]


def _only_label(where: str, features: Mapping, meant: str | None, labels: list[str]) -> str:
    lists = [key for key, kind in features.items() if _is_list_of_labels(kind)]
    if meant in lists or (not labels and lists):
        instead = f"; it also has one label of another kind: --label_feature={' or '.join(labels)}" if labels else ""
        raise ValueError(
            f"{where} gives each image any number of labels ({meant or ', '.join(lists)}), and a network here tells "
            f"classes apart that exclude each other; choose another{instead}"
        )
    if not labels:
        what = f"{meant!r} is {type(features[meant]).__name__}" if meant in features else "no feature is a ClassLabel"
        raise ValueError(f"{where} is not one of images with class labels ({what}); choose another")
    if len(labels) > 1:
        raise ValueError(f"{where} has several labels; choose one: --label_feature={' or '.join(labels)}")
    return labels[0]


def _is_list_of_labels(feature) -> bool:
    from tensorflow_datasets.core import features as kinds

    inner = getattr(feature, "feature", None)
    return isinstance(feature, kinds.Sequence) and isinstance(inner, kinds.ClassLabel)


def _class_names(builder, key: str) -> tuple[str, ...]:
    feature = builder.info.features[key]
    if not feature.num_classes:  # may be known only once the data set is prepared
        raise ValueError(f"TFDS data set {builder.name!r} does not say how many classes {key!r} has; choose another")
    return tuple(map(printable, feature.names))


def _find_splits(builder, where: str) -> tuple[dict[str, str], list[str]]:
    """What TFDS calls the training, test and validation images, and notes for the user."""
    names = [name for name in builder.info.splits if builder.info.splits[name].num_examples]
    # ImageNet's own test labels were never published; its validation images serve as test images (as in the paper).
    usable = [name for name in names if not (builder.name.startswith("imagenet2012") and name == "test")]
    splits: dict[str, str] = {}
    for split, usual in ((TRAIN, "train"), (TEST, "test"), (VAL, "validation")):
        named_so = [name for name in usable if split_of(name) == split]
        if usual in named_so:
            named_so = [usual]
        if len(named_so) > 1:
            raise ValueError(f"{where} has several splits for {split} ({', '.join(named_so)}); choose another")
        if named_so:
            splits[split] = named_so[0]
    if not splits and len(usable) == 1:
        splits[TRAIN] = usable[0]
    if not splits:
        raise ValueError(f"{where} has no split called train, test or validation, only {', '.join(names) or 'none'}")
    unused = [name for name in usable if name not in splits.values()]
    return splits, [f"splits that are not used: {', '.join(unused)}"] if unused else []


def _read_labels(builder, split: str, key: str) -> np.ndarray:
    """Labels of a split in the order of its examples, int64; images are not even decompressed."""
    import tensorflow_datasets as tfds

    dataset = _dataset(builder, split, tfds.decode.PartialDecoding({key: True})).batch(_BATCH)
    return np.concatenate([np.zeros(0, np.int64), *(batch[key] for batch in tfds.as_numpy(dataset))]).astype(np.int64)


def _dataset(builder, split: str, decoders):
    import tensorflow_datasets as tfds

    read_config = tfds.ReadConfig(interleave_cycle_length=1)  # keeps the order of the files
    return builder.as_dataset(split=split, decoders=decoders, read_config=read_config, shuffle_files=False)


def _describe_unlabelled(split: str, labels: np.ndarray) -> list[str]:
    without = int((labels < 0).sum())
    if not without:
        return []
    return [f"{split}: {without:,} of {len(labels):,} examples have no label (-1) and are left out"]


def _positions(labels: np.ndarray, class_names: tuple[str, ...]) -> dict[str, list[int]]:
    """By class name, the positions of its examples, in order."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(class_names) + 1))
    return {name: order[starts[label] : starts[label + 1]].tolist() for label, name in enumerate(class_names)}


def _origin(split: str, found: Mapping[str, object]) -> str:
    return split if split in found else VAL  # validation images that serve as test images


def _labels_of(division: Division[int], split: str) -> dict[int, int]:
    """By position in the split that it is read from, the label of each example that is used."""
    classes = division.items[split]
    return {position: label for label, name in enumerate(division.class_names) for position in classes[name]}


def _examples(builder, split: str, labels: dict[int, int], features: _Features) -> Iterable[Example]:
    import tensorflow_datasets as tfds

    wanted = {key: True for key in (features.image, features.file_name) if key}
    decoders = tfds.decode.PartialDecoding(wanted, decoders={features.image: tfds.decode.SkipDecoding()})
    for number, example in enumerate(tfds.as_numpy(_dataset(builder, split, decoders))):
        if number in labels:
            name = f"{split}[{number}]"
            if features.file_name:
                name += f" {example[features.file_name].decode(errors='replace')}"
            yield Example(name, labels[number], functools.partial(bytes, example[features.image]))
