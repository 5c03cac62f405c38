"""Every benchmark in its smallest form, as a command: it runs and prints its table."""

import importlib.util
import re

import pytest

from tests.helpers.commands import ROOT, run_python

SMALLEST = {
    "experiment": "--epochs=1 --layers=(7,)",
    "frozen_cohort": "--epochs=0.2 --rounds=1",
    "growth": "--epochs=1 --steps=2 --rounds=1",
    "gpu": "--batch_size=2 --input_size=67 --matrix=64 --steps=1 --rounds=1",
    "input": "--count=20 --batches=1 --rounds=1",
    "startup": "--rounds=1",
    "step": "--networks=convnet --threads=1 --batch_size=8 --steps=1 --rounds=1",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_a_benchmark_prints_its_table(name):
    if name == "step" and not importlib.util.find_spec("torch"):
        pytest.skip("bench/step.py measures against PyTorch, which is not installed")
    done = run_python("-m", f"bench.{name}", *SMALLEST[name].split())
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) >= 4 and len({len(row) for row in rows}) == 1
    assert re.search(r"\d", rows[2][1])


def test_every_benchmark_has_a_smallest_form():
    programs = {file.stem for file in (ROOT / "bench").glob("*.py") if "argparse" in file.read_text()}
    assert programs == set(SMALLEST)
