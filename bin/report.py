"""Writes the report of a workdir again (page, tables, figures), or that of the paper's published scores.

python bin/report.py --workdir=WORKDIR
python bin/report.py --workdir=WORKDIR --compare=published
python bin/report.py --published
"""

from absl import flags

from tf_transfer import command_line

_WORKDIR = flags.DEFINE_string("workdir", None, "The experiment's directory.")
_METRIC = flags.DEFINE_enum(
    "metric", None, ["top1_last", "top1_mean_best10", "per_class_last"], "Default: the experiment's own."
)
_COMPARE = flags.DEFINE_enum(
    "compare", None, ["published"], "With --workdir: also draw the paper's published curves behind one's own."
)
_PUBLISHED = flags.DEFINE_bool("published", False, "Report on the paper's published scores alone.")
_OUT = flags.DEFINE_string("out", None, "With --published: directory for page and figures. Default: figures/published.")


@flags.multi_flags_validator(
    ["workdir", "published"], "expected either --workdir=DIR or --published (see --help), got both or neither"
)
def _one_source(values):
    return bool(values["workdir"]) != values["published"]


@flags.multi_flags_validator(["workdir", "out"], "--out goes with --published; a workdir's figures lie in the workdir")
def _out_with_published(values):
    return not (values["workdir"] and values["out"])


@flags.multi_flags_validator(
    ["published", "compare", "metric"], "--published has one metric, the mean of the ten best tests, and no --compare"
)
def _published_alone(values):
    return not values["published"] or (not values["compare"] and values["metric"] in (None, "top1_mean_best10"))


def main(_) -> None:
    """Writes page, tables and figures, and prints the tables."""
    from tf_transfer import console
    from tf_transfer.report import reports
    from tf_transfer.results import workdir

    if _PUBLISHED.value:
        console.print_report(reports.write_published(_OUT.value or "figures/published"))
        return
    experiment = workdir.read_experiment(_WORKDIR.value)
    metric = _METRIC.value or experiment.metric
    console.print_report(reports.write_report(_WORKDIR.value, metric, compare=bool(_COMPARE.value)))


if __name__ == "__main__":
    command_line.run(main)
