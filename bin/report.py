"""Draws table and figures of a workdir again: python bin/report.py --workdir=WORKDIR."""

from absl import flags

from tf_transfer import command_line

_WORKDIR = flags.DEFINE_string("workdir", None, "The experiment's directory.")
_METRIC = flags.DEFINE_enum("metric", None, ["top1_last", "top1_mean_best10"], "Default: the experiment's own.")


def main(_) -> None:
    """Writes results.csv and the figures, and prints the table."""
    from tf_transfer import console, report, workdir

    metric = _METRIC.value or workdir.read_experiment(_WORKDIR.value).metric
    console.print_report(report.write_report(_WORKDIR.value, metric))


if __name__ == "__main__":
    command_line.run(main, required=["workdir"])
