"""Importing TensorFlow without its messages on the terminal."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import types

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_STDERR = 2


def import_quietly(name: str) -> types.ModuleType:
    """Imports TensorFlow, or a module that needs it, and keeps TensorFlow's notices and warnings to itself.

    TensorFlow's native code writes some of them (oneDNN, missing CUDA drivers) before it has read the level that it is
    to print from, straight to the standard error. So that goes elsewhere meanwhile, and is shown if the import fails.
    Whoever sets TF_CPP_MIN_LOG_LEVEL to 0 gets all messages. (TensorFlow sets it to 1 for the processes that a program
    which has imported it starts.)

    Raises:
      ImportError: There is no such module, or one that it needs is missing.
    """
    before = os.environ.get(_LEVEL)
    if name in sys.modules or before == "0" or sys.stderr is None:
        return importlib.import_module(name)
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    try:
        with tempfile.TemporaryFile() as hidden:
            os.dup2(hidden.fileno(), _STDERR)
            os.environ[_LEVEL] = "3"  # read when TensorFlow is imported
            try:
                return importlib.import_module(name)
            except BaseException:
                hidden.seek(0)
                os.write(kept, hidden.read())
                raise
            finally:
                os.environ.pop(_LEVEL)  # processes of a sweep choose for themselves what their logs hold
                if before is not None:
                    os.environ[_LEVEL] = before
                sys.stderr.flush()
                os.dup2(kept, _STDERR)
    finally:
        os.close(kept)
