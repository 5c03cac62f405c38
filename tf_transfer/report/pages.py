"""What stands on the page of a workdir, and on that of the published scores."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

import markupsafe

from tf_transfer.analysis import published, result_table, table1
from tf_transfer.analysis.summary import Summary
from tf_transfer.report import captions, checks, rerun
from tf_transfer.report.figures import inline
from tf_transfer.report.page import Page, Picture, embed_png
from tf_transfer.results.contents import Contents


def workdir_page(
    judgement: Summary,
    contents: Contents,
    figures: Mapping[str, pathlib.Path],
    filters: Mapping[str, pathlib.Path],
    compare: bool,
) -> Page:
    """Gathers the page of a workdir.

    Args:
      judgement: What its results say.
      contents: What stands in it.
      figures: Figures as PNG, with an SVG beside each, by their names in `captions.CAPTIONS`.
      filters: First-layer filters as PNG, by the base's name.
      compare: Whether the paper's own Table 1 is to be shown too.
    """
    experiment, metric = contents.experiment, judgement.metric
    other_metric = metric if metric != experiment.metric else ""
    names = [outcome.run for outcome in contents.outcomes]
    return Page(
        title=f"{pathlib.Path(experiment.store).name}: what each layer is worth on another task",
        subtitle=_subtitle(judgement, experiment.network),
        judgement=judgement,
        missing=contents.missing,
        pictures=[*_pictures(judgement, figures), *_filters(filters)],
        boosts=_boosts(judgement, compare),
        checks=checks.check_all(contents, metric),
        checks_by_run=dict(zip(names, checks.each_run(contents, metric), strict=True)),
        settings=_settings(contents),
        commands=[
            ("The report", rerun.report_command(str(contents.directory), other_metric, compare)),
            ("The whole experiment, in a checkout of tf_transfer", rerun.sweep_commands(experiment)),
        ],
    )


def published_page(judgement: Summary, figures: Mapping[str, pathlib.Path]) -> Page:
    """Gathers the page of the published scores; arguments as for `workdir_page`."""
    return Page(
        title="What the layers of CaffeNet are worth on another task: the published scores",
        subtitle=published.SOURCE,
        judgement=judgement,
        missing=(),
        pictures=_pictures(judgement, figures),
        boosts=_boosts(judgement, compare=True),
        checks=(),
        checks_by_run={},
        settings=[("scores", published.PATH.name), ("metric", judgement.metric)],
        commands=[("The report", "python bin/report.py --published")],
    )


def _pictures(judgement: Summary, figures: Mapping[str, pathlib.Path]) -> list[Picture]:
    means = captions.describe_means(next(iter(judgement.means.values())))
    words = {name: captions.describe_effects(judgement.effects) for name in ("effects", "each_effect")}
    pictures = []
    for name in sorted(figures, key=list(captions.CAPTIONS).index):
        caption = captions.CAPTIONS[name]
        alt = f"{caption.title}. {words.get(name, means)}"
        markup = inline.to_markup(figures[name].with_suffix(".svg"), alt)
        pictures.append(Picture(name, caption.title, caption.text, markup))
    return pictures


def _filters(filters: Mapping[str, pathlib.Path]) -> list[Picture]:
    if not filters:
        return []
    images = (embed_png(path, f"First-layer filters of {base}") for base, path in filters.items())
    caption = captions.FILTERS
    text = f"{caption.text} {', '.join(filters)}."
    return [Picture("filters", caption.title, text, markupsafe.Markup("").join(images))]


def _boosts(judgement: Summary, compare: bool) -> dict:
    ours = {"Boost of AnB+ (points), averaged as in the paper's Table 1": judgement.boost}
    return ours | ({"Table 1 of the paper": table1.paper()} if compare else {})


def _subtitle(judgement: Summary, network: str) -> str:
    compared = result_table.main_family(judgement.table)
    parts = [f"{len(judgement.table)} networks ({network})"]
    for name, word in (("split", "class split"), ("seed", "seed"), ("target", "target")):
        values = sorted(compared[name].unique())
        parts += [f"{word}{'s' * (len(values) > 1)} {', '.join(map(str, values))}"] if values else []
    tested = "of the last test" if judgement.metric == "top1_last" else "as the mean of the ten best tests"
    return f"{'; '.join(parts)}; top-1 accuracy {tested}."


def _settings(contents: Contents) -> Sequence[tuple[str, str]]:
    versions = {f"{name} {version}" for outcome in contents.outcomes for name, version in outcome.versions.items()}
    shown = [(name, str(value)) for name, value in rerun.fields(contents.experiment)]
    shown += [("precision used", ", ".join(sorted({outcome.precision for outcome in contents.outcomes})))]
    return [*shown, ("computed with", ", ".join(sorted(versions)))]
