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
    Whoever sets TF_CPP_MIN_LOG_LEVEL gets all messages of that level.

    Raises:
      ImportError: There is no such module, or one that it needs is missing.
    """
    if name in sys.modules or _LEVEL in os.environ or sys.stderr is None:
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
                del os.environ[_LEVEL]  # processes of a sweep choose for themselves what their logs hold
                sys.stderr.flush()
                os.dup2(kept, _STDERR)
    finally:
        os.close(kept)
