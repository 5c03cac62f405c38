import os
import pathlib
import socket

import pytest

from tf_transfer.data.sources import image_files
from tf_transfer.data.sources.decoding import UnusableImageError
from tf_transfer.data.sources.image_files import find_files, is_ignored

OUTSIDE = "link that leads outside the folder; copy the file itself (cp -L)"


@pytest.fixture
def root(tmp_path):
    """A folder with one class of one file, `cat/1.jpg`; beside the folder lies a file that is none of its business."""
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "1.jpg").write_bytes(b"image")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return tmp_path / "photos"


def found(root):
    """By name, what is read of each file of the class: its bytes, or the reason why none."""

    def outcome(file):
        try:
            return file.read()
        except UnusableImageError as error:
            return str(error)

    return {str(file.path.relative_to(root / "cat")): outcome(file) for file in find_files(root / "cat", root)}


def test_files_are_found_in_sorted_order_and_subdirectories_searched(root):
    for name in ("0.jpg", "10.jpg", "1.JPG", "x.jpg/1.jpg", "no_extension"):
        (root / "cat" / name).parent.mkdir(exist_ok=True)
        (root / "cat" / name).write_bytes(name.encode())
    expected = ["0.jpg", "1.JPG", "1.jpg", "10.jpg", "no_extension", "x.jpg/1.jpg"]
    assert found(root) == {name: b"image" if name == "1.jpg" else name.encode() for name in expected}
    assert list(found(root)) == expected  # 1.JPG and 1.jpg are two files


@pytest.mark.parametrize(
    "name", [".DS_Store", "._1.jpg", "Thumbs.db", "desktop.ini", ".hidden/1.jpg", "__MACOSX/1.jpg"]
)
def test_what_is_no_part_of_the_data(root, name):
    (root / "cat" / name).parent.mkdir(exist_ok=True)
    (root / "cat" / name).touch()
    assert found(root) == {"1.jpg": b"image"}
    assert is_ignored(name.split("/")[0]) and not is_ignored("macosx") and not is_ignored("thumbs.db.jpg")


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("x.jpg", b"no image at all", True),
        ("x.HEIC", b"", True),
        ("x.svg", b"<svg/>", True),
        ("x.csv", b"", False),
        ("X.TXT", b"cats", False),
        ("x.txt", b"\xff\xd8\xff\xe0 a photograph", True),
        ("x.zip", b"PK\x03\x04", False),
        ("README", b"All about caf\xc3\xa9s\n", False),
        ("README", "é".encode() * 600, False),
        ("x.strange", b"%PDF-1.4", False),
        ("x.strange", b"\0\1\2", True),
        ("photograph", b"\x89PNG\r\n\x1a\n", True),
        ("photograph", b"", True),
    ],
)
def test_what_may_be_an_image(root, name, content, expected):
    (root / name).write_bytes(content)
    assert image_files.may_be_image(root / name) == expected


@pytest.mark.parametrize(
    "target, outcome",
    [
        ("1.jpg", b"image"),
        ("../cat/../cat/1.jpg", b"image"),
        ("../../secret.jpg", OUTSIDE),
        ("/etc/passwd", OUTSIDE),
        ("/dev/zero", OUTSIDE),
        ("..", "link to a directory; copy its images instead"),
        (".", "link to a directory; copy its images instead"),
        ("gone.jpg", "link that leads nowhere (No such file or directory)"),
    ],
)
def test_links(root, target, outcome):
    (root / "cat" / "link.jpg").symlink_to(target)
    assert found(root) == {"1.jpg": b"image", "link.jpg": outcome}


def test_links_that_lead_in_a_circle(root):
    (root / "cat" / "a.jpg").symlink_to("b.jpg")
    (root / "cat" / "b.jpg").symlink_to("a.jpg")
    outcomes = found(root)
    assert outcomes["a.jpg"].startswith("link that leads nowhere (") and outcomes["b.jpg"] == outcomes["a.jpg"]


def test_a_folder_whose_own_path_is_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    (root / "cat" / "link.jpg").symlink_to(root / "cat" / "1.jpg")
    assert found(tmp_path / "link") == {"1.jpg": b"image", "link.jpg": b"image"}


def test_pipes_sockets_and_devices_are_not_waited_for(root, tmp_path, monkeypatch):
    os.mkfifo(root / "cat" / "fifo.jpg")
    monkeypatch.chdir(root / "cat")  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.jpg")
        outcomes = found(root)
    assert outcomes["fifo.jpg"] == "not a file, but a pipe"
    assert outcomes["socket.jpg"] == "cannot be read (No such device or address)"


def test_what_changed_after_it_was_found(root):
    [file] = find_files(root / "cat", root)
    file.path.unlink()
    with pytest.raises(UnusableImageError, match=r"^cannot be read \(No such file or directory\)$"):
        file.read()
    os.mkfifo(file.path)
    with pytest.raises(UnusableImageError, match="^not a file, but a pipe$"):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(UnusableImageError, match="^cannot be read|^not a file, but a directory$"):
        file.read()


def test_files_and_directories_that_may_not_be_read(root):
    (root / "cat" / "2.jpg").touch(0o000)
    if os.access(root / "cat" / "2.jpg", os.R_OK):
        pytest.skip("this user may read everything")
    (root / "cat" / "more").mkdir(0o000)
    assert found(root) == {
        "1.jpg": b"image",
        "2.jpg": "cannot be read (Permission denied)",
        "more": "cannot be searched (Permission denied)",
    }


def test_a_directory_that_cannot_be_searched_is_told(root, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)  # root may search every directory
    assert found(root) == {".": "cannot be searched (Permission denied)"}


def test_files_that_are_too_large(root, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_BYTES", 4)
    assert found(root) == {"1.jpg": "5 bytes; at most 4 are read"}
    with open(root / "cat" / "1.jpg", "wb") as sparse:  # takes no space on the disk
        sparse.truncate(10**12)
    assert found(root) == {"1.jpg": "1,000,000,000,000 bytes; at most 4 are read"}


@pytest.mark.parametrize(
    "name", [b"caf\xe9.jpg", b"\x1b[2J.jpg", b"a\nb.jpg", b"x" * 251 + b".jpg", "é猫.jpg".encode()]
)
def test_names_of_all_kinds(root, name):
    (root / "cat" / os.fsdecode(name)).write_bytes(b"named")
    assert found(root)[os.fsdecode(name)] == b"named"


def test_deep_directories(root):
    deep = pathlib.Path(*["d" * 20] * 100)
    (root / "cat" / deep).mkdir(parents=True)
    (root / "cat" / deep / "1.jpg").write_bytes(b"deep")
    assert found(root)[str(deep / "1.jpg")] == b"deep"
