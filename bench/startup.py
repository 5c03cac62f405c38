"""How long a user waits before anything happens.

python -m bench.startup
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile

from bench import alternating, command
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store

# 2 splits x 2 targets x 6 kinds of treatment x 7 layers, and the bases: 172 networks, about as many as in the paper.
ALL = {
    "split_seeds": "(0,1)",
    "targets": "('A','B')",
    "treatments": "('BnB','BnB+','AnB','AnB+','RnB','AnB-preserve1')",
}
ONE_STEP = {"recipe.steps": 1, "recipe.evaluations": 1}


def cohort_of_14(store: str, directory: pathlib.Path) -> float:
    """Seconds of a sweep that trains 14 frozen networks side by side for one step, tests them and writes all down."""
    command.sweep(directory, store, "default", ONE_STEP | {"treatments": "('AnB',)", "layers": "(1,)"})
    return command.sweep(directory, store, "default", ONE_STEP | {"treatments": "('BnB','AnB')", "cohort_size": 14})


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        store = str(root / "store")
        prepare_store(open_source("shapes"), store)
        flags = [f"--config.{name}={value}" for name, value in {"store": store, **ALL}.items()]
        dry_run = ["bin/sweep.py", "--config=configs/default.py", "--dry_run", *flags]
        numbers = iter(range(100))
        ways = {
            "help": lambda: command.run("bin/sweep.py", "--help"),
            "dry_run": lambda: command.run(*dry_run),
            "cohort": lambda: cohort_of_14(store, root / str(next(numbers))),
        }
        seconds = alternating.medians(ways, args.rounds)
    rows = [
        ["`bin/sweep.py --help`", f"{seconds['help']:.2f}", "0.5"],
        ["`--dry_run` of 172 networks", f"{seconds['dry_run']:.2f}", "1"],
        ["sweep of a cohort of 14, one step and one test, all written", f"{seconds['cohort']:.1f}", "15"],
    ]
    alternating.print_table("Start-up", ["what", "seconds", "aim"], rows)


if __name__ == "__main__":
    main()
