"""Starting without TensorFlow: help, dry runs, tables and figures come at once. Doors between rooms: pyproject.toml."""

from tests.helpers.commands import ROOT, run_python

PACKAGE = ROOT / "tf_transfer"
WITHOUT_TENSORFLOW = ("files", "data", "experiment", "results", "analysis", "report")


def test_importing_what_needs_no_tensorflow_imports_none():
    files = [file for room in WITHOUT_TENSORFLOW for file in (PACKAGE / room).rglob("*.py")]
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]
    code = f"""
import importlib, sys
for name in {sorted(names)}:
    importlib.import_module(name)
    heavy = {{"tensorflow", "keras", "jax", "tensorflow_datasets"}} & set(sys.modules)
    if heavy:
        sys.exit(f"importing {{name}} imports {{heavy}}")
"""
    done = run_python("-c", code)
    assert len(names) > 40 and (done.returncode, done.stderr) == (0, "")
