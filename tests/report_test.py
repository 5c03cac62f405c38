import shutil

import pytest

from tf_transfer import published
from tf_transfer.report import write_published, write_report


def test_a_report_holds_table_figures_and_tensorboard_log(invented_workdir, tmp_path):
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    report = write_report(directory, "top1_last")
    assert list(report.means) == ["random halves"]
    means = report.means["random halves"]
    assert len(report.table) == 37 and report.warnings == ()
    assert means.loc["transfer", 7] == pytest.approx(43)
    assert list(means.index) == ["base", "selffer", "selffer+", "transfer", "transfer+", "random"]
    assert len(report.table_path.read_text().splitlines()) == 38
    # Layers n of AnB+ are 2 n points below baseB, so that 2 x (1 + ... + 7) / 7 = 8 are lost; BnB+ loses as much.
    assert report.boost.loc["over baseB"].tolist() == pytest.approx([-4, -5, -6])
    assert report.boost.loc["over BnB+"].tolist() == pytest.approx([0, 0, 0])
    assert report.figure_paths == {name: directory / "figures" / f"{name}.png" for name in ("figure2", "figure3")}
    drawn = ["figure2", "figure3", "filters_baseA_random-0_seed-0", "filters_baseB_random-0_seed-0"]
    assert report.effects_path == directory / "effects.csv"
    assert len(report.effects) == 70  # 7 effects: of 7 layers and 3 ranges of layers
    assert report.effects_path.read_text().startswith("effect,layers,n,estimate,low,high,p,p_holm,groups,images,")
    assert any(sentence.startswith("Recommendation: ") for sentence in report.findings)
    files = {file.name for file in (directory / "figures").iterdir()}
    assert files == {name + suffix for name in drawn for suffix in (".png", ".svg")}
    (events,) = (report.tensorboard_path / "report").iterdir()
    content = events.read_bytes()
    tags = ["figure2", "figure3", "filters/baseA_random-0_seed-0", "filters/baseB_random-0_seed-0"]
    assert all(tag.encode() in content for tag in tags)


def test_nothing_to_report(tmp_path):
    (tmp_path / "runs" / ".writing-x").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no run is finished in .*; train some with bin/sweep.py"):
        write_report(tmp_path, "top1_last")


def test_a_comparison_with_the_published_scores(invented_workdir, tmp_path):
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    report = write_report(directory, "top1_last", compare=True)
    assert list(report.figure_paths) == ["figure2", "figure2_published", "figure3"] and report.beside_paper
    assert report.figure_paths["figure2_published"].read_bytes() != report.figure_paths["figure2"].read_bytes()
    assert len(report.table) == 37  # the published networks are not among one's own


def test_the_published_scores_alone(tmp_path):
    report = write_published(tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        f"{name}.{suffix}" for name in ("figure2", "figure3", "reduced_volume") for suffix in ("png", "svg")
    }
    assert list(report.means) == ["random halves", "all classes", "natural/man-made"]
    halves = report.means["random halves"].round(1)
    assert (halves.loc["base", 0], halves.loc["transfer", 7]) == (62.5, 54.2)
    assert report.means["natural/man-made"].loc["base", 0] == pytest.approx((65.3399 + 53.7244) / 2)
    assert report.table_path == published.PATH and report.tensorboard_path is None and report.beside_paper


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match="cannot write to .*file' .File exists.; choose another --out"):
        write_published(tmp_path / "file")
