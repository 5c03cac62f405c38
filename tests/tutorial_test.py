"""The whole way in a notebook: its cells, what they show, and the stop button."""

import json
import pathlib
import queue

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager

from tests.helpers.commands import environment
from tests.tutorial import NOTEBOOK, run_tutorial

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),  # Jupyter's own
]

PREPARE = """
import tf_transfer
tf_transfer.prepare("shapes", "stores/shapes", image_size=8)
recipe = tf_transfer.Recipe(steps={steps}, evaluations=10, batch_size=16)
experiment = tf_transfer.Experiment(
    store="stores/shapes", network="tiny", treatments=("BnB",), layers=(1,), recipe=recipe, processes=1
)
"""
RUN = 'table = tf_transfer.run(experiment, "work")'


@pytest.fixture
def kernel(tmp_path):
    """A notebook's kernel in `tmp_path`: (manager, client)."""
    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path), env=environment())
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run_cell(client, code, while_it_runs=lambda: None):
    """Runs a cell; returns its last error, empty if there was none, and what it printed."""
    message, error, printed = client.execute(code), "", ""
    while True:
        try:
            received = client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            while_it_runs()
            continue
        if received["parent_header"].get("msg_id") != message:
            continue
        content = received["content"]
        if received["msg_type"] == "error":
            error = content["ename"]
        elif received["msg_type"] == "stream":
            printed += content["text"]
        elif received["msg_type"] == "status" and content["execution_state"] == "idle":
            return error, printed


def outputs(notebook):
    return [[output.output_type for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def test_the_tutorial_runs_and_shows_what_is_kept_in_it(tmp_path):
    made, kept = run_tutorial(tmp_path, num_steps=60), nbformat.read(NOTEBOOK, as_version=4)
    for cells in zip(outputs(made), outputs(kept), strict=True):
        assert set(cells[0]) == set(cells[1]) and cells[1]
    streams = [output for cell in made.cells for output in cell.get("outputs", []) if output.output_type == "stream"]
    assert {stream.name for stream in streams} == {"stdout"}  # nothing of TensorFlow's
    assert any("(10 of 10, 0 s left)" in stream.text for stream in streams)
    assert (tmp_path / "work" / "tutorial" / "report.html").is_file()
    assert NOTEBOOK.stat().st_size < 200_000 and str(pathlib.Path.home()) not in NOTEBOOK.read_text()


def test_the_stop_button_leaves_nothing_behind_and_the_same_cell_goes_on(kernel, tmp_path):
    manager, client = kernel
    stopped = False

    def stop_in_training():
        nonlocal stopped
        reports = [json.loads(path.read_text()) for path in (tmp_path / "work" / "logs").glob("*.json")]
        if not stopped and any(report["step"] for report in reports):
            stopped = True
            manager.interrupt_kernel()

    assert run_cell(client, PREPARE.format(steps=8_000)) == ("", "")
    error, _ = run_cell(client, RUN, stop_in_training)
    assert error == "KeyboardInterrupt"
    assert manager.provisioner.pid in psutil.pids() and not psutil.Process(manager.provisioner.pid).children()
    assert len(list((tmp_path / "work" / "checkpoints").glob("*/step-*"))) == 1
    error, printed = run_cell(client, RUN)
    assert error == "" and "baseB_random-0_seed-0  top-1" in printed
    [log] = (tmp_path / "work" / "logs").glob("*baseB*.log")
    starts = [line for line in log.read_text().splitlines() if line.startswith("starts at step ")]
    assert starts[0] == "starts at step 0 of 8000" and starts[1] != starts[0]
