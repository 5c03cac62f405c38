import pytest

from tests.helpers.commands import run_python

CODE = """
import os, pathlib, re, subprocess, sys
from tf_transfer.sweep import scheduler as sweep
from tf_transfer.experiment.config import Experiment, Recipe

def megabytes():
    return int(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024

def open_files():
    return len(os.listdir("/proc/self/fd"))

seen = {}
def on_progress(progress):
    if len(progress.finished) >= 10:
        seen.setdefault("early", (megabytes(), open_files()))

recipe = Recipe(batch_size=12, steps=2, evaluations=1, precision="float32")
experiment = Experiment(
    sys.argv[1], network="tiny", treatments=("BnB+",), layers=(1,), seeds=tuple(range(50)), recipe=recipe
)
done = sweep.run_sweep(experiment, sys.argv[2], on_progress)
children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
print(len(done), *seen["early"], megabytes(), open_files(), len(children))
"""


@pytest.mark.slow
def test_a_sweep_of_100_runs_neither_grows_nor_leaves_anything_behind(store, tmp_path):
    done = run_python("-c", CODE, store, tmp_path / "work")
    assert done.returncode == 0, done.stderr
    runs, early, files_early, late, files_late, children = map(float, done.stdout.split())
    assert runs == 100 and files_late <= files_early and children == 0
    assert late < 1.05 * early, f"{early:.1f} MB after 10 runs, {late:.1f} MB after 100"
