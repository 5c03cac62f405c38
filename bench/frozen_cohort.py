"""Frozen treatments side by side in one cohort, against the same networks one after another.

python -m bench.frozen_cohort
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import tempfile

from bench import alternating, command
from tf_transfer.data.sources import open_source
from tf_transfer.data.store_writer import prepare_store
from tf_transfer.results import result_files

FROZEN = "('BnB','AnB')"


def training_seconds(workdir: pathlib.Path) -> float:
    """Sums the time that cohorts spent training and testing, without start-up, in seconds."""
    outcomes = [result_files.read_result(workdir, name) for name in result_files.finished_runs(workdir)]
    return sum(
        {outcome.cohort: outcome.seconds for outcome in outcomes if not outcome.planned.treatment.is_base}.values()
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        store = str(root / "store")
        prepare_store(open_source("shapes"), store)
        short = {"recipe.epochs": args.epochs, "recipe.evaluations": 1, "processes": 1}
        command.sweep(root / "bases", store, "default", short | {"treatments": "()", "targets": "('A','B')"})

        def train(size: int) -> tuple[float, float]:
            workdir = root / "work"
            shutil.rmtree(workdir, ignore_errors=True)
            shutil.copytree(root / "bases", workdir)
            whole = command.sweep(workdir, store, "default", short | {"treatments": FROZEN, "cohort_size": size})
            return training_seconds(workdir), whole

        ways = {"cohort": lambda: train(14), "one by one": lambda: train(1)}
        seconds = alternating.medians(ways, args.rounds, warm_up=False)
    rows = [
        [what, f"{alone:.1f}", f"{together:.1f}", f"{alone / together:.2f}", "2"]
        for what, alone, together in zip(
            ("training and tests", "whole sweep"), seconds["one by one"], seconds["cohort"], strict=True
        )
    ]
    columns = ["14 frozen networks of convnet", "one by one, s", "one cohort, s", "ratio", "aim"]
    alternating.print_table("Frozen treatments", columns, rows)


if __name__ == "__main__":
    main()
