"""Exporting a finished run: a Keras file or a SavedModel, as the target's name says.

TensorFlow, which takes seconds to import, is imported only once all that can be checked before has been checked.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from tf_transfer.files import atomic
from tf_transfer.files.paths import local_path
from tf_transfer.files.quiet_import import import_quietly
from tf_transfer.results import result_files, workdir

KERAS = ".keras"
_OTHER_FORMATS = (".tflite", ".onnx", ".h5", ".hdf5", ".pb")


def export(directory: str | os.PathLike, run_name: str, to: str | os.PathLike) -> pathlib.Path:
    """Writes the network of a finished run for use elsewhere.

    Args:
      directory: The experiment's workdir.
      run_name: The run's name, or its treatment where only one run has it.
      to: A file NAME.keras for `TrainedNetwork.inference_model()`, or a directory for what
        `saved_model.write_saved_model` writes; it must not exist yet.

    Returns:
      The file or directory.

    Raises:
      FileExistsError: `to` exists.
      FileNotFoundError: The workdir or the run does not exist.
      PermissionError: `to` cannot be written.
      ValueError: The name fits no run, or more than one; or `to` ends as a file of another format does.
    """
    path, directory = local_path(to), local_path(directory)
    workdir.read_experiment(directory)
    result_files.find_run(directory, run_name)
    _check_target(path)
    trained_network = import_quietly("tf_transfer.exports.trained_network")
    from tf_transfer.exports.saved_model import write_saved_model

    network = trained_network.load_network(directory, run_name)
    with _errors_named(path):
        if path.suffix == KERAS:
            with atomic.replace_file(path) as partial:
                network.inference_model().save(partial)
        else:
            with atomic.write_directory(path) as partial:
                write_saved_model(network, partial)
    return path


def _check_target(path: pathlib.Path) -> None:
    if path.suffix != KERAS and path.suffix.lower() in (KERAS, *_OTHER_FORMATS):
        raise ValueError(
            f"expected NAME{KERAS}, or a directory for a SavedModel, got {path.name!r}; "
            "docs/export.md says how other formats are made of them"
        )
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists; choose another, or remove it")
    above = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not above.is_dir():
        raise PermissionError(f"cannot write to {path} ({above} is no directory); choose another")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write to {path} ({above} is not yours to write in); choose another")


@contextlib.contextmanager
def _errors_named(path: pathlib.Path) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PermissionError(f"cannot write to {path} ({reason}); choose another") from error
