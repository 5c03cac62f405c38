"""Nothing that comes from somebody else is run as code, and printed commands open no door to the network."""

import ast
import os
import re

import pytest

from tests.helpers.commands import ROOT, run_bash

SOURCES = [*ROOT.glob("tf_transfer/**/*.py"), *ROOT.glob("bin/*.py"), *ROOT.glob("configs/*.py")]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
SCRIPTS = [*ROOT.glob("bin/*.sh"), ROOT / ".ci" / "run"]
TEMPLATES = [*ROOT.glob("tf_transfer/report/templates/*")]

BARRED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "runpy", "code"}
# `load_model` may build what a file names, `load` of NumPy may unpickle; `files.safe_load` reads arrays instead.
BARRED_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "np.load", "numpy.load"}
BARRED_CALLS |= {"subprocess.getoutput", "subprocess.getstatusoutput", "keras.models.load_model", "load_model"}
BARRED_NAMES = {"Lambda", "enable_unsafe_deserialization", "allow_pickle", "shell"}


def calls(tree):
    """(name as it is written, node) of all calls."""
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def modules_that_unpickle_or_run_text(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        else:
            continue
        yield from (name for name in imported if name.split(".")[0] in BARRED_MODULES)


def calls_that_run_text_or_a_file(tree):
    return (name for name, _ in calls(tree) if name in BARRED_CALLS)


def unsafe_switches(tree):
    switches = {keyword.arg for _, call in calls(tree) for keyword in call.keywords}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return (switches | attributes) & BARRED_NAMES


def commands_that_a_shell_would_parse(tree):
    for name, call in calls(tree):
        if name.startswith("subprocess.") or name in {"Popen", "os.execv", "os.spawnv"}:
            if call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp):
                yield ast.unparse(call)


def modules_run_from_the_current_directory(tree):
    """Of `python -m`, which looks there first unless -P is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if "-m" in words and "-P" not in words:
                yield ast.unparse(node)


# Each with a line of code that it must find.
RULES = {
    modules_that_unpickle_or_run_text: "from pickle import loads",
    calls_that_run_text_or_a_file: "np.load(path)",
    unsafe_switches: "subprocess.run(command, shell=True)",
    commands_that_a_shell_would_parse: "subprocess.run(f'ls {path}')",
    modules_run_from_the_current_directory: "subprocess.run([sys.executable, '-m', 'http.server'])",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_source_has(rule):
    assert list(rule(ast.parse(RULES[rule])))
    trees = {file.relative_to(ROOT): ast.parse(file.read_text()) for file in SOURCES}
    found = [f"{file}: {offence}" for file, tree in trees.items() for offence in rule(tree)]
    assert not found and len(trees) > 80


def open_to_the_network(text):
    """Lines of commands and settings with which others than this machine could look."""
    for line in text.splitlines():
        serves_pages = re.search(r"\bhttp\.server\b", line)
        if "0.0.0.0" in line or "bind_all" in line:
            yield line
        elif re.search(r"\btensorboard\b.*--logdir", line) and "--host=localhost" not in line:
            yield line
        elif serves_pages and "--bind=localhost" not in line and "--bind 127.0.0.1" not in line:
            yield line


def test_what_serves_is_bound_to_this_machine():
    for bad in ("--host=0.0.0.0", "tensorboard --bind_all", "tensorboard --logdir=x", "python -m http.server 8000"):
        assert list(open_to_the_network(bad)) == [bad]
    assert not list(open_to_the_network("tensorboard --logdir=x --host=localhost"))
    files = [*DOCUMENTS, *SOURCES, *SCRIPTS, *TEMPLATES]
    assert not [f"{file}: {line}" for file in files for line in open_to_the_network(file.read_text())]


def test_shell_scripts_run_no_text_and_fetch_nothing():
    barred = re.compile(r"\beval\b|\bcurl\b|\bwget\b")
    lines = [(file, line.split(" #")[0]) for file in SCRIPTS for line in file.read_text().splitlines()]
    assert not [f"{file}: {line}" for file, line in lines if barred.search(line)] and len(lines) > 30


@pytest.mark.parametrize("script", ["quickstart", "test"])
def test_shell_scripts_take_what_they_are_given_word_for_word(script, tmp_path):
    # A virtual environment that counts as installed, and whose Python writes down its arguments and does nothing.
    environment = tmp_path / "a venv"
    (environment / "bin").mkdir(parents=True)
    python = environment / "bin" / "python"
    python.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> '{tmp_path}/arguments'\n")
    python.chmod(0o755)
    (environment / "bin" / "lint-imports").symlink_to(python)
    installed = run_bash("cat setup.py constraints.txt | cksum").stdout
    for extras in ("", "[test]"):
        (environment / f".installed{extras}").write_text(installed)
    tricky = "a  b$(touch hacked)*;touch hacked"
    variables = {"VENV": str(environment), "STORE": tricky, "WORKDIR": tricky}
    done = run_bash(f'bash bin/{script}.sh "$@"', "-k", tricky, env=variables)
    assert (done.returncode, done.stderr) == (0, "")
    arguments = (tmp_path / "arguments").read_text().split("\0")
    flags = {"quickstart": {f"{flag}={tricky}" for flag in ("--out", "--config.store", "--workdir")}, "test": {tricky}}
    assert flags[script] <= set(arguments)
    assert not os.path.exists(ROOT / "hacked")
