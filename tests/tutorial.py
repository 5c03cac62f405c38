"""Runs docs/tutorial.ipynb in a fresh kernel, elsewhere. `python -m tests.tutorial` does so and keeps its outputs."""

from __future__ import annotations

import os
import tempfile

import nbclient
import nbformat

from tests.helpers.commands import ROOT, environment

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def run_tutorial(directory: str | os.PathLike, num_steps: int = 0) -> nbformat.NotebookNode:
    """Runs all cells in a directory, and returns the notebook with its new outputs.

    Args:
      directory: Where stores and workdirs go.
      num_steps: Training steps; 0 for as many as it says.

    Raises:
      CellExecutionError: A cell fails.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    if num_steps:
        for cell in notebook.cells:
            cell.source = cell.source.replace("steps=1200", f"steps={num_steps}")
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(directory)}})
    return client.execute(env=environment())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as elsewhere:
        made = run_tutorial(elsewhere)
    for cell in made.cells:
        cell.metadata.pop("execution", None)  # when it ran
    nbformat.write(made, NOTEBOOK)
