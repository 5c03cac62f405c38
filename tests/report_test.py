import shutil

import pytest

from tf_transfer.report import write_report


def test_a_report_holds_table_figures_and_tensorboard_log(invented_workdir, tmp_path):
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    report = write_report(directory, "top1_last")
    assert len(report.table) == 37 and report.warnings == ()
    assert report.means.loc["transfer", 7] == pytest.approx(43)
    assert list(report.means.index) == ["base", "selffer", "selffer+", "transfer", "transfer+", "random"]
    assert len(report.table_path.read_text().splitlines()) == 38
    assert (
        report.effects_path == directory / "effects.csv" and len(report.effects) == 70
    )  # 7 effects, 7 layers, 3 ranges
    assert report.effects_path.read_text().startswith("effect,layers,n,estimate,low,high,p,p_holm,groups,images,")
    assert any(sentence.startswith("Recommendation: ") for sentence in report.findings)
    assert report.figure_path == directory / "figures" / "figure2.png"
    drawn = ["figure2", "filters_baseA_random-0_seed-0", "filters_baseB_random-0_seed-0"]
    files = {file.name for file in (directory / "figures").iterdir()}
    assert files == {name + suffix for name in drawn for suffix in (".png", ".svg")}
    (events,) = (report.tensorboard_path / "report").iterdir()
    content = events.read_bytes()
    tags = ["figure2", "filters/baseA_random-0_seed-0", "filters/baseB_random-0_seed-0"]
    assert all(tag.encode() in content for tag in tags)


def test_nothing_to_report(tmp_path):
    (tmp_path / "runs" / ".writing-x").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no run is finished in .*; train some with bin/sweep.py"):
        write_report(tmp_path, "top1_last")
