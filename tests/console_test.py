import dataclasses
import time

import pytest

from tf_transfer import console
from tf_transfer.analysis import published, table1
from tf_transfer.analysis.findings import Findings
from tf_transfer.analysis.summary import summarise
from tf_transfer.commands import prepare
from tf_transfer.experiment.class_splits import ClassSplit
from tf_transfer.experiment.plan import Cohort, Run
from tf_transfer.experiment.treatments import parse
from tf_transfer.progress_bars import PrepareProgress, SweepProgress
from tf_transfer.report.reports import Report
from tf_transfer.results import result_files
from tf_transfer.results.result import DIVERGED
from tf_transfer.sweep import scheduler
from tf_transfer.sweep.progress import CohortProgress


@pytest.mark.parametrize(
    "seconds, written",
    [
        (0, "0 s"), (40.4, "40 s"), (119, "119 s"), (120, "2 min"), (3600, "60 min"), (7200, "2.0 h"),
        (12240, "3.4 h"), (2 * 86400, "2.0 days"), (9.5 * 86400, "9.5 days"),
    ],
)  # fmt: skip
def test_times_in_their_natural_unit(seconds, written):
    assert console.duration(seconds) == written


def test_preparing_says_what_is_in_the_store(image_folder, tmp_path, capsys):
    out = str(tmp_path / "store")
    for beginning in ("prepared in ", "already prepared"):
        prepare.prepare(f"folder:{image_folder}", out, {}, {})
        printed = capsys.readouterr().out
        assert printed.startswith(beginning)
        assert printed.splitlines()[1:5] == [
            "  6 classes: bird, cat, deer, ship, train, truck",
            "  train: 72 images, 12 per class",
            "  test: 24 images, 4 per class",
            "  32x32 pixels, raw",
        ]


def test_off_a_terminal_preparing_says_now_and_then_how_far_it_is(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 20.0, 30.0, 45.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with PrepareProgress("pictures", 3000) as progress:
        for done in (1000, 1100, 1200, 1300, 1900):
            progress.update(done)
    assert capsys.readouterr().out.splitlines() == [
        "going on after 1,000 images",
        "1,200 of 3,000 images, 10 a second, 3 min left",
        "1,900 of 3,000 images, 20 a second, 55 s left",
    ]


def printed_report(table, tmp_path, capsys, **changes):
    """The words of each line that is printed of a report on `table`."""
    judged = summarise(table, "top1_last")
    report = Report(
        **vars(judged),
        table_path=tmp_path / "t",
        figure_paths={name: tmp_path / f"{name}.png" for name in ("figure2", "figure3")},
        page_path=tmp_path / "p.html",
        tensorboard_path=tmp_path / "b",
    )
    invented = {"warnings": ("all is invented",), "findings": Findings(("Layers transfer.",), ("Freeze them.",))}
    invented["effects"] = judged.effects.assign(low=6.5, high=9.5)
    console.print_report(dataclasses.replace(report, **invented | changes))
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_report_in_percent_by_treatment_and_n(make_result, tmp_path, capsys):
    table = result_files.table([make_result("baseB", 0.5), make_result("A1B", 0.42), make_result("A3B", 0.31)])
    lines = printed_report(table, tmp_path, capsys, effects_path=tmp_path / "e")
    assert ["transfer", "cost", "8.0", "19.0"] in lines and ["6.5", "to", "9.5", "6.5", "to", "9.5"] in lines
    assert ["Layers", "transfer."] in lines and ["Recommendation:", "Freeze", "them."] in lines
    assert ["report:", str(tmp_path / "p.html")] in lines and not any(line[:1] == ["planned"] for line in lines)
    missing = (Cohort("some", tuple(Run(parse(name), ClassSplit("random", 0), 0) for name in ("A2B", "R1B"))),)
    assert "planned and not done: A2B, R1B".split() in printed_report(table, tmp_path, capsys, missing=missing)
    assert ["effects:", str(tmp_path / "e")] in lines
    assert ["baseB", "50.0"] in lines and ["AnB", "42.0", "31.0"] in lines
    assert ["caution:", "all", "is", "invented"] in lines
    assert ["table:", str(tmp_path / "t")] in lines
    assert [["figure:", str(tmp_path / f"figure{number}.png")] in lines for number in (2, 3)] == [True, True]
    assert any(line[:1] == ["tensorboard:"] for line in lines) and not any(line[:1] == ["over"] for line in lines)


def test_the_report_by_families_and_table_1(make_result, tmp_path, capsys):
    natural = {"split": "natural-man-made"}
    made = [make_result("baseB", 0.5), make_result("A1B+", 0.52), make_result("A2B+", 0.53), make_result("B2B+", 0.54)]
    made += [make_result("baseB", 0.7, **natural), make_result("A1B", 0.1, **natural)]
    table = result_files.table(made)
    lines = printed_report(table, tmp_path, capsys, tensorboard_path=None)
    assert ["top-1", "accuracy", "(%),", "random", "halves", "-", "n", "=", "1", "n", "=", "2"] in lines
    assert ["top-1", "accuracy", "(%),", "natural/man-made", "-", "n", "=", "1"] in lines
    assert ["over", "baseB", "2.5"] in lines and ["over", "BnB+", "-1.0"] in lines
    assert not any("paper" in line or line[:1] == ["tensorboard:"] for line in lines)
    # The paper's rows have no column 1-2, and so are empty.
    lines = printed_report(table, tmp_path, capsys, with_published=True)
    assert "over baseB, Table 1 of the paper".split() in lines


def test_the_papers_own_table_1_beside_ours(tmp_path, capsys):
    boost = table1.boost(published.read_table(), published.METRIC)
    console._print_table1(boost, with_published=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, numbers in (("over baseB", ["1.6", "1.8", "2.1"]), ("over BnB+", ["1.4", "1.4", "1.7"])):
        assert name.split() + numbers in lines and f"{name}, Table 1 of the paper".split() + numbers in lines


def test_off_a_terminal_each_finished_run_is_one_line(make_result, capsys):
    finished = (make_result("baseB", 0.5), make_result("A1B", 0.1, status=DIVERGED))
    with SweepProgress() as progress:
        progress.update(scheduler.Progress(37, (), 0.0, None))
        progress.update(scheduler.Progress(37, finished[:1], 0.1, None))
        progress.update(scheduler.Progress(37, finished, 0.2, 240.0))
        progress.update(scheduler.Progress(37, finished, 0.2, 230.0))
    assert capsys.readouterr().out.splitlines() == [
        "baseB_random-0_seed-0  top-1 50.0 %  (1 of 37)",
        "A1B_random-0_seed-0  diverged  (2 of 37, 4 min left)",
    ]


def test_off_a_terminal_a_sweep_says_every_two_minutes_what_it_trains(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 21.0, 120.0, 142.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    training = {"baseA": CohortProgress(400, 1200), "baseB": CohortProgress()}
    with SweepProgress() as progress:
        for _ in range(4):
            progress.update(scheduler.Progress(37, (), 0.1, 240.0, training))
    said = "0 of 37 runs, 4 min left; in training: baseA at step 400 of 1,200, baseB starting"
    assert capsys.readouterr().out.splitlines() == [said, said]
