"""DESIGN: imports point downward only, and the ground floor never imports TensorFlow."""

import ast
import graphlib
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "tf_transfer"
HEAVY = {"tensorflow", "keras", "jax", "torch"}

# Ground modules may import ground modules. Each other module names what it may import beside them.
ABOVE_GROUND = {
    "python_reads": set(),
    "input_pipeline": {"python_reads"},
    "threads": set(),
    "winograd": set(),
    "layers": {"winograd"},
    "networks": {"layers"},
    "optimizers": set(),
    "evaluation": set(),
    "transfer": {"networks"},
    "saved_model": {"networks"},
    "backup": {"evaluation"},
    "fitting": {"backup", "evaluation", "optimizers"},
    "array_training": {"fitting"},
    "train": {"backup", "evaluation", "fitting", "input_pipeline", "networks", "threads", "transfer"},
}
FILES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
MODULES = {name: file for name, file in FILES.items() if name != "__init__"}
GROUND = sorted(set(MODULES) - set(ABOVE_GROUND))


def imported(tree):
    """Yields the dotted names that some code imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name):
    """The modules of the package that a module imports: `tf_transfer.plan.Run` means `plan`."""
    found = set()
    for dotted in imported(ast.parse(MODULES[name].read_text())):
        parts = dotted.split(".")[1:] if dotted.startswith("tf_transfer.") else []
        found |= {".".join(parts[:length]) for length in (1, 2)} & set(MODULES)
    return found


def test_the_modules_above_ground_exist():
    assert set(ABOVE_GROUND) < set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downward(name):
    assert own_imports(name) - set(GROUND) <= ABOVE_GROUND.get(name, set())


@pytest.mark.parametrize("name", GROUND)
def test_no_ground_module_names_tensorflow(name):
    heavy = {dotted.split(".")[0] for dotted in imported(ast.parse(MODULES[name].read_text()))} & HEAVY
    assert not heavy


def test_no_module_imports_itself_by_a_detour():
    # But `sources` imports `sources.folder` when a folder is asked for, which takes its types from `sources`.
    graph = {name: {other for other in own_imports(name) if not f"{other}.".startswith(f"{name}.")} for name in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_importing_the_ground_floor_does_not_import_tensorflow():
    code = f"""
import importlib, sys
for name in {GROUND}:
    importlib.import_module("tf_transfer." + name)
    heavy = {HEAVY | {"tensorflow_datasets"}} & set(sys.modules)
    if heavy:
        sys.exit(f"importing {{name}} imports {{heavy}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_modules_stay_short(file):
    assert len(file.read_text().splitlines()) <= 300


@pytest.mark.parametrize("file", sorted((ROOT / "bin").glob("*.py")), ids=lambda file: file.name)
def test_binaries_stay_shorter(file):
    assert len(file.read_text().splitlines()) < 80
