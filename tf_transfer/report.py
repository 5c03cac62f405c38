"""The report of a workdir, or of the published scores: tables, figures, one HTML page, and copies in TensorBoard."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import markupsafe

from tf_transfer import again, analysis, captions, checks, effects, figures, findings, published, results, table1
from tf_transfer import transition as transitions
from tf_transfer import workdir as workdirs
from tf_transfer.dashboard import write_dashboard
from tf_transfer.figures import effects as effect_figures
from tf_transfer.figures import inline, learning_curves, paper
from tf_transfer.figures.filters import draw_filters
from tf_transfer.html_report import Page, Picture, embed_png, render
from tf_transfer.pending import lacking_cohorts
from tf_transfer.plan import Cohort, make_plan
from tf_transfer.result import FINISHED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tf_transfer.experiment import Experiment
    from tf_transfer.result import Result

_PAGE = "report.html"


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report says, and where it lies.

    Attributes:
      table: One row a run.
      means: Accuracy in percent, by family of class splits; one row per kind of treatment, one column per n.
      boost: Table 1 of the paper, from these runs; empty if nothing was transferred and fine-tuned.
      warnings: What should keep a reader from trusting them.
      effects: What each layer is worth, with intervals, as from `effects.estimate_effects`.
      findings: What they say, in sentences.
      table_path: `results.csv`.
      figure_paths: The figures as PNG, by name: `figure2`, `figure3`, ...
      page_path: `report.html`.
      missing: The planned cohorts that are not done, with the runs that they lack, as far as that is known.
      effects_path: `effects.csv`, if any.
      tensorboard_path: Directory of the TensorBoard logs, if any.
      beside_paper: Whether the paper's own Table 1 is to be shown with it.
    """

    table: pd.DataFrame
    means: dict[str, pd.DataFrame]
    boost: pd.DataFrame
    warnings: tuple[str, ...]
    effects: pd.DataFrame
    findings: findings.Findings
    table_path: pathlib.Path
    figure_paths: dict[str, pathlib.Path]
    page_path: pathlib.Path
    missing: tuple[Cohort, ...] = ()
    effects_path: pathlib.Path | None = None
    tensorboard_path: pathlib.Path | None = None
    beside_paper: bool = False


def write_report(workdir: str | os.PathLike, metric: str, compare: bool = False) -> Report:
    """Writes table, figures and page of all finished runs in a workdir, and shows the figures in TensorBoard.

    Args:
      workdir: The experiment's directory.
      metric: `top1_last` or `top1_mean_best10`.
      compare: Also draw Figure 2 with the paper's published curves behind one's own.

    Raises:
      FileNotFoundError: No run is finished.
      ValueError: There is no Figure 2 to compare in.
    """
    directory = pathlib.Path(workdir)
    names = results.finished_runs(directory)
    if not names:
        raise FileNotFoundError(f"no run is finished in {str(workdir)!r}; train some with bin/sweep.py")
    experiment = workdirs.read_experiment(directory)
    outcomes = [results.read_result(directory, name) for name in names]
    table = results.table(outcomes)
    theirs = published.read_table() if compare else None
    missing = _missing(experiment, directory)
    report = Report(
        **_judge(table, metric, effects.read_correct(directory, table), effects.read_image_ids(directory, table)),
        table_path=results.write_table(directory, table),
        figure_paths={},
        page_path=directory / _PAGE,
        missing=() if isinstance(missing, str) else missing,
        tensorboard_path=directory / "tensorboard",
        beside_paper=compare,
    )
    drawn = paper.draw_all(table, metric, report.warnings, theirs) | _draw_effects(report.effects)
    compared = _main(outcomes, table)
    if learning_curves.has_rows(compared):
        drawn["learning_curves"] = learning_curves.draw_learning_curves(compared)
    paths = _save(drawn, directory / "figures")
    filters = _draw_filters(directory, table)
    write_dashboard(directory / "tensorboard", table, paths | filters)
    report = dataclasses.replace(
        report, figure_paths=paths, effects_path=effects.write_effects(directory, report.effects)
    )
    page = _page(
        report,
        _pictures(report, filters),
        title=f"{pathlib.Path(experiment.store).name}: what each layer is worth on another task",
        subtitle=_subtitle(experiment, report, metric),
        checks=checks.check_all(experiment, missing, outcomes, table, metric),
        checks_by_run=dict(zip(names, checks.each_run(outcomes, table, metric), strict=True)),
        settings=_settings(experiment, outcomes),
        commands=[
            ("The report", again.report_command(str(workdir), metric if metric != experiment.metric else "", compare)),
            ("The whole experiment, in a checkout of tf_transfer", again.sweep_commands(experiment)),
        ],
    )
    _write(report.page_path, page)
    return report


def write_published(out: str | os.PathLike) -> Report:
    """Draws the paper's figures from the scores that its authors published, and writes them with a page.

    Args:
      out: Directory for the figures and the page.

    Raises:
      PermissionError: The directory cannot be written to.
    """
    directory = pathlib.Path(out)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(f"cannot write to {str(out)!r} ({error.strerror}); choose another --out") from error
    table = published.read_table()
    report = Report(
        **_judge(table, published.METRIC),
        table_path=published.PATH,
        figure_paths={},
        page_path=directory / _PAGE,
        beside_paper=True,
    )
    # What the authors published is drawn as they published it; cautions about it are printed only.
    drawn = paper.draw_all(table, published.METRIC) | _draw_effects(report.effects)
    report = dataclasses.replace(report, figure_paths=_save(drawn, directory))
    page = _page(
        report,
        _pictures(report, {}),
        title="What the layers of CaffeNet are worth on another task: the published scores",
        subtitle=published.SOURCE,
        checks=[],
        checks_by_run={},
        settings=[("scores", published.PATH.name), ("metric", published.METRIC)],
        commands=[("The report", "python bin/report.py --published")],
    )
    _write(report.page_path, page)
    return report


