"""ImageNet in miniature through the real command: all 1000 classes, a kill on the way, and the memory that it takes."""

import importlib.util
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from PIL import Image

from tests.helpers.commands import ROOT, environment
from tf_transfer.data.image_store import ImageStore

OFFICIAL = pathlib.Path(importlib.util.find_spec("tensorflow_datasets").origin).parent / "datasets" / "imagenet2012"
MEMORY = 2 << 30  # bytes, however large the tar files are


def picture(number):
    """An encoded picture of one colour, which tells its number."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour(number)).save(buffer, format="JPEG", quality=95)
    return buffer.getvalue()


def colour(number):
    return 25 * (number // 100 % 10), 25 * (number // 10 % 10), 25 * (number % 10)


def add(tar, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


@pytest.fixture(scope="module")
def wordnet_ids():
    """The WordNet ids in label order."""
    return (OFFICIAL / "labels.txt").read_text().split()


@pytest.fixture(scope="module")
def validation_ids(wordnet_ids):
    """The WordNet ids of the first validation images, so many that no class lacks one."""
    official = (OFFICIAL / "validation_labels.txt").read_text().split()
    return official[: max(official.index(wordnet_id) for wordnet_id in wordnet_ids) + 1]


@pytest.fixture(scope="module")
def tars(wordnet_ids, validation_ids, tmp_path_factory):
    """Path of a directory with both tar files: one training image of each class, in another order than the labels'."""
    path = tmp_path_factory.mktemp("tars")
    with tarfile.open(path / "ILSVRC2012_img_train.tar", "w") as train:
        for label in range(999, -1, -1):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as tar:
                add(tar, f"{wordnet_ids[label]}_1.JPEG", picture(label))
            add(train, f"{wordnet_ids[label]}.tar", inner.getvalue())
    with tarfile.open(path / "ILSVRC2012_img_val.tar", "w") as val:
        for number, wordnet_id in enumerate(validation_ids, start=1):
            add(val, f"ILSVRC2012_val_{number:08}.JPEG", picture(wordnet_ids.index(wordnet_id)))
    return path


def start(tars, out):
    command = [sys.executable, "bin/prepare.py", "--source=tfds:imagenet2012", f"--manual_dir={tars}"]
    command += [f"--data_dir={out.parent / 'tfds'}", "--image_size=32", "--format=jpeg", f"--out={out}"]
    command += ["--allow_duplicates"]  # all of a class are the same picture here
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)


def finish(process):
    """Waits until a process ends well, and checks that neither it nor any of its children took too much memory."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert used.ru_maxrss * 1024 < MEMORY
    print(f"{used.ru_maxrss / 1e6:.2f} GB at most in one process")


def memory_now(process):
    """Bytes that a process and its children take, what they share counted once."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").glob("*/children")
    pids = [process.pid, *(pid for children in tasks for pid in children.read_text().split())]
    rollups = (pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(1024 * int(re.search(r"^Pss: +(\d+) kB", rollup, re.MULTILINE)[1]) for rollup in rollups)


def kill_at_work(process, file):
    """Kills a process as soon as it has written something into a file, and returns the memory that it took."""
    while not (file.exists() and file.stat().st_size):
        try:
            pytest.fail(f"ended by itself, with status {process.wait(timeout=0.01)}")
        except subprocess.TimeoutExpired:
            pass
    memory = memory_now(process)
    process.kill()
    process.wait()
    return memory


@pytest.mark.slow
def test_all_classes_with_a_kill_on_the_way(tars, wordnet_ids, validation_ids, tmp_path):
    finish(start(tars, tmp_path / "peace"))

    memory = kill_at_work(start(tars, tmp_path / "store"), tmp_path / "store.partial" / "test.jpeg")
    print(f"{memory / 1e9:.2f} GB in all when killed")
    assert memory < MEMORY and not (tmp_path / "store").exists()
    finish(start(tars, tmp_path / "store"))
    assert not (tmp_path / "store.partial").exists()
    files = sorted(path.name for path in (tmp_path / "peace").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "store").iterdir())
    for name in files:
        assert (tmp_path / "peace" / name).read_bytes() == (tmp_path / "store" / name).read_bytes(), name

    store = ImageStore(tmp_path / "store")
    assert list(store.meta.class_names) == wordnet_ids
    assert store.labels("train").tolist() == list(range(999, -1, -1))
    assert [wordnet_ids[label] for label in store.labels("test")] == validation_ids
    for split in ("train", "test"):
        labels = store.labels(split)
        middles = store.read(split, np.arange(len(labels)))[:, 16, 16].astype(int)
        assert np.abs(middles - [colour(label) for label in labels]).max() < 8  # of the JPEG encoding, done twice
