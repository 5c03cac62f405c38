"""The report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import jinja2
import markupsafe

from tf_transfer import __version__
from tf_transfer.analysis.effects import EFFECTS
from tf_transfer.analysis.findings import SIGNIFICANT
from tf_transfer.analysis.summary import Summary
from tf_transfer.experiment import treatments
from tf_transfer.files import atomic
from tf_transfer.report.checks import Check

if TYPE_CHECKING:
    import pandas as pd

    from tf_transfer.experiment.plan import Cohort

# Named once, if the same in all rows.
_QUIET = ("split", "images_per_class", "seed", "steps", "num_classes", "status", "caution")
_PERCENT = ("top1_last", "top1_mean_best10", "train_top1_last")  # shares in the table, percent on the page


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Attributes:
      name: Its anchor.
      title: Its heading.
      caption: How to read it.
      markup: An `svg` or `img` element, with its alternative text.
    """

    name: str
    title: str
    caption: str
    markup: markupsafe.Markup


@dataclasses.dataclass(frozen=True)
class Page:
    """All that stands on the page.

    Attributes:
      title: Its heading.
      subtitle: What was trained, in one sentence.
      judgement: What the results say.
      missing: The cohorts that are not done, with the runs that they lack.
      pictures: The figures.
      boosts: Tables as from `table1.boost`, by their headings.
      checks: The validity checks.
      checks_by_run: By run, the answers to those questions that concern single runs.
      settings: Names and values of the configuration and the versions.
      commands: How to run it again: what it does, and the commands.
    """

    title: str
    subtitle: str
    judgement: Summary
    missing: Sequence[Cohort]
    pictures: Sequence[Picture]
    boosts: Mapping[str, pd.DataFrame]
    checks: Sequence[Check]
    checks_by_run: Mapping[str, Mapping[str, bool | None]]
    settings: Sequence[tuple[str, str]]
    commands: Sequence[tuple[str, str]]


def write(path: pathlib.Path, page: Page) -> None:
    """Writes the page to a file."""
    with atomic.replace_file(path) as temporary:
        # A file's name may hold bytes that are no text; they are shown as escapes.
        temporary.write_text(render(page), encoding="utf-8", errors="backslashreplace")


def render(page: Page) -> str:
    """Writes the page; whatever the user named (classes, files, stores) is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tf_transfer.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    script, style = (
        markupsafe.Markup(environment.loader.get_source(environment, f"report.{suffix}")[0]) for suffix in ("js", "css")
    )
    table = page.judgement.table
    constant = [name for name in _QUIET if name in table and table[name].nunique(dropna=False) == 1]
    varying = table.drop(columns=constant)
    return environment.get_template("report.html").render(
        page=page,
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=__version__,
        csv=table.to_csv(index=False, float_format="%.6g"),
        constants={name: table[name].iloc[0] for name in constant if table[name].iloc[0] != ""},
        columns=_columns(varying),
        rows=[_cells(row) for row in varying.to_dict("records")],
        num_missing=sum(len(cohort.runs) for cohort in page.missing),
        effects=_effect_rows(page.judgement.effects),
        pattern=treatments.pattern,
    )


def embed_png(path: pathlib.Path, alt: str) -> markupsafe.Markup:
    """An `img` element that holds a PNG file."""
    data = base64.b64encode(path.read_bytes()).decode()
    return markupsafe.Markup('<img alt="{}" src="data:image/png;base64,{}">').format(alt, data)


def _columns(table: pd.DataFrame) -> list[str]:
    return [f"{name} (%)" if name in _PERCENT else name for name in table.columns]


def _cells(row: Mapping[str, object]) -> list[tuple[str, str]]:
    """Of each column, what is shown and what it is sorted by."""
    return [_cell(name, value) for name, value in row.items()]


def _cell(name: str, value: object) -> tuple[str, str]:
    if isinstance(value, float):
        shown = "" if value != value else f"{100 * value:.1f}" if name in _PERCENT else f"{value:.4g}"
        return shown, "" if value != value else repr(value)
    return ("", "") if value is None else (str(value), str(value))


def _effect_rows(effects: pd.DataFrame) -> dict:
    """The columns (layers and ranges of layers) and, by effect, a cell for each: text, interval, whether found."""
    columns = list(dict.fromkeys(effects.sort_values("n", kind="stable")["layers"]))
    rows = {}
    for name in EFFECTS:
        of_one = {row.layers: row for row in effects[effects["effect"] == name].itertuples()}
        if of_one:
            rows[name] = [_effect_cell(of_one.get(layers)) for layers in columns]
    return {"columns": columns, "rows": rows, "patterns": {n: [*map(treatments.pattern, EFFECTS[n])] for n in rows}}


def _effect_cell(row) -> dict | None:
    if row is None:
        return None
    ends = "" if row.low != row.low else f"{row.low:.1f} to {row.high:.1f}"
    return {"estimate": f"{row.estimate:.1f}", "interval": ends, "found": row.p_holm < SIGNIFICANT}
