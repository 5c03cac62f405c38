"""The program `tf-transfer`, also called as `python -m tf_transfer`: finds the command that is asked for."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence

import tf_transfer
from tf_transfer import command_line

COMMANDS = {
    "prepare": "makes an image store of a folder, a TFDS data set or drawn shapes",
    "sweep": "trains a whole experiment, or goes on with it, and reports",
    "report": "writes the report of an experiment again",
    "export": "writes a trained network for use elsewhere",
}


def main(arguments: Sequence[str] | None = None, program: str = "") -> None:
    """Runs one of the commands and ends the process.

    Args:
      arguments: The command's name and its flags; None for those of this process.
      program: How the command was called, as its help should show it; empty for `tf-transfer NAME`.
    """
    if reason := tf_transfer.unsupported_system():
        command_line.fail(reason, status=1)
    name, *flags = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in COMMANDS:
        command = importlib.import_module(f"tf_transfer.commands.{name}").COMMAND
        command_line.run(command, flags, program or f"tf-transfer {name}")
    elif command_line.is_help(name):
        _print_help()
    elif name == "--version":
        print(f"tf_transfer {tf_transfer.__version__}")
    else:
        similar = difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f"; perhaps {similar[0]!r} is meant" if similar else ""
        command_line.fail(f"there is no command {name!r}{meant}; expected one of {', '.join(COMMANDS)}", status=2)


def _print_help() -> None:
    print("How transferable are features in deep neural networks? The whole experiment, on anyone's images.\n")
    for name, purpose in COMMANDS.items():
        print(f"  tf-transfer {name:<8} {purpose}")
    print("\ntf-transfer NAME --help lists the flags of each; tf-transfer --version says which version this is.")


if __name__ == "__main__":
    main()
