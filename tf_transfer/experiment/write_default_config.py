"""Writes `configs/default.py` from the fields of `Experiment` and `Recipe`, with their defaults and comments.

python -m tf_transfer.experiment.write_default_config
"""

from __future__ import annotations

import ast
import inspect
import pathlib
from collections.abc import Iterator

from tf_transfer.experiment.config import Experiment, Recipe

_HEAD = '''"""Every field of an experiment. Other configs start from this one and change a few.

tf-transfer sweep --config=default --config.store=STORE --workdir=WORKDIR

Written by python -m tf_transfer.experiment.write_default_config, from the fields of `Experiment` and `Recipe`.
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    """Returns the default experiment: random halves, every layer, all of the paper's treatments."""
    config = ml_collections.ConfigDict()

'''
_TAIL = """    config.lock()
    config.network_options.unlock()  # each network has its own
    config.blocks.unlock()
    return config
"""
_MADE_DEFAULTS = {  # of fields whose default is made anew for each experiment
    "dataclasses.field(default_factory=dict)": "ml_collections.ConfigDict()",
    "dataclasses.field(default_factory=Recipe)": "recipe = ml_collections.ConfigDict()",
}


def default_config() -> str:
    """The source of `configs/default.py`."""
    return _HEAD + "".join(f"{line}\n" for line in _assignments(Experiment, "config")) + _TAIL


def _assignments(kind: type, variable: str) -> Iterator[str]:
    """Turns the lines of a dataclass's fields into assignments; comments and empty lines stay as they are."""
    for line in _field_lines(kind):
        if not line.strip() or line.lstrip().startswith("#"):
            yield line
            continue
        [field] = ast.parse(line.strip()).body
        assert isinstance(field, ast.AnnAssign) and field.value is not None
        default = ast.get_source_segment(line.strip(), field.value) or ""
        comment = line.strip()[field.end_col_offset :]
        yield f"    {variable}.{ast.unparse(field.target)} = {_MADE_DEFAULTS.get(default, default)}{comment}"
        if default == "dataclasses.field(default_factory=Recipe)":
            yield from _assignments(Recipe, "recipe")


def _field_lines(kind: type) -> list[str]:
    """The source lines of a dataclass between its docstring and its first method."""
    lines = inspect.getsource(kind).splitlines()
    [definition] = ast.parse("\n".join(lines)).body
    assert isinstance(definition, ast.ClassDef)
    docstring = definition.body[0]
    method = next(node for node in definition.body if isinstance(node, ast.FunctionDef))
    return "\n".join(lines[docstring.end_lineno : method.lineno - 1]).strip("\n").splitlines()


if __name__ == "__main__":
    pathlib.Path("configs/default.py").write_text(default_config())
