import dataclasses
import shutil

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tests.helpers.predictions import predictions_with
from tf_transfer.analysis.summary import summarise
from tf_transfer.data.image_store import ImageStore
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.settings import settings_hash
from tf_transfer.report import reports
from tf_transfer.report.figures import class_accuracies, confusion
from tf_transfer.report.run_details import RunDetails, choose_run, read_run_details
from tf_transfer.results import result_files, workdir
from tf_transfer.results.contents import ImageResults, read_contents
from tf_transfer.results.predictions import Predictions

RUN = "R1B_random-0_seed-0"  # which gets some images wrong


@pytest.fixture(scope="module")
def contents(trained):
    return read_contents(trained)


def test_mistakes_are_the_test_images_themselves_the_surest_first(contents, store):
    details = read_run_details(contents, RUN)
    predictions, opened = details.predictions, ImageStore(store)
    task_classes = [opened.meta.class_names.index(name) for name in details.class_names]
    indices = opened.indices("test", task_classes)
    assert details.unknown == "" and details.train_images.tolist() == [12] * 3
    wrong = np.flatnonzero(~predictions.correct)
    assert len(details.mistakes) == min(12, len(wrong)) > 0
    confidences = [mistake.confidence for mistake in details.mistakes]
    assert confidences == sorted(confidences, reverse=True) and confidences[0] == predictions.confidence[wrong].max()
    first = details.mistakes[0]
    [position] = [place for place in wrong if np.array_equal(opened.read("test", indices[[place]])[0], first.image)]
    assert (first.label, first.predicted) == (predictions.labels[position], predictions.predicted[position])
    assert first.label != first.predicted and first.name == opened.names("test")[indices[position]]


def test_without_the_store_classes_are_numbers_and_there_are_no_pictures(contents, store, tmp_path):
    moved = dataclasses.replace(contents.experiment, store=str(tmp_path / "gone"))
    details = read_run_details(dataclasses.replace(contents, experiment=moved), RUN)
    assert details.class_names == ["class 0", "class 1", "class 2"]
    assert details.mistakes == () and details.train_images is None and "no image store at" in details.unknown


def test_pictures_of_another_store_are_not_shown(contents, store, tmp_path, redescribe):
    other = str(shutil.copytree(store, tmp_path / "other"))
    redescribe(other, channel_mean=(1.0, 2.0, 3.0))
    changed = dataclasses.replace(contents.experiment, store=other)
    details = read_run_details(dataclasses.replace(contents, experiment=changed), RUN)
    assert details.mistakes == () and f"is not the one that {RUN} was tested on" in details.unknown


def test_the_network_shown_is_the_best_transfer_if_one_gains_and_else_the_most_accurate(make_result):
    def chosen(**accuracies):
        made = [make_result(name.replace("_", "+"), top1) for name, top1 in accuracies.items()]
        correct = {result.run: np.arange(100) < round(100 * result.top1_last) for result in made}
        return choose_run(summarise(result_files.table(made), "top1_last", ImageResults(correct)))

    assert chosen(baseB=0.5, A1B=0.4, A1B_=0.6, A2B_=0.7, B1B_=0.9).startswith("A2B+_")
    assert chosen(baseB=0.5, A1B=0.4, B1B=0.6).startswith("B1B_")
    assert choose_run(summarise(result_files.table([make_result("baseB", status="diverged")]), "top1_last")) == ""


def test_the_report_shows_one_network_class_by_class(trained, tmp_path):
    directory = shutil.copytree(trained, tmp_path / "work")
    stale = directory / "figures" / "surest_mistakes_99.png"
    stale.parent.mkdir(exist_ok=True)
    stale.touch()
    report = reports.write_report(directory, "per_class_last", run="R1B")
    page = report.page_path.read_text()
    assert "One network, class by class: R1B, random-0, seed 0" in page and "As asked for with --run" in page
    assert "mean per-class accuracy at the last evaluation" in page and "Mean per-class accuracy (%)" in page
    assert "--metric=per_class_last --run=R1B" in page
    for anchor in ("classes", "class_accuracies", "confusion", "surest_mistakes"):
        assert f'id="{anchor}"' in page
    details = read_run_details(read_contents(directory), RUN)
    assert page.count("data:image/png;base64,") >= len(details.mistakes) > 0 and not stale.exists()
    (events,) = (directory / "tensorboard" / "report").iterdir()
    content = events.read_bytes()
    label, predicted = (details.class_names[i] for i in (details.mistakes[0].label, details.mistakes[0].predicted))
    for tag in ("class_accuracies", "confusion", f"surest_mistakes/01 {label}, taken for {predicted}"):
        assert tag.encode() in content
    with pytest.raises(ValueError, match="--run=A9B: expected the name of one finished run"):
        reports.write_report(directory, "per_class_last", run="A9B")


def test_names_of_classes_are_shown_as_they_are(store, make_result, tmp_path, redescribe):
    names = ("<b>bold</b>", "$x$ and $", "\u9e1f", "a name that is far too long for the axes of a figure", "4", "5")
    odd = shutil.copytree(store, tmp_path / "odd")
    redescribe(odd, class_names=names)
    experiment = workdir.write_config(tmp_path / "work", Experiment(str(odd), split="all", treatments=("BnB",)))
    labels = ImageStore(odd).labels("test").astype(np.int32)
    predicted = (labels + (np.arange(len(labels)) % 3 == 0)) % 6
    ranks = (predicted != labels).astype(np.int32)
    made = Predictions(labels, predicted.astype(np.int32), np.full(len(labels), 0.9, np.float32), ranks)
    result = make_result("baseB", split="all", settings_hash=settings_hash(experiment), num_classes=6)
    result_files.write_result(tmp_path / "work", result, {"layer1/0": np.zeros((3, 3, 3, 4))}, made)
    page = reports.write_report(tmp_path / "work", "top1_last").page_path.read_text()
    assert "<b>bold</b>" not in page and "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "$x$ and $" in page and "\u9e1f" in page and names[3] in page


def test_many_classes_are_a_picture_with_the_worst_of_them_named(make_result):
    names = [f"class {number}" for number in range(100)]
    details = RunDetails(make_result("baseB"), predictions_with(np.arange(400) % 7 > 0, 100), names, None, ())
    figure = confusion.draw_confusion(details)
    assert not figure.axes[0].texts and len(figure.axes[0].images) == 1
    assert len(class_accuracies.draw_class_accuracies(details).axes[0].get_yticklabels()) == 30
    few = RunDetails(make_result("baseB"), predictions_with([True, True, False], 2), ["cat", "dog"], None, ())
    assert sorted(text.get_text() for text in confusion.draw_confusion(few).axes[0].texts) == ["1", "1", "1"]


def test_numbers_in_cells_are_legible(make_result):
    labels = np.repeat(np.arange(10, dtype=np.int32), 20)
    predicted = np.where(np.arange(200) % 20 < 2 * labels, labels, (labels + 1) % 10).astype(np.int32)
    made = Predictions(labels, predicted, np.full(200, 0.5, np.float32), (predicted != labels).astype(np.int32))
    axes = confusion.draw_confusion(RunDetails(make_result("baseB"), made, [*"abcdefghij"], None, ())).axes[0]
    cells = np.asarray(axes.images[0].get_array())
    assert len(axes.texts) == 19

    def luminance(color):
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for text in axes.texts:
        column, row = text.get_position()
        low, high = sorted((luminance(cells[row, column]), luminance(to_rgb(text.get_color()))))
        assert (high + 0.05) / (low + 0.05) >= 4.4
