"""Running a binary: a user's mistake is one line and exit status 1 or 2, not a traceback."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from absl import app, flags, logging

from tf_transfer.files.printable import printable

if TYPE_CHECKING:
    from ml_collections import ConfigDict

_TRACEBACK = "TF_TRANSFER_TRACEBACK"

# What of the command line changes fields of the config, as `--config.layers=(1,3)` does.
_overrides: list[str] = []


class UsageError(ValueError):
    """A command line that asks for what there is not; the process ends with status 2."""


def run(main: Callable[[list[str]], None], required: Sequence[str] = (), one_of: Sequence[str] = ()) -> None:
    """Parses the flags, runs `main` and ends the process.

    What the user can mend (`ValueError`, `OSError`, a failed sweep) is printed as one line on the standard error;
    with the environment variable TF_TRANSFER_TRACEBACK=1, with its traceback.

    Args:
      main: Takes what is left of the command line after the flags: nothing but the program's name.
      required: Names of the flags that must be given.
      one_of: Names of flags of which exactly one must be given.
    """

    def guarded(argv: list[str]) -> None:
        from tf_transfer.sweep.scheduler import SweepFailed

        logging.set_verbosity(logging.WARNING)  # what TFDS tells its developers
        if len(argv) > 1:
            _fail(f"unexpected arguments {argv[1:]}: flags start with --; see --help", status=2)
        for name in required:
            if not _is_given(name):
                _fail(f"--{name} is missing; see --help", status=2)
        given = [name for name in one_of if _is_given(name)]
        if one_of and len(given) != 1:
            got = " and ".join(f"--{name}" for name in given) or "none of them"
            _fail(f"expected one of {', '.join(f'--{name}' for name in one_of)}, got {got}; see --help", status=2)
        try:
            main(argv)
        except KeyboardInterrupt:
            _fail("interrupted; run the same command again to go on", status=130)
        except (ValueError, OSError, ArithmeticError, MemoryError, SweepFailed) as error:
            if os.environ.get(_TRACEBACK):
                raise
            _fail(_one_line(error), status=2 if isinstance(error, UsageError) else 1)

    app.run(guarded, flags_parser=_parse_flags)


def load_config(path: str) -> ConfigDict:
    """Runs a config file and sets the fields that the command line gives, such as `--config.recipe.epochs=20`.

    Args:
      path: A Python file with a function `get_config`; one of the package's own is also found as `configs/NAME.py`
        where there is no such file.

    Raises:
      UsageError: There is no such file, it cannot be run, or it has not the fields that are to be set.
    """
    from ml_collections import ConfigDict, config_flags

    config = _run_config(path)
    if not isinstance(config, ConfigDict):
        raise UsageError(f"get_config() of the config must return a ConfigDict, got {type(config).__name__}")
    for override in _overrides:
        if override.startswith("-"):  # the others are values
            _check_override(config, override)
    values = flags.FlagValues()
    arguments = ["", *_overrides]
    config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=arguments)
    try:
        left = values(arguments)
    except (flags.Error, ValueError, TypeError) as error:
        raise UsageError(_one_line(error)) from error
    if len(left) > 1:
        raise UsageError(f"unexpected arguments {left[1:]}: flags start with --; see --help")
    return config


def _run_config(path: str) -> object:
    from tf_transfer.experiment.config import configs_directory, shown_configs

    file = pathlib.Path(path)
    if not file.is_file():
        file = configs_directory().parent / path
    if not file.is_file():
        raise UsageError(f"there is no config {path!r}; {shown_configs()} holds some")
    configs = types.ModuleType("configs")  # so that a config may start from another one: from configs import default
    configs.__path__ = [str(configs_directory())]
    sys.modules.setdefault("configs", configs)
    try:
        spec = importlib.util.spec_from_loader("config", importlib.machinery.SourceFileLoader("config", str(file)))
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.get_config()
    except SystemExit as ended:
        raise UsageError(f"the config cannot be loaded (it ends the program: {_one_line(ended)})") from ended
    except Exception as error:  # whatever the program that is the config file raises
        if os.environ.get(_TRACEBACK):
            raise
        _refuse_old_names(error, file)
        raise UsageError(f"the config cannot be loaded ({type(error).__name__}: {_one_line(error)})") from error


def _refuse_old_names(error: Exception, file: pathlib.Path) -> None:
    """Says the new name of a field, if the line of a config that failed uses an old one."""
    from tf_transfer.experiment.config import OLD_NAMES

    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if isinstance(error, AttributeError | KeyError) and lines and lines[-1].line:
        nodes = list(ast.walk(ast.parse(lines[-1].line)))
        names = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        names += [node.arg or "" for node in nodes if isinstance(node, ast.keyword)]
        for name in names:
            if name in OLD_NAMES:
                place = f"{file}, line {lines[-1].lineno}"
                raise UsageError(f"the config field {name} is now called {OLD_NAMES[name]}; rename it ({place})")


def _check_override(config: ConfigDict, override: str) -> None:
    from ml_collections import ConfigDict

    from tf_transfer.experiment.config import check_names

    inner: object = config
    prefix = ""
    for part in override.partition("=")[0].partition(".")[2].split("."):
        name = part.partition("[")[0]  # `layers[0]` is the first of the layers
        if not isinstance(inner, ConfigDict):
            return
        try:
            check_names([name], [str(key) for key in inner], prefix)
        except ValueError as error:
            raise UsageError(str(error)) from None
        inner, prefix = inner[name], f"{prefix}{name}."


def _is_given(name: str) -> bool:
    return flags.FLAGS[name].value not in (None, "", False)


def _parse_flags(argv: list[str]) -> list[str]:
    arguments = _take_overrides(argv) if "config" in flags.FLAGS else argv
    try:
        left = flags.FLAGS(arguments)  # not absl's own parser, which ends the process with two lines
    except SystemExit:
        sys.exit(0)  # --help, with which absl ends with 1
    except (flags.Error, OSError, ValueError, TypeError) as error:
        _fail(_one_line(error), status=2)
    if _overrides and not flags.FLAGS["config"].value:
        _fail(f"{_overrides[0]} goes with --config, which is missing; see --help", status=2)
    return left


def _take_overrides(argv: list[str]) -> list[str]:
    """Moves what changes fields of the config, `--config.NAME=VALUE` or `--config.NAME VALUE`, to `_overrides`."""
    left, follows = [], False
    for argument in argv:
        name = argument.lstrip("-")
        is_override = argument.startswith("-") and name.removeprefix("no").startswith("config.")
        if is_override or (follows and not argument.startswith("-")):
            _overrides.append(argument)
        else:
            left.append(argument)
        follows = is_override and "=" not in argument
    return left


def _one_line(error: BaseException) -> str:
    return printable(" ".join(str(error).split())) or type(error).__name__


def _fail(message: str, status: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)
