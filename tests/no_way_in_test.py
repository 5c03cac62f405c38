"""Nothing that comes from somebody else is run as code, and printed commands open no door to the network."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("tf_transfer/**/*.py"), *ROOT.glob("bin/*.py"), *ROOT.glob("configs/*.py")])
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bin/*"), *ROOT.glob("tf_transfer/**/*.py")]
TEXTS += ROOT.glob("tf_transfer/report/templates/*")

BARRED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "runpy", "code"}
# `load_model` may build what a file names, `loads`/`load` of NumPy may unpickle; `untrusted` reads arrays instead.
BARRED_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "np.load", "numpy.load"}
BARRED_CALLS |= {"subprocess.getoutput", "subprocess.getstatusoutput", "keras.models.load_model", "load_model"}
BARRED_NAMES = {"Lambda", "enable_unsafe_deserialization", "allow_pickle"}


def calls(tree):
    """Yields the name as it is written, and the node, of all calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.fixture(params=SOURCES, ids=lambda file: str(file.relative_to(ROOT)), scope="module")
def tree(request):
    return ast.parse(request.param.read_text())


def test_no_module_that_unpickles_or_runs_text(tree):
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name.split(".")[0] for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module.split(".")[0] for node in imports if isinstance(node, ast.ImportFrom)}
    assert not names & BARRED_MODULES


def test_no_call_that_runs_text_or_a_file(tree):
    assert not {name for name, _ in calls(tree) if name in BARRED_CALLS}


def test_no_unsafe_switch(tree):
    switches = {keyword.arg for _, call in calls(tree) for keyword in call.keywords}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not (switches | attributes) & BARRED_NAMES
    assert "shell" not in switches


def test_programs_are_started_with_lists_of_arguments_and_never_from_the_current_directory(tree):
    for name, call in calls(tree):
        if name.startswith("subprocess.") or name in {"Popen", "os.execv", "os.spawnv"}:
            command = call.args[0] if call.args else None
            assert not isinstance(command, ast.Constant | ast.JoinedStr | ast.BinOp), ast.unparse(call)
    for node in ast.walk(tree):  # `python -m` looks into the current directory first, unless -P is given
        if isinstance(node, ast.List | ast.Tuple):
            words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            assert "-m" not in words or "-P" in words, ast.unparse(node)


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_serves_is_bound_to_this_machine(file):
    if file.is_dir() or file.suffix in {".png", ".svg"}:
        return
    text = file.read_text()
    assert "0.0.0.0" not in text and "bind_all" not in text
    for command in re.findall(r"^.*\btensorboard\b.*--logdir.*$", text, re.MULTILINE):
        assert "--host=localhost" in command, command
    for command in re.findall(r"^.*\bhttp\.server\b.*$", text, re.MULTILINE):
        assert "--bind=localhost" in command or "--bind 127.0.0.1" in command, command


@pytest.mark.parametrize("file", sorted(ROOT.glob("bin/*.sh")), ids=lambda file: file.name)
def test_shell_scripts_quote_what_they_are_given(file):
    for line in file.read_text().splitlines():
        code = line.split(" #")[0]
        assert "eval " not in code and not re.search(r"\bcurl\b|\bwget\b", code)
