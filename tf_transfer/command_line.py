"""Running a command: a user's mistake is one line and exit status 1 or 2, not a traceback."""

from __future__ import annotations

import ast
import dataclasses
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from absl import flags, logging

from tf_transfer.files.paths import local_path
from tf_transfer.files.printable import printable

if TYPE_CHECKING:
    from ml_collections import ConfigDict

_TRACEBACK = "TF_TRANSFER_TRACEBACK"

# What of the command line changes fields of the config, as `--config.layers=(1,3)` does.
_overrides: list[str] = []


class UsageError(ValueError):
    """A command line that asks for what there is not; the process ends with status 2."""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: its flags, and what it does.

    Attributes:
      name: What follows `tf-transfer`.
      description: What it does and examples of how it is called; printed by --help.
      flag_values: Its flags, apart from those of other commands.
      main: What it does, once the flags are parsed.
      required: Names of the flags that must be given.
      one_of: Names of flags of which exactly one must be given.
    """

    name: str
    description: str
    flag_values: flags.FlagValues
    main: Callable[[], None]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()


def run(command: Command, arguments: Sequence[str], program: str) -> None:
    """Parses the flags of a command, runs it, and ends the process if it fails.

    What the user can mend (`ValueError`, `OSError`, a failed sweep) is printed as one line on the standard error;
    with the environment variable TF_TRANSFER_TRACEBACK=1, with its traceback.

    Args:
      command: What to run.
      arguments: What follows its name on the command line.
      program: How it was called, as its help should show it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # of names that the terminal's encoding does not have
    if any(map(is_help, arguments)):
        _print_help(command, program)
        return
    try:
        _parse_flags(command, [program, *arguments])
        logging.set_verbosity(logging.WARNING)  # what TFDS tells its developers
        command.main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        fail("interrupted; run the same command again to go on", status=130)
    except BrokenPipeError:  # whoever read what is printed, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get(_TRACEBACK) or not _is_users_to_mend(error):
            raise
        fail(_one_line(error), status=2 if isinstance(error, UsageError) else 1)


def _is_users_to_mend(error: Exception) -> bool:
    from tf_transfer.sweep.scheduler import SweepFailed  # only now, since --help comes at once

    return isinstance(error, ValueError | OSError | ArithmeticError | MemoryError | SweepFailed)


def is_help(argument: str) -> bool:
    """Whether an argument asks for help."""
    return argument.startswith("-") and argument.lstrip("-") in ("help", "helpfull", "helpshort", "h", "?")


def _print_help(command: Command, program: str) -> None:
    print(command.description.replace(f"tf-transfer {command.name}", program))
    print("flags:")
    for name in command.flag_values:  # in the order in which they are defined
        flag = command.flag_values[name]
        switch = "[no]" if flag.boolean else ""
        default = f" (default: {flag.value})" if flag.value is not None and not flag.boolean else ""
        text = f"--{switch}{name}: {flag.help}{default}"
        print(flags.text_wrap(text, length=100, indent=" " * 6, firstline_indent="  "))


def define_path(name: str, help_text: str, flag_values: flags.FlagValues) -> flags.FlagHolder[str | None]:
    """Defines a flag that takes a path of this machine, in which `~` is the home directory."""
    return flags.DEFINE(_PathParser(), name, None, help_text, flag_values, flags.ArgumentSerializer())


class _PathParser(flags.ArgumentParser):
    def parse(self, argument: str) -> str:
        return str(local_path(argument)) if argument else argument


def load_config(path: str) -> ConfigDict:
    """Runs a config file and sets the fields that the command line gives, such as `--config.recipe.epochs=20`.

    Args:
      path: A Python file with a function `get_config`; or the name of one of the package's own, such as `cifar100` or
        `configs/cifar100.py`.

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

    file = next(filter(pathlib.Path.is_file, _config_files(path, configs_directory())), None)
    if file is None:
        names = ", ".join(sorted(each.stem for each in configs_directory().glob("*.py")))
        raise UsageError(f"there is no config {path!r}; the package has {names}, in {shown_configs()}")
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


def _config_files(path: str, directory: pathlib.Path) -> list[pathlib.Path]:
    """Where a config may lie: `cifar100` is one of the package's, as is `configs/cifar100.py` if it is no file here."""
    own = [directory / f"{path}.py"] if path.isidentifier() else []
    return [*own, pathlib.Path(path), directory.parent / path]


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


def _parse_flags(command: Command, argv: Sequence[str]) -> None:
    values = command.flag_values
    arguments = _take_overrides(argv) if "config" in values else list(argv)
    try:
        left = values(arguments)
    except (flags.Error, ValueError, TypeError) as error:
        raise UsageError(_one_line(error)) from error
    if len(left) > 1:
        raise UsageError(f"unexpected arguments {left[1:]}: flags start with --; see --help")
    if _overrides and not values["config"].value:
        raise UsageError(f"{_overrides[0]} goes with --config, which is missing; see --help")
    for name in command.required:
        if not _is_given(values, name):
            raise UsageError(f"--{name} is missing; see --help")
    given = [name for name in command.one_of if _is_given(values, name)]
    if command.one_of and len(given) != 1:
        wanted = ", ".join(f"--{name}" for name in command.one_of)
        got = " and ".join(f"--{name}" for name in given) or "none of them"
        raise UsageError(f"expected one of {wanted}, got {got}; see --help")


def _is_given(values: flags.FlagValues, name: str) -> bool:
    return values[name].value not in (None, "", False)


def _take_overrides(argv: Sequence[str]) -> list[str]:
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


def fail(message: str, status: int) -> NoReturn:
    """Prints one line on the standard error and ends the process."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)
