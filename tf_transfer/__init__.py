"""tf_transfer: how transferable are features in deep neural networks?

The experiment of Yosinski et al. (2014) on anyone's images:

  import tf_transfer
  tf_transfer.prepare("shapes", "stores/shapes")
  experiment = tf_transfer.Experiment(store="stores/shapes", layers=(1, 3, 5, 7))
  results = tf_transfer.run(experiment, "work/shapes")   # a pandas table, one row a run
  tf_transfer.draw_figure2(results).savefig("figure2.png")

The package is divided into rooms. Each may use those before it (BUILD.md says more):

  files        writing and reading files safely
  data         image stores, and what they are made from
  experiment   what is asked for: config, treatments, plan
  networks     Keras networks, and a cohort of them as one model
  results      what runs leave
  training     one cohort, from the stream of images to its results
  exports      trained networks for use elsewhere
  sweep        all cohorts of an experiment
  analysis     what a table of results says
  report       figures, page and checks

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_EXPORTS = {
    "Experiment": "tf_transfer.experiment.config",
    "Recipe": "tf_transfer.experiment.config",
    "Treatment": "tf_transfer.experiment.treatments",
    "make_plan": "tf_transfer.experiment.plan",
    "prepare": "tf_transfer.api",
    "run": "tf_transfer.api",
    "write_report": "tf_transfer.report.reports",
    "load_network": "tf_transfer.exports.trained_network",
    "export": "tf_transfer.exports.formats",
    "draw_figure2": "tf_transfer.report.figures.figure2",
    "draw_figure3": "tf_transfer.report.figures.figure3",
    "draw_reduced_volume": "tf_transfer.report.figures.reduced_volume",
    "draw_preserve": "tf_transfer.report.figures.preserve",
    "random_halves": "tf_transfer.experiment.class_splits",
}
__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name: str):
    """Imports an exported name when it is first used."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tf_transfer' has no attribute {name!r}")
    if reason := unsupported_system():
        raise ImportError(reason)
    if ".exports." in _EXPORTS[name]:  # which imports TensorFlow
        from tf_transfer.files.quiet_import import import_quietly

        return getattr(import_quietly(_EXPORTS[name]), name)
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def unsupported_system() -> str:
    """Why the package cannot work on this system; empty if it can."""
    try:
        import fcntl  # noqa: F401 - the locks of files
    except ImportError:
        return "tf_transfer needs the file locks of Linux or macOS; on Windows, run it in WSL (wsl --install)"
    return ""
