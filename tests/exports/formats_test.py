import pathlib

import keras
import numpy as np
import pytest

from tests.helpers.commands import run_python
from tests.helpers.files import limit_file_size
from tf_transfer.exports.formats import export
from tf_transfer.exports.trained_network import load_network

# What Keras does when it saves, with this version of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def test_a_keras_file_takes_pixels_of_the_networks_input_size(trained, pixels, tmp_path):
    path = export(trained, "A2B", tmp_path / "new" / "A2B.keras")
    model = keras.models.load_model(path)
    expected = load_network(trained, "A2B").inference_model(any_size=True).predict(pixels, verbose=0)
    np.testing.assert_allclose(model.predict(pixels[:, 2:30, 2:30], verbose=0), expected, atol=1e-6)
    assert [entry.name for entry in path.parent.iterdir()] == ["A2B.keras"]


def test_the_command_says_how_to_load_a_keras_file(trained, tmp_path):
    path = tmp_path / "A2B.keras"
    done = run_python("bin/export.py", f"--workdir={trained}", "--run=A2B", f"--to={path}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"keras.models.load_model('{path}')" in done.stdout and path.is_file()


def test_a_tilde_is_the_home_directory(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert export(trained, "A2B", "~/A2B.keras") == tmp_path / "A2B.keras"
    assert pathlib.Path(tmp_path / "A2B.keras").is_file()


@pytest.mark.parametrize("name", ["A2B.keras", "A2B"])
def test_what_stands_there_is_not_overwritten(trained, tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match=f"{name} exists; choose another, or remove it"):
        export(trained, "A2B", tmp_path / name)
    assert (tmp_path / name).read_bytes() == b""


@pytest.mark.parametrize("name", ["A2B.tflite", "A2B.onnx", "A2B.H5", "A2B.Keras"])
def test_other_formats_are_refused(trained, tmp_path, name):
    with pytest.raises(ValueError, match=f"expected NAME.keras, or a directory .*, got '{name}'; docs/export.md"):
        export(trained, "A2B", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_not_there_is_refused(trained, tmp_path):
    with pytest.raises(ValueError, match="--run=A2A: expected the name of one finished run .*, found none; there are"):
        export(trained, "A2A", tmp_path / "out")
    with pytest.raises(ValueError, match="unknown treatment 'best': expected baseA, baseB, or a name such as"):
        export(trained, "best", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_directory_without_an_experiment_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not the workdir of an experiment"):
        export(tmp_path, "A2B", tmp_path / "out")


@pytest.mark.parametrize("to", ["exists", "exists/below/A2B", "other.onnx"])
def test_mistakes_are_told_before_tensorflow_is_imported(run_without_tensorflow, trained, tmp_path, to):
    (tmp_path / "exists").touch()
    done = run_without_tensorflow("bin/export.py", f"--workdir={trained}", "--run=A2B", f"--to={tmp_path / to}")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "is imported" not in done.stderr


@pytest.mark.parametrize("name", ["out", "out.keras"])
def test_an_export_on_a_full_disk_leaves_nothing(trained, tmp_path, name):
    with limit_file_size(20_000), pytest.raises(PermissionError, match=f"cannot write to .*/{name} .*too large"):
        export(trained, "A2B", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["exported", "exported.keras"])
def test_where_nothing_can_be_written(trained, tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=rf"cannot write to .*file/{name} \(.*file is no directory\); choose"):
        export(trained, "A2B", tmp_path / "file" / name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
