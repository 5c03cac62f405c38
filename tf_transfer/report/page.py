"""The report as one HTML page that needs nothing else: no network, no other file.

What the page says is gathered in a `Page`, of a workdir or of the published scores; `templates/` say how it looks.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import pathlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jinja2
import markupsafe

from tf_transfer import __version__
from tf_transfer.analysis import averages, mistakes, published, table1
from tf_transfer.analysis.effects import EFFECTS
from tf_transfer.analysis.findings import SIGNIFICANT
from tf_transfer.analysis.summary import Summary
from tf_transfer.experiment import treatments
from tf_transfer.experiment.config import ACCURACY_NAMES
from tf_transfer.files import atomic
from tf_transfer.report import checks
from tf_transfer.report.checks import Check
from tf_transfer.report.figures.report_figure import SavedFigure
from tf_transfer.report.inline_images import inline_png, inline_svg
from tf_transfer.report.run_details import RunDetails
from tf_transfer.results.contents import Contents
from tf_transfer.results.workdir import STORES

if TYPE_CHECKING:
    import pandas as pd

    from tf_transfer.experiment.plan import Cohort

# Columns of the table of runs that are named once above it where they are the same in all rows.
_OFTEN_CONSTANT = (
    *("split", "images_per_class", "seed", "steps"),
    *("num_classes", "num_train_images", "num_test_images", "chance", "status", "caution"),
)
# Shares in the table, percent on the page.
_PERCENT = ("top1_last", "top1_mean_best10", "per_class_last", "top5_last", "train_top1_last", "chance")
_CLASSES_SHOWN = 25  # at once; the others are folded
_PAIRS_SHOWN = 15  # of classes that are confused


@dataclasses.dataclass(frozen=True)
class PageFigure:
    """A figure on the page.

    Attributes:
      name: Its anchor.
      title: Its heading.
      caption: How to read it.
      markup: One or several `svg` or `img` elements, each with its alternative text.
      is_series: Whether it is several small pictures side by side.
      of_one_run: Whether it shows one network alone.
    """

    name: str
    title: str
    caption: str
    markup: markupsafe.Markup
    is_series: bool
    of_one_run: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunTables:
    """One network in numbers, class by class.

    Attributes:
      title: The network in words.
      reason: Why this network is shown.
      sentences: What it gets right, and what is not known of it.
      classes: As from `mistakes.class_accuracies`, with a column `train_images` where they are known.
      pairs: As from `mistakes.confused_pairs`.
    """

    title: str
    reason: str
    sentences: Sequence[str]
    classes: pd.DataFrame
    pairs: pd.DataFrame


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """All that the page says.

    Attributes:
      title: Its heading.
      subtitle: What was trained, in one sentence.
      summary: What the results say.
      missing: The cohorts that are not done, with the runs that they lack.
      figures: The figures.
      boosts: Tables as from `table1.boost`, by their headings.
      run_tables: One network in numbers, class by class.
      checks: The validity checks.
      checks_by_run: By run, the answers to those questions that concern single runs.
      settings: Names and values of the configuration and the versions.
      commands: How to run it again: what it does, and the commands.
    """

    title: str
    subtitle: str
    summary: Summary
    missing: Sequence[Cohort] = ()
    figures: Sequence[PageFigure]
    boosts: Mapping[str, pd.DataFrame]
    run_tables: RunTables | None = None
    checks: Sequence[Check] = ()
    checks_by_run: Mapping[str, Mapping[str, bool | None]] = dataclasses.field(default_factory=dict)
    settings: Sequence[tuple[str, str]]
    commands: Sequence[tuple[str, str]]


def workdir_page(
    summary: Summary,
    contents: Contents,
    figures: Sequence[SavedFigure],
    compare: bool,
    details: RunDetails | None = None,
    asked_run: str = "",
) -> Page:
    """Gathers the page of a workdir.

    Args:
      summary: What its results say.
      contents: What it holds.
      figures: The figures, saved.
      compare: Whether the paper's own Table 1 is to be shown too.
      details: One network looked at closely.
      asked_run: How that network was asked for; empty if it was chosen.
    """
    experiment, metric = contents.experiment, summary.metric
    other_metric = metric if metric != experiment.metric else ""
    names = [outcome.run for outcome in contents.outcomes]
    return Page(
        title=f"{pathlib.Path(experiment.store).name}: what each layer is worth on another task",
        subtitle=_subtitle(summary, experiment.network),
        summary=summary,
        missing=contents.missing,
        figures=[_page_figure(saved) for saved in figures],
        boosts=_boosts(summary, compare),
        run_tables=None if details is None else _run_tables(details, ACCURACY_NAMES[metric], bool(asked_run)),
        checks=checks.check_all(contents, metric),
        checks_by_run=dict(zip(names, checks.check_each_run(contents, metric), strict=True)),
        settings=_settings(contents),
        commands=[
            ("The report", report_command(str(contents.directory), other_metric, compare, asked_run)),
            ("The whole experiment, in a new workdir", sweep_command(str(contents.directory))),
        ],
    )


def published_page(summary: Summary, figures: Sequence[SavedFigure]) -> Page:
    """Gathers the page of the published scores; arguments as for `workdir_page`."""
    return Page(
        title="What the layers of CaffeNet are worth on another task: the published scores",
        subtitle=published.SOURCE,
        summary=summary,
        figures=[_page_figure(saved) for saved in figures],
        boosts=_boosts(summary, compare=True),
        settings=[("scores", published.PATH.name), ("metric", summary.metric)],
        commands=[("The report", "tf-transfer report --published")],
    )


def report_command(workdir: str, metric: str = "", compare: bool = False, run: str = "") -> str:
    """Returns the command that writes the report of a workdir again, to be pasted into a shell."""
    flags = [f"--workdir={workdir}", *([f"--metric={metric}"] if metric else [])]
    flags += ["--compare=published"] if compare else []
    flags += [f"--run={run}"] if run else []
    return shlex.join(["tf-transfer", "report", *flags])


def sweep_command(workdir: str) -> str:
    """Returns the command that trains the experiment of a workdir again in another one, to be pasted into a shell."""
    return shlex.join(["tf-transfer", "sweep", f"--like={workdir}", f"--workdir={workdir}-again"])


def write(path: pathlib.Path, page: Page) -> None:
    """Writes the page to a file."""
    with atomic.replace_file(path) as temporary:
        # A file's name may hold bytes that are no text; they are shown as escapes.
        temporary.write_text(render(page), encoding="utf-8", errors="backslashreplace")


def render(page: Page) -> str:
    """Returns the page as HTML; whatever the user named (classes, files, stores) is escaped."""
    loader = jinja2.PackageLoader("tf_transfer.report")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    script, style = (
        markupsafe.Markup(loader.get_source(environment, f"report.{suffix}")[0]) for suffix in ("js", "css")
    )
    table = page.summary.table
    constant = [name for name in _OFTEN_CONSTANT if name in table and table[name].nunique(dropna=False) == 1]
    varying = table.drop(columns=constant)
    return environment.get_template("report.html").render(
        page=page,
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        version=__version__,
        csv=table.to_csv(index=False, float_format="%.6g"),
        constants={name: _constant(name, table[name].iloc[0]) for name in constant if table[name].iloc[0] != ""},
        columns=[f"{name} (%)" if name in _PERCENT else name for name in varying.columns],
        rows=[[_cell(str(name), value) for name, value in row.items()] for row in varying.to_dict("records")],
        num_missing=sum(len(cohort.runs) for cohort in page.missing),
        effects=_effect_rows(page.summary.effects),
        pattern=treatments.pattern,
        accuracy=ACCURACY_NAMES[page.summary.metric],
        class_tables=_class_tables(page.run_tables),
    )


def _class_tables(run_tables: RunTables | None) -> list[tuple[bool, list[dict]]]:
    """The rows that are shown at once, and those of further classes, which are folded."""
    rows = [] if run_tables is None else run_tables.classes.to_dict("records")
    return [(shown, part) for shown, part in ((True, rows[:_CLASSES_SHOWN]), (False, rows[_CLASSES_SHOWN:])) if part]


def _subtitle(summary: Summary, network: str) -> str:
    compared = averages.main_family(summary.table)
    parts = [f"{len(summary.table)} networks ({network})"]
    for name, word in (("split", "class split"), ("seed", "seed"), ("target", "target")):
        values = sorted(compared[name].unique())
        parts += [f"{word}{'s' * (len(values) > 1)} {', '.join(map(str, values))}"] if values else []
    of_best = summary.metric == "top1_mean_best10"
    evaluated = "as the mean of the ten best evaluations" if of_best else "at the last evaluation"
    return f"{'; '.join(parts)}; {ACCURACY_NAMES[summary.metric]} {evaluated}."


def _page_figure(saved: SavedFigure) -> PageFigure:
    figure = saved.figure
    if figure.is_series:
        members = [_member(saved, name, path) for name, path in saved.paths.items()]
        return PageFigure(
            figure.name, figure.title, figure.caption, markupsafe.Markup("").join(members), True, figure.of_one_run
        )
    alt = f"{figure.title}. {saved.description}"
    markup = inline_svg(saved.paths[figure.name].with_suffix(".svg"), alt)
    return PageFigure(figure.name, figure.title, figure.caption, markup, False, figure.of_one_run)


def _member(saved: SavedFigure, name: str, path: pathlib.Path) -> markupsafe.Markup:
    label = saved.captions.get(name, name.removeprefix(f"{saved.figure.name}/"))
    image = inline_png(path, f"{saved.figure.title}: {label}")
    return markupsafe.Markup("<div>{}<small>{}</small></div>").format(image, label)


def _run_tables(details: RunDetails, accuracy: str, was_asked_for: bool) -> RunTables:
    transferred = details.result.planned.treatment.kind.word == "transfer"
    choice = "The best transferred network" if transferred else f"The network with the highest {accuracy}"
    reason = f"{choice}; tf-transfer report --run=NAME shows another one."
    predictions, names = details.predictions, details.class_names
    confusion = mistakes.confusion_matrix(predictions, len(names))
    classes = mistakes.class_accuracies(confusion, names)
    if details.train_images is not None:
        classes = classes.assign(train_images=details.train_images[classes["label"]])
    wrong, total = int((~predictions.correct).sum()), len(predictions.labels)
    sentences = [
        f"Of {total:,} test images it gets {wrong:,} wrong: top-1 accuracy {100 * predictions.top1():.1f} %, mean "
        f"per-class accuracy {100 * predictions.mean_per_class_accuracy():.1f} %."
    ]
    if details.unknown:
        sentences.append(f"Names of classes and pictures are missing: {details.unknown}.")
    return RunTables(
        title=details.title,
        reason="As asked for with --run." if was_asked_for else reason,
        sentences=sentences,
        classes=classes,
        pairs=mistakes.confused_pairs(confusion, names, _PAIRS_SHOWN),
    )


def _boosts(summary: Summary, compare: bool) -> dict[str, pd.DataFrame]:
    own = {"Boost of AnB+ (points), averaged as in the paper's Table 1": summary.boost}
    return own | ({"Table 1 of the paper": table1.paper()} if compare else {})


def _settings(contents: Contents) -> list[tuple[str, str]]:
    fields = dataclasses.asdict(contents.experiment)
    fields |= {name: _shorten_path(fields[name]) for name in STORES}
    versions = {f"{name} {version}" for outcome in contents.outcomes for name, version in outcome.versions.items()}
    return [
        *_flatten(fields),
        ("precision used", ", ".join(sorted({outcome.precision for outcome in contents.outcomes}))),
        ("computed with", ", ".join(sorted(versions))),
    ]


def _flatten(fields: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """All fields by the names that they have in a config, such as `recipe.epochs`."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, str(value)


