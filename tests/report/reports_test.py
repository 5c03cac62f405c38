import shutil

import markupsafe
import numpy as np
import pytest

from tests.helpers.predictions import predictions_with
from tf_transfer.analysis import published
from tf_transfer.analysis.summary import summarise
from tf_transfer.data import image_store
from tf_transfer.experiment.config import Experiment
from tf_transfer.report.reports import write_published, write_report
from tf_transfer.results import result_files, workdir
from tf_transfer.results.result import DIVERGED


def test_a_report_holds_tables_figures_page_and_tensorboard_log(reported):
    report, directory = reported, reported.page_path.parent
    assert list(report.means) == ["random halves"]
    means = report.means["random halves"]
    assert len(report.table) == 37 and report.warnings == () and report.missing == ()
    assert means.loc["transfer", 7] == pytest.approx(43)
    assert list(means.index) == ["base", "selffer", "selffer+", "transfer", "transfer+", "random"]
    assert len(report.table_path.read_text().splitlines()) == 38  # the published networks are not among one's own
    # Layers n of AnB+ are 2 n points below baseB, so that 2 x (1 + ... + 7) / 7 = 8 are lost; BnB+ loses as much.
    assert report.boost.loc["over baseB"].tolist() == pytest.approx([-4, -5, -6])
    assert report.boost.loc["over BnB+"].tolist() == pytest.approx([0, 0, 0])
    drawn = ["figure2", "figure2_published", "figure3", "figure3_published"]
    drawn += ["effects", "each_effect", "learning_curves", "class_accuracies", "confusion"]
    assert report.figure_paths == {name: directory / "figures" / f"{name}.png" for name in drawn}
    assert report.figure_paths["figure2_published"].read_bytes() != report.figure_paths["figure2"].read_bytes()
    assert report.with_published and report.effects_path == directory / "effects.csv"
    assert len(report.effects) == 70  # 7 effects: of 7 layers and 3 ranges of layers
    assert report.effects_path.read_text().startswith("effect,layers,n,estimate,low,high,p,p_holm,groups,images,")
    assert report.findings.recommendation
    drawn += ["filters_baseA_random-0_seed-0", "filters_baseB_random-0_seed-0"]
    files = {file.name for file in (directory / "figures").iterdir()}
    assert files == {name + suffix for name in drawn for suffix in (".png", ".svg")}
    (events,) = (report.tensorboard_path / "report").iterdir()
    content = events.read_bytes()
    tags = ["figure2", "effects", "learning_curves", "filters/baseA_random-0_seed-0", "filters/baseB_random-0_seed-0"]
    assert all(tag.encode() in content for tag in tags)


def test_the_page_of_a_report(reported):
    page = reported.page_path.read_text()
    for anchor in ("answer", "figure2", "effects", "learning_curves", "filters", "checks", "runs", "settings", "rerun"):
        assert f'id="{anchor}"' in page
    for sentence in (*reported.findings.answer, *reported.findings.recommendation):
        assert str(markupsafe.escape(sentence)) in page
    assert "37 networks (convnet); class split random-0; seed 0; target B; top-1 accuracy" in page
    assert "Table 1 of the paper" in page and "Not complete" not in page
    assert f"tf-transfer report --workdir={reported.page_path.parent} --compare=published" in page


@pytest.fixture
def partial(store, make_result, tmp_path):
    """A workdir in which two networks of eight are done, and whose image store has a name that is HTML."""
    path = shutil.copytree(store, tmp_path / "<img src=x onerror=alert(1)>'&")
    experiment = Experiment(str(path), layers=(1, 2), treatments=("BnB", "AnB", "RnB"))
    directory = tmp_path / "a b"
    directory.mkdir()
    workdir.write_config(directory, experiment)
    for name in ("baseB", "A1B"):
        weights = {"layer1/0": np.zeros((3, 3, 3, 4))}
        result_files.write_result(
            directory, make_result(name, settings_hash="1"), weights, predictions_with(np.arange(12) % 2 == 0)
        )
    return directory


def test_a_partial_sweep_gets_a_report_that_says_what_is_missing(partial):
    report = write_report(partial, "top1_last")
    assert [run.treatment.name for cohort in report.missing for run in cohort.runs] == [
        "baseA", "A2B", "B1B", "B2B", "R1B", "R2B",
    ]  # fmt: skip
    page = report.page_path.read_text()
    assert "<strong>Not complete:</strong> 2 of 8 planned runs are done" in page
    assert "<li>random-0_seed-0_baseA: baseA</li>" in page


def test_names_from_elsewhere_are_escaped(partial):
    page = write_report(partial, "top1_last").page_path.read_text()
    assert "<img src=x" not in page and "&lt;img src=x onerror=alert(1)&gt;&#39;&amp;" in page
    assert f"tf-transfer report &#39;--workdir={partial}&#39;" in page  # quoted for the shell, then for HTML


def test_a_report_without_its_image_store(partial):
    copy = shutil.copytree(workdir.read_experiment(partial).store, partial.parent / "store")
    workdir.write_config(partial, Experiment(store=str(copy)))
    shutil.rmtree(copy)
    image_store.read_meta.cache_clear()
    report = write_report(partial, "top1_last")
    assert report.missing == ()
    page = report.page_path.read_text()
    assert "no image store at" in page and "Not complete" not in page


def test_a_report_of_one_network_that_diverged(store, make_result, tmp_path):
    workdir.write_config(tmp_path, Experiment(str(store)))
    lost = make_result("baseB", 0.1, status=DIVERGED, loss_history=(2.0, None), test_steps=(10, 20))
    result_files.write_result(
        tmp_path, lost, {"layer1/0": np.full((3, 3, 3, 4), np.nan)}, predictions_with(np.zeros(12, bool))
    )
    report = write_report(tmp_path, "top1_last")
    assert report.figure_paths == {} and report.findings.answer[0].startswith("There is nothing to compare yet")
    page = report.page_path.read_text()
    assert "baseB_random-0_seed-0 diverged" in page and "None" not in page


def test_nothing_to_report(tmp_path):
    (tmp_path / "runs" / ".writing-x").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no run is finished in .*; train some with tf-transfer sweep"):
        write_report(tmp_path, "top1_last")


def test_the_published_scores_alone(published_report):
    directory, _ = published_report
    drawn = ("figure2", "figure3", "reduced_volume", "effects", "each_effect")
    files = {file.name for file in directory.iterdir()}
    assert files == {"report.html", *(f"{name}.{suffix}" for name in drawn for suffix in ("png", "svg"))}
    means = summarise(published.read_table(), published.METRIC).means
    assert list(means) == ["random halves", "all classes", "natural/man-made"]
    halves = means["random halves"].round(1)
    assert (halves.loc["base", 0], halves.loc["transfer", 7]) == (62.5, 54.2)
    assert means["natural/man-made"].loc["base", 0] == pytest.approx((65.3399 + 53.7244) / 2)


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match="cannot write to .*file' .File exists.; choose another --out"):
        write_published(tmp_path / "file")
