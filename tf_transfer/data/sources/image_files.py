"""Finding the image files of a folder and reading them, whatever else lies there."""

from __future__ import annotations

import codecs
import dataclasses
import os
import pathlib
import re

from tf_transfer.data.sources.decoding import UnusableImageError
from tf_transfer.files import safe_load

MAX_BYTES = 512 << 20  # of one file: 89 million pixels of 16 bits a channel, not compressed
_SYSTEM_FILES = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini"}
# What is called so was meant as an image, whether or not it can be decoded.
_IMAGE_SUFFIXES = set(
    ".apng .arw .avif .bmp .cr2 .dcm .dib .dng .emf .eps .exr .gif .hdr .heic .heif .icns .ico .j2k .jfif .jp2 .jpe "
    ".jpeg .jpg .jpx .nef .nii .pbm .pcx .pgm .png .pnm .ppm .ps .psd .raw .svg .tga .tif .tiff .webp .wmf".split()
)
# What is called so is no image, unless it begins like one.
_OTHER_SUFFIXES = set(
    ".7z .avi .bak .bat .bz2 .c .cfg .ckpt .conf .cpp .css .csv .dat .data .db .doc .docx .feather .flac .gz .h .h5 "
    ".hdf5 .htm .html .ini .ipynb .java .js .json .jsonl .lnk .log .lst .mat .md .mkv .mov .mp3 .mp4 .npy .npz .odt "
    ".onnx .parquet .pb .pdf .pickle .pkl .ppt .pptx .pt .pth .py .pyc .r .rar .rst .rtf .sh .sql .sqlite .srt .tar "
    ".tex .tfrecord .tflite .tgz .toml .tsv .txt .url .wav .webm .xls .xlsx .xml .xz .yaml .yml .zip".split()
)
_IMAGE_BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|BM.{4}\0\0\0\0|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp(avif|avis|mif1|heic)|P[1-6]\s",
    re.DOTALL,
)
_OTHER_BEGINNINGS = re.compile(
    rb"%PDF-|PK\x03\x04|\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x89HDF|SQLite format 3\0|\x93NUMPY"
)
_TEXT = re.compile(r"[^\x00-\x08\x0b\x0e-\x1f\x7f\ufffd]+")


@dataclasses.dataclass(frozen=True, order=True)
class FoundFile:
    """A file of a folder of images.

    Attributes:
      path: Where it lies.
      problem: Why it must not be read; empty if it may.
      is_image: Whether it should be an image; a list, an archive or the like is obviously none.
    """

    path: pathlib.Path
    problem: str = ""
    is_image: bool = True

    def read(self) -> bytes:
        """Reads the file, without waiting for whatever is no ordinary file.

        Raises:
          UnusableImageError: It cannot or should not be read.
        """
        if self.problem:
            raise UnusableImageError(self.problem)
        try:
            return safe_load.read_bytes(self.path, MAX_BYTES)
        except OSError as error:
            raise UnusableImageError(f"cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise UnusableImageError(str(error)) from error


def readable_name(path: pathlib.PurePath) -> str:
    """A path as UTF-8 has it, whatever the encoding of this machine's locale, so that names are the same everywhere."""
    return os.fsencode(path).decode("utf-8", errors="surrogateescape")


def is_ignored(name: str) -> bool:
    """Whether a file or directory is hidden or an operating system's own, and so not part of the data."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def find_files(directory: pathlib.Path, root: pathlib.Path) -> list[FoundFile]:
    """Finds all files below a directory, sorted by path; links are followed only to files within `root`.

    Args:
      directory: Searched with its subdirectories.
      root: The folder that all files must lie in.
    """
    found, waiting = [], [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if is_ignored(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(pathlib.Path(entry.path))
                    else:
                        path, problem = pathlib.Path(entry.path), _link_problem(entry, root)
                        found.append(FoundFile(path, problem, bool(problem) or may_be_image(path)))
        except OSError as error:
            found.append(FoundFile(pathlib.Path(error.filename), f"cannot be searched ({error.strerror})"))
    return sorted(found)


def may_be_image(path: pathlib.Path) -> bool:
    """Whether a file may be meant as an image, by its name or, where that says nothing, by how it begins."""
    suffix = path.suffix.lower()
    if suffix in _IMAGE_SUFFIXES:
        return True
    try:
        with safe_load.open_file(path) as file:
            beginning = file.read(1024)
    except (OSError, ValueError):  # reported when it is read
        return suffix not in _OTHER_SUFFIXES
    if _IMAGE_BEGINNINGS.match(beginning):
        return True
    if suffix in _OTHER_SUFFIXES or _OTHER_BEGINNINGS.match(beginning):
        return False
    # The last letter may be cut off, which is no error for an incremental decoder.
    text = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(beginning)
    return not _TEXT.fullmatch(text)


def _link_problem(entry: os.DirEntry, root: pathlib.Path) -> str:
    if not entry.is_symlink():
        return ""
    try:
        target = pathlib.Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # before Python 3.13, links in a circle raise RuntimeError
        reason = getattr(error, "strerror", None) or "it leads in a circle"
        return f"link that leads nowhere ({reason})"
    if not target.is_relative_to(root.resolve()):
        return "link that leads outside the folder; copy the file itself (cp -L)"
    return "link to a directory; copy its images instead" if target.is_dir() else ""
