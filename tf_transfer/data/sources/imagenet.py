"""ImageNet (ILSVRC2012) as a source, straight from its two official tar files.

TFDS's own builder reads them, corrects the colours of the few images that need it, and knows the validation labels;
only the copy of 150 GB that TFDS would write first is left out.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator

from tf_transfer.data.expected_stores import IMAGENET_TEST, IMAGENET_TRAIN
from tf_transfer.data.sources import Example, Source, identity_of

# The official files: name, size in bytes, number of images.
TARS = {
    "train": ("ILSVRC2012_img_train.tar", 147_897_477_120, IMAGENET_TRAIN),
    "test": ("ILSVRC2012_img_val.tar", 6_744_924_160, IMAGENET_TEST),
}
_TFDS_SPLITS = {"train": "train", "test": "validation"}
_VALIDATION_NAME = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG")
_END_OF_TAR = bytes(1024)  # every tar file ends in at least two blocks of zeros


def open_imagenet(builder, manual_dir: str | None) -> Source:
    """Opens the two tar files.

    Args:
      builder: TFDS's builder of `imagenet2012`, which has not prepared anything.
      manual_dir: Where the tar files lie.

    Raises:
      FileNotFoundError: There is no directory or tar file; the message says what to download and where to put it.
      ValueError: A tar file is cut off, or the names of its validation images are not the official ones.
    """
    paths = {split: _find_tar(manual_dir, name) for split, (name, _, _) in TARS.items()}
    names = {split: _member_names(path) for split, path in paths.items()}
    _check_validation_names(paths["test"], names["test"])
    sizes = {split: path.stat().st_size for split, path in paths.items()}
    return Source(
        name=f"tfds:{builder.info.full_name}",
        identity=identity_of((paths[split].name, size) for split, size in sizes.items()),
        class_names=tuple(builder.info.features["label"].names),
        # To count them would take minutes or hours. For the official files this is exact.
        counts={split: max(1, round(count * sizes[split] / size)) for split, (_, size, count) in TARS.items()},
        examples=lambda split: _examples(builder, paths[split], split),
    )


def _find_tar(manual_dir: str | None, name: str) -> pathlib.Path:
    path = pathlib.Path(manual_dir or ".") / name
    if manual_dir and path.is_file():
        return path
    files = " and ".join(f"{name} ({size / 1e9:.1f} GB)" for name, size, _ in TARS.values())
    raise FileNotFoundError(
        f"{f'{path} does not exist' if manual_dir else '--manual_dir is missing'}; register at "
        f"image-net.org/download-images, download {files}, put both into one directory and give it as --manual_dir"
    )


def _member_names(path: pathlib.Path) -> list[str]:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - len(_END_OF_TAR)))
        ends_as_a_tar = file.read() == _END_OF_TAR
    # The tar files of the classes inside it end in zeros too: one cut off there has the right end, but too little data.
    with contextlib.suppress(tarfile.TarError):
        if ends_as_a_tar:
            with tarfile.open(path, "r:") as tar:
                return tar.getnames()
    raise ValueError(f"{path} is cut off, or no tar file; download it again")


def _check_validation_names(path: pathlib.Path, names: list[str]) -> None:
    # TFDS assigns labels by position in the order of names: if one were missing, all later labels would be wrong.
    for number, name in enumerate(sorted(names), start=1):
        match = _VALIDATION_NAME.fullmatch(name)
        if not match or int(match[1]) != number:
            raise ValueError(
                f"{path} holds {name!r} where ILSVRC2012_val_{number:08}.JPEG should be, so that labels would go to "
                "wrong images; download it again"
            )


def _examples(builder, path: pathlib.Path, split: str) -> Iterator[Example]:
    labels = {name: number for number, name in enumerate(builder.info.features["label"].names)}
    found = 0
    try:
        for name, example in _generate_with_tfds(builder, path, _TFDS_SPLITS[split]):
            found += 1
            encoded = example["image"].read()  # now, since the tar file is read from beginning to end
            yield Example(name, labels[example["label"]], functools.partial(bytes, encoded))
    except tarfile.TarError as error:
        raise ValueError(f"{path} is damaged ({error}); download it again") from error
    _, size, count = TARS[split]
    # At a damaged header in the middle, reading stops as if that were the end of the file.
    if path.stat().st_size == size and found != count:
        raise ValueError(f"{path} is damaged (only {found:,} of {count:,} images could be found); download it again")


def _generate_with_tfds(builder, path: pathlib.Path, tfds_split: str) -> Iterable[tuple[str, dict]]:
    import tensorflow_datasets as tfds

    with tempfile.TemporaryDirectory() as nowhere:  # TFDS makes a directory for downloads, and nothing is downloaded
        manager = tfds.download.DownloadManager(
            download_dir=nowhere, manual_dir=path.parent, manual_dir_instructions=builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        )
        [generator] = [found for found in builder._split_generators(manager) if found.name == tfds_split]
        yield from builder._generate_examples(**generator.gen_kwargs)