def _judge(table: pd.DataFrame, metric: str, *evidence: Mapping) -> dict:
    family = analysis.main_family(table)
    estimated = effects.estimate_effects(family, metric, *evidence)
    return {
        "table": table,
        "means": {name: analysis.treatment_means(rows, metric) for name, rows in analysis.families(table).items()},
        "boost": table1.boost(table, metric),
        "warnings": tuple(analysis.warnings(table, metric)),
        "effects": estimated,
        "findings": findings.describe(estimated, transitions.find_transition(family, metric, *evidence)),
    }


def _missing(experiment: Experiment, directory: pathlib.Path) -> tuple[Cohort, ...] | str:
    try:
        return tuple(lacking_cohorts(make_plan(experiment), directory))
    except (FileNotFoundError, ValueError) as error:  # no store, or one that the experiment no longer fits
        return str(error)


def _main(outcomes: Sequence[Result], table: pd.DataFrame) -> list[Result]:
    """The results that Figure 2 is about, with the bases that they copy from."""
    family = analysis.main_family(table)
    groups = set(zip(family["split"], family["images_per_class"], strict=True))
    return [
        outcome
        for outcome in outcomes
        if outcome.status == FINISHED and (outcome.split, outcome.images_per_class) in groups
    ]


def _draw_effects(estimated: pd.DataFrame) -> dict[str, Figure]:
    if not effect_figures.has_rows(estimated):
        return {}
    return {"effects": effect_figures.draw_stacked(estimated), "each_effect": effect_figures.draw_each(estimated)}


def _save(drawn: Mapping[str, Figure], directory: pathlib.Path) -> dict[str, pathlib.Path]:
    paths = {name: directory / f"{name}.png" for name in drawn}
    for name, figure in drawn.items():
        figures.save(figure, paths[name])
    return paths


def _draw_filters(directory: pathlib.Path, table: pd.DataFrame) -> dict[str, pathlib.Path]:
    paths = {}
    for name in table.loc[table["kind"] == "base", "run"]:
        kernel = results.read_weights(directory, name)["layer1/0"]
        if kernel.ndim == 4:
            paths[f"filters/{name}"] = directory / "figures" / f"filters_{name}.png"
            figures.save(draw_filters(kernel), paths[f"filters/{name}"])
    return paths


def _pictures(report: Report, filters: Mapping[str, pathlib.Path]) -> list[Picture]:
    means = captions.describe_means(next(iter(report.means.values())))
    words = {name: captions.describe_effects(report.effects) for name in ("effects", "each_effect")}
    pictures = []
    for name in sorted(report.figure_paths, key=list(captions.CAPTIONS).index):
        caption = captions.CAPTIONS[name]
        alt = f"{caption.title}. {words.get(name, means)}"
        markup = inline.to_markup(report.figure_paths[name].with_suffix(".svg"), alt)
        pictures.append(Picture(name, caption.title, caption.text, markup))
    if filters:
        markup = markupsafe.Markup("").join(
            embed_png(path, f"First-layer filters of {_base(tag)}") for tag, path in filters.items()
        )
        caption = captions.FILTERS
        pictures.append(Picture("filters", caption.title, f"{caption.text} {', '.join(map(_base, filters))}.", markup))
    return pictures


def _base(tag: str) -> str:
    return tag.removeprefix("filters/")


def _page(report: Report, pictures: Sequence[Picture], **rest) -> Page:
    boost = {"Boost of AnB+ (points), averaged as in the paper's Table 1": report.boost}
    if report.beside_paper:
        boost["Table 1 of the paper"] = table1.paper()
    return Page(
        findings=report.findings,
        warnings=report.warnings,
        missing=report.missing,
        pictures=pictures,
        effects=report.effects,
        means=report.means,
        boost=boost,
        table=report.table,
        **rest,
    )


def _subtitle(experiment: Experiment, report: Report, metric: str) -> str:
    compared = analysis.main_family(report.table)
    parts = [f"{len(report.table)} networks ({experiment.network})"]
    for name, word in (("split", "class split"), ("seed", "seed"), ("target", "target")):
        values = sorted(compared[name].unique())
        parts.append(f"{word}{'s' * (len(values) > 1)} {', '.join(map(str, values))}")
    tested = "of the last test" if metric == "top1_last" else "as the mean of the ten best tests"
    return f"{'; '.join(parts)}; top-1 accuracy {tested}."


def _settings(experiment: Experiment, outcomes: Sequence[Result]) -> list[tuple[str, str]]:
    versions = sorted({f"{name} {version}" for outcome in outcomes for name, version in outcome.versions.items()})
    shown = [(name, str(value)) for name, value in again.fields(experiment)]
    shown += [("precision used", ", ".join(sorted({outcome.precision for outcome in outcomes})))]
    return [*shown, ("computed with", ", ".join(versions))]


def _write(path: pathlib.Path, page: Page) -> None:
    with results.replacing(path) as temporary:
        temporary.write_text(render(page), encoding="utf-8", errors="backslashreplace")
