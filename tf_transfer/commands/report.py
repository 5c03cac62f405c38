"""Writes the report of a workdir again (page, tables, figures), or that of the paper's published scores.

tf-transfer report --workdir=WORKDIR
tf-transfer report --workdir=WORKDIR --compare=published
tf-transfer report --workdir=WORKDIR --metric=per_class_last --run=A3B+
tf-transfer report --published
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from absl import flags

from tf_transfer.command_line import Command, define_path

FLAGS = flags.FlagValues()
_WORKDIR = define_path("workdir", "The experiment's directory.", FLAGS)
_METRIC = flags.DEFINE_enum(
    "metric", None, ["top1_last", "top1_mean_best10", "per_class_last"], "Default: the experiment's own.", FLAGS
)
_COMPARE = flags.DEFINE_enum(
    "compare", None, ["published"], "With --workdir: also draw the paper's published curves behind one's own.", FLAGS
)
_PUBLISHED = flags.DEFINE_bool("published", False, "Report on the paper's published scores alone.", FLAGS)
_RUN = flags.DEFINE_string(
    "run", None, "The network to show class by class, with its mistakes, for example A3B+. Default: the best.", FLAGS
)
_OUT = define_path("out", "With --published: directory for page and figures. Default: figures/published.", FLAGS)


@flags.multi_flags_validator(
    ["workdir", "published"],
    "expected either --workdir=DIR or --published (see --help), got both or neither",
    flag_values=FLAGS,
)
def _one_source(values: Mapping[str, Any]) -> bool:
    return bool(values["workdir"]) != values["published"]


@flags.multi_flags_validator(
    ["workdir", "out"], "--out goes with --published; a workdir's figures lie in the workdir", flag_values=FLAGS
)
def _out_with_published(values: Mapping[str, Any]) -> bool:
    return not (values["workdir"] and values["out"])


@flags.multi_flags_validator(
    ["published", "compare", "metric", "run"],
    "--published has one metric, the mean of the ten best tests, no --compare, and no --run",
    flag_values=FLAGS,
)
def _published_alone(values: Mapping[str, Any]) -> bool:
    alone = not values["compare"] and not values["run"] and values["metric"] in (None, "top1_mean_best10")
    return alone or not values["published"]


def main() -> None:
    """Writes page, tables and figures, and prints the tables."""
    from tf_transfer import console
    from tf_transfer.report import reports
    from tf_transfer.results import workdir

    if _PUBLISHED.value:
        console.print_report(reports.write_published(_OUT.value or "figures/published"))
        return
    assert _WORKDIR.value
    experiment = workdir.read_experiment(_WORKDIR.value)
    metric = _METRIC.value or experiment.metric
    console.print_report(reports.write_report(_WORKDIR.value, metric, bool(_COMPARE.value), _RUN.value or ""))


COMMAND = Command("report", __doc__, FLAGS, main)
