"""What the commands print of a report, and in which form."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from math import nan
from typing import TYPE_CHECKING, Any

import rich.box
import rich.console
import rich.table

from tf_transfer.analysis import table1
from tf_transfer.experiment import treatments
from tf_transfer.experiment.config import ACCURACY_NAMES

if TYPE_CHECKING:
    import pandas as pd

    from tf_transfer.report.reports import Report

# Off a terminal nothing says how wide a line may be, so that tables get all that they need.
CONSOLE = rich.console.Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)


def print_report(report: Report) -> None:
    """Prints what to be careful of, the tables, the effects, what they say, and where everything lies."""
    for warning in report.warnings:
        print_caution(warning)
    for name, means in report.means.items():
        heading = f"{ACCURACY_NAMES[report.metric]} (%){f', {name}' if len(report.means) > 1 else ''}"
        table = rich.table.Table(heading, box=rich.box.SIMPLE)
        for n in means.columns:
            table.add_column(f"n = {n}" if n else "-", justify="right")
        for kind, row in means.iterrows():
            table.add_row(treatments.pattern(str(kind)), *_one_decimal(row))
        CONSOLE.print(table)
    if len(report.boost):
        _print_table1(report.boost, report.with_published)
    _print_effects(report.effects, ACCURACY_NAMES[report.metric])
    for sentence in report.findings.sentences:
        print(sentence)
    if report.missing:
        lacking = (run.treatment.name for cohort in report.missing for run in cohort.runs)
        print(f"planned and not done: {', '.join(lacking)}")
    print(f"report:      {report.page_path}")
    print(f"table:       {report.table_path}")
    if report.effects_path:
        print(f"effects:     {report.effects_path}")
    for path in report.figure_paths.values():
        print(f"figure:      {path}")
    if report.tensorboard_path:
        logdir = shlex.quote(f"--logdir={report.tensorboard_path}")
        print(f"tensorboard: tensorboard --host=localhost --load_fast=false {logdir}")


def _print_table1(boost: pd.DataFrame, with_published: bool) -> None:
    table = rich.table.Table("boost of AnB+ (points), layers n =", *boost.columns, box=rich.box.SIMPLE)
    for name, row in boost.iterrows():
        table.add_row(str(name), *_one_decimal(row))
    if with_published:
        for name, published in table1.PAPER.items():
            boosts = _one_decimal(published.get(layers, nan) for layers in boost.columns)
            table.add_row(f"{name}, Table 1 of the paper", *boosts)
    CONSOLE.print(table)


def _one_decimal(values: Iterable[float]) -> list[str]:
    return ["" if value != value else f"{value:.1f}" for value in values]


def _print_effects(effects: pd.DataFrame, accuracy: str) -> None:
    """One row an effect, one column a layer: the estimate in points and, below it, its 95 % interval."""
    if effects.empty:
        return
    doubtful = "; in brackets: not to be relied on" if (effects["caution"] != "").any() else ""
    table = rich.table.Table(f"points of {accuracy} [95 %]{doubtful}", box=rich.box.SIMPLE)
    layers = sorted(effects["n"].dropna().unique())
    for n in layers:
        table.add_column(f"n = {n}", justify="right")
    for effect, rows in effects.groupby("effect", sort=False):
        by_layer = {row.n: row for row in rows[rows["n"].notna()].itertuples()}
        table.add_row(str(effect), *(_with_interval(by_layer.get(n)) for n in layers))
    CONSOLE.print(table)


def _with_interval(row: Any) -> str:
    if row is None:
        return ""
    ends = "" if row.low != row.low else f"\n{row.low:.1f} to {row.high:.1f}"
    return f"({row.estimate:.1f}){ends}" if row.caution else f"{row.estimate:.1f}{ends}"


def print_caution(message: str) -> None:
    """Prints one line that should keep a reader from trusting something."""
    print(f"caution: {message}", flush=True)


def duration(seconds: float) -> str:
    """Writes a time in its natural unit: `40 s`, `12 min`, `3.4 h`, `9.5 days`."""
    for unit, length, least in (("days", 86400, 2 * 86400), ("h", 3600, 7200), ("min", 60, 120)):
        if seconds >= least:
            return f"{seconds / length:.1f} {unit}" if length > 60 else f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
