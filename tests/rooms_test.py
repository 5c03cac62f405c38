"""What starts without TensorFlow. Which room may use which is checked by lint-imports, from pyproject.toml."""

from tests.helpers.commands import ROOT

# The rooms that train import it, and what trains in a sweep's processes.
WITH_TENSORFLOW = {"networks", "training", "exports"}
WORKER = "tf_transfer.sweep.worker"


def test_no_module_outside_of_networks_training_and_exports_imports_tensorflow(run_without_tensorflow):
    # Help, dry runs, tables and figures, which come at once, are run in command_line_test.py.
    files = [file.relative_to(ROOT) for file in (ROOT / "tf_transfer").rglob("*.py")]
    names = sorted(".".join(file.with_suffix("").parts) for file in files if file.parts[1] not in WITH_TENSORFLOW)
    names.remove(WORKER)
    code = f"""
import importlib
for name in {names}:
    try:
        importlib.import_module(name)
    except RuntimeError as error:
        print(f"{{name}}: {{error}}")
"""
    done = run_without_tensorflow("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and len(names) > 40