def _shorten_path(path: str) -> str:
    return os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path


def _constant(name: str, value: object) -> str:
    return _cell(name, value)[0] + (" %" if name in _PERCENT else "")


def _cell(name: str, value: object) -> tuple[str, str]:
    """What a cell of the table of runs shows, and what it is sorted by."""
    if value is None or value != value:
        return "", ""
    if isinstance(value, float):
        return f"{100 * value:.1f}" if name in _PERCENT else f"{value:.4g}", repr(value)
    return str(value), str(value)


def _effect_rows(effects: pd.DataFrame) -> dict[str, Any]:
    """The columns (layers and ranges of layers) and, by effect, a cell for each: text, interval, whether found."""
    columns = list(dict.fromkeys(effects.sort_values("n", kind="stable")["layers"]))
    rows = {}
    for name in EFFECTS:
        by_layers = {row["layers"]: row for row in effects[effects["effect"] == name].to_dict("records")}
        if by_layers:
            rows[name] = [_effect_cell(by_layers[layers]) if layers in by_layers else None for layers in columns]
    patterns = {name: [treatments.pattern(kind) for kind in EFFECTS[name]] for name in rows}
    any_doubtful = bool((effects["caution"] != "").any())
    return {"columns": columns, "rows": rows, "patterns": patterns, "any_doubtful": any_doubtful}


def _effect_cell(row: Mapping[Any, Any]) -> dict[str, Any]:
    interval = "" if row["low"] != row["low"] else f"{row['low']:.1f} to {row['high']:.1f}"
    estimate = f"({row['estimate']:.1f})" if row["caution"] else f"{row['estimate']:.1f}"
    return {"estimate": estimate, "interval": interval, "found": row["p_holm"] < SIGNIFICANT}
