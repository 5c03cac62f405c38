"""Running a binary: a user's mistake is one line and exit status 1, not a traceback."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from tf_transfer.files.printable import printable

_TRACEBACK = "TF_TRANSFER_TRACEBACK"
# What ml_collections says of a field that is not there (the name alone, or with a similar one) and of such a file.
_NO_FIELD = re.compile(r"""[\\'"]*(?P<field>\w+)[\\'"]*(\\n|\n)?(Did you mean "(?P<similar>\w+)".*)?""", re.DOTALL)
_NO_CONFIG = re.compile(r"Failed loading config file.*No such file or directory: '(?P<path>[^']*)'", re.DOTALL)


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
            _fail(_one_line(error), status=1)

    app.run(guarded, flags_parser=_parse_flags)


def _is_given(name: str) -> bool:
    return flags.FLAGS[name].value not in (None, "", False)


def _parse_flags(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)  # not absl's own parser, which ends the process with two lines
    except SystemExit as ended:
        if any(argument.lstrip("-").startswith(("help", "?")) for argument in argv):
            sys.exit(0)  # absl ends with 1
        _fail(f"the config cannot be loaded (it ends the program: {_one_line(ended)})", status=2)
    except AttributeError as error:
        found = _NO_FIELD.fullmatch(str(error))
        _fail(_no_field(*found.group("field", "similar")) if found else _cannot_load(error), status=2)
    except (flags.Error, OSError, ValueError, TypeError) as error:
        _fail(_one_line(error), status=2)
    except Exception as error:  # whatever the program that is the config file raises
        if os.environ.get(_TRACEBACK):
            raise
        _fail(_cannot_load(error), status=2)


def _no_field(field: str, similar: str | None) -> str:
    from tf_transfer.experiment.config import OLD_NAMES  # only now, since --help comes at once

    if field in OLD_NAMES:
        return f"the config field {field!r} is now called {OLD_NAMES[field]!r}; rename it"
    meant = f"; perhaps {similar!r} is meant" if similar else ""
    return f"the config has no field {field!r}{meant}; configs/default.py lists them all"


def _cannot_load(error: Exception) -> str:
    return f"the config cannot be loaded ({type(error).__name__}: {_one_line(error)})"


def _one_line(error: BaseException) -> str:
    if missing := _NO_CONFIG.search(str(error)):
        return f"there is no config {printable(missing['path'])!r}; configs/ holds some"
    return printable(" ".join(str(error).split())) or type(error).__name__


def _fail(message: str, status: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)
