"""Every file of a workdir that is ever read, damaged in every way: it is found, named, and never used."""

import random
import shutil

import numpy as np
import pytest

from tf_transfer.files import checksums
from tf_transfer.results import checkpoints, result_files, workdir

TIMES = 12  # random places in each file


def flip(content, rng):
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def cut(content, rng):
    return content[: rng.randrange(len(content))]


def zero(content, rng):
    """What a file system may leave of a block that was never written."""
    start = rng.randrange(len(content))
    kept = content[:start] + bytes(min(len(content) - start, 512)) + content[start + 512 :]
    return kept if kept != content else flip(content, rng)


DAMAGES = (flip, cut, zero)


@pytest.fixture(scope="module")
def work(invented_workdir, tmp_path_factory):
    """A workdir with a few results, to be damaged and mended."""
    path = tmp_path_factory.mktemp("damaged") / "work"
    (path / "runs").mkdir(parents=True)
    shutil.copy(invented_workdir / "config.json", path)
    for name in ("baseB_random-0_seed-0", "A1B_random-0_seed-0", "A1B+_random-0_seed-0"):
        shutil.copytree(invented_workdir / "runs" / name, path / "runs" / name)
    return path


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["result.json", "weights.npz", "predictions.npz", "SHA256SUMS"])
def test_a_damaged_result_is_moved_aside_by_name_and_no_other_one(file, damage, work):
    rng, run, runs = random.Random(3), "A1B_random-0_seed-0", result_files.finished_runs(work)
    path = work / "runs" / run / file
    sound = path.read_bytes()
    assert result_files.set_aside_damaged(work, runs) == []
    for number in range(1, TIMES + 1):
        path.write_bytes(damage(sound, rng))
        [said] = result_files.set_aside_damaged(work, runs)
        assert said.startswith(str(path.parent)) and said.endswith("and the run is trained again")
        assert run not in result_files.finished_runs(work)
        aside = work / "damaged" / f"{run}-{number}"
        assert str(aside) in said
        shutil.copytree(aside, path.parent)
        path.write_bytes(sound)
    shutil.rmtree(work / "damaged")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_config_is_named(damage, work):
    rng, path = random.Random(4), work / "config.json"
    sound = path.read_bytes()
    expected = workdir.read_experiment(work)
    for _ in range(TIMES):
        path.write_bytes(damage(sound, rng))
        try:
            read = workdir.read_experiment(work)
        except ValueError as error:
            assert str(error).startswith(f"{path} is damaged (")
        else:  # white space
            assert read == expected
    path.write_bytes(sound)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["arrays.npz", "state.json", "SHA256SUMS"])
def test_of_two_checkpoints_the_sound_one_is_used(file, damage, tmp_path):
    rng, identity = random.Random(5), {"runs": ["A1B"]}
    for step in (1, 2, 3):
        arrays = {"variable/0": np.full(50, step, np.float32)}
        checkpoints.save(tmp_path, checkpoints.Checkpoint(step, identity, arrays, {"seconds": 1.0}))
    for step, other in ((3, 2), (2, 3)):
        path = tmp_path / f"step-{step:08}" / file
        sound = path.read_bytes()
        for _ in range(TIMES):
            path.write_bytes(damage(sound, rng))
            said = []
            read = checkpoints.load_newest(tmp_path, identity, said.append)
            assert read.step == other and (read.arrays["variable/0"] == other).all()
            assert not said if step == 2 else said[0].startswith(str(path.parent))
        path.write_bytes(sound)
    for step in (2, 3):
        (tmp_path / f"step-{step:08}" / file).unlink()
    assert checkpoints.load_newest(tmp_path, identity, said.append) is None


def test_a_checkpoint_that_was_being_written_by_the_killed_goes_with_the_next(tmp_path):
    (tmp_path / f".step-00000001.{0:016x}.tmp").mkdir()
    checkpoints.save(tmp_path, checkpoints.Checkpoint(2, {}, {}, {}))
    assert [entry.name for entry in tmp_path.iterdir()] == ["step-00000002"]


def test_what_stands_under_a_name_is_replaced_whole(tmp_path):
    with checksums.sealed_directory(tmp_path / "made") as partial:
        (partial / "file").write_text("first")
    with pytest.raises(RuntimeError), checksums.sealed_directory(tmp_path / "made") as partial:
        (partial / "file").write_text("second")
        raise RuntimeError
    assert checksums.read_bytes(tmp_path / "made", "file") == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["made"]
