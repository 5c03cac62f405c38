import numpy as np
import pytest

from tests.helpers.predictions import predictions_with
from tf_transfer.files import checksums
from tf_transfer.results import result_files

WEIGHTS = {"layer1/0": np.arange(6.0, dtype=np.float32).reshape(2, 3), "layer1/1": np.zeros(3, np.float32)}
PREDICTIONS = predictions_with([True, False, True])


def test_what_is_written_is_read_back(tmp_path, make_result):
    written = make_result("A3B", top1_history=[0.1, 0.25], test_steps=[10, 20])
    result_files.write_result(tmp_path, written, WEIGHTS, PREDICTIONS)
    read = result_files.read_result(tmp_path, "A3B_random-0_seed-0")
    assert read.row() == written.row()
    assert list(read.top1_history) == [0.1, 0.25] and read.versions == {"python": "3.11"}
    weights = result_files.read_weights(tmp_path, written.run)
    assert list(weights) == ["layer1/0", "layer1/1"]
    assert all(weights[name].dtype == np.float32 and (weights[name] == WEIGHTS[name]).all() for name in WEIGHTS)
    assert result_files.read_predictions(tmp_path, written.run).correct.tolist() == [True, False, True]


def test_a_directory_without_a_result_is_not_done(tmp_path, make_result):
    result_files.write_result(tmp_path, make_result("A1B"), WEIGHTS, PREDICTIONS)
    result_files.write_result(tmp_path, make_result("A2B"), WEIGHTS, PREDICTIONS)
    torn = result_files.run_directory(tmp_path, "A2B_random-0_seed-0")
    (torn / "result.json").unlink()
    (tmp_path / "runs" / ".writing-x").mkdir()
    assert not result_files.is_done(tmp_path, "A2B_random-0_seed-0")
    assert result_files.finished_runs(tmp_path) == ["A1B_random-0_seed-0"]
    with pytest.raises(FileNotFoundError, match="run 'A2B_random-0_seed-0' has no result in .*; run tf-transfer"):
        result_files.read_result(tmp_path, "A2B_random-0_seed-0")
    # Trained again, it takes the place of what was there.
    (torn / "left over").touch()
    result_files.write_result(tmp_path, make_result("A2B"), WEIGHTS, PREDICTIONS)
    assert sorted(file.name for file in torn.iterdir()) == [
        "SHA256SUMS",
        "predictions.npz",
        "result.json",
        "weights.npz",
    ]


def test_a_write_that_fails_leaves_nothing(tmp_path, make_result):
    with pytest.raises(TypeError, match="unsupported|not supported"):
        result_files.write_result(tmp_path, make_result("A1B", versions={"python": object()}), WEIGHTS, PREDICTIONS)
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("name", ["result.json", "weights.npz", "predictions.npz", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_is_named_and_never_read(name, damage, tmp_path, make_result):
    result_files.write_result(tmp_path, make_result("A1B"), WEIGHTS, PREDICTIONS)
    run = "A1B_random-0_seed-0"
    file = result_files.run_directory(tmp_path, run) / name
    content = file.read_bytes()
    if damage == "remove":
        file.unlink()
    else:
        flipped = content[:10] + bytes([content[10] ^ 1]) + content[11:]
        file.write_bytes(flipped if damage == "flip" else content[:-1])
    readers = {"result.json": result_files.read_result, "weights.npz": result_files.read_weights}
    readers["predictions.npz"] = result_files.read_predictions
    if (name, damage) == ("result.json", "remove"):
        with pytest.raises(FileNotFoundError, match="has no result in"):
            result_files.read_result(tmp_path, run)
    elif name != "SHA256SUMS":
        expected = f"{name} is (damaged|missing).*; tf-transfer sweep moves such a run aside"
        with pytest.raises(checksums.DamagedError, match=expected):
            readers[name](tmp_path, run)


def test_the_mean_of_the_ten_best_tests(make_result):
    history = [0.0, 0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 0.05]
    result = make_result("baseB", top1_history=history)
    assert result.top1_mean_best10 == pytest.approx((0.1 + 0.2 + 0.3 + 0.4 + 0.5 + 0.6 + 0.7 + 0.8 + 0.9 + 1.0) / 10)
    assert result.top1_last == 0.05
    assert make_result("baseB", top1_history=[0.1, 0.3]).top1_mean_best10 == pytest.approx(0.2)


def test_columns_of_the_table(make_result):
    table = result_files.table([make_result("B3B+", top1=0.4)])
    assert list(table) == [
        "run", "treatment", "kind", "split", "source", "target", "n", "images_per_class", "seed", "steps",
        "top1_mean_best10", "top1_last", "per_class_last", "loss_last", "train_top1_last", "num_classes",
        "num_train_images", "num_test_images", "chance", "status", "caution", "seconds",
    ]  # fmt: skip
    row = table.iloc[0]
    assert (row["run"], row["kind"], row["n"]) == ("B3B+_random-0_seed-0", "selffer+", 3)
    assert (row["top1_mean_best10"], row["top1_last"], row["loss_last"]) == (pytest.approx(0.3), 0.4, 1.5)


def test_a_table_has_a_top_5_where_a_task_has_more_than_20_classes(make_result):
    many = make_result("baseB", num_classes=21, top5_last=0.75, images_per_class=5)
    table = result_files.table([make_result("baseB", num_classes=20), many])
    assert table["top5_last"].isna().tolist() == [True, False] and table["top5_last"].iloc[1] == 0.75
    assert list(table)[-1] == "seconds" and "top5_last" not in result_files.table([make_result("baseB")])


def test_the_table_says_what_is_not_to_be_trusted(make_result):
    made = [make_result("baseA", status="diverged"), make_result("baseB"), make_result("A1B"), make_result("B1B")]
    made += [make_result("R1B", top1_history=(0.14, 0.1)), make_result("A2B", status="diverged")]
    made += [make_result("baseA", 0.1, seed=1), make_result("A3B", seed=1), make_result("A4B", 0.1, seed=1)]
    table = result_files.table(made).set_index(["treatment", "seed"])
    assert table["caution"].to_dict() == {
        ("baseA", 0): "diverged", ("A2B", 0): "diverged", ("A1B", 0): "copied from a base that diverged",
        ("baseB", 0): "", ("B1B", 0): "", ("R1B", 0): "at chance", ("baseA", 1): "at chance",
        ("A3B", 1): "copied from a base at chance", ("A4B", 1): "at chance",
    }  # fmt: skip


def test_rows_stand_by_split_seed_target_treatment_and_n(make_result):
    ordered = ["baseB", "B1B", "B2B", "B1B+", "A1B", "A1B+", "R1B", "A1B-preserve1"]
    made = [make_result(name) for name in reversed(ordered)]
    made += [make_result("baseB", seed=1), make_result("baseA"), make_result("baseB", split="random-1")]
    table = result_files.table(reversed(made))
    assert table["run"].tolist() == ["baseA_random-0_seed-0"] + [f"{name}_random-0_seed-0" for name in ordered] + [
        "baseB_random-0_seed-1",
        "baseB_random-1_seed-0",
    ]


def test_the_table_as_csv(tmp_path, make_result):
    path = result_files.write_table(tmp_path, result_files.table([make_result("baseB", top1=1 / 3)]))
    header, row = path.read_text().splitlines()
    assert header.startswith("run,treatment,kind,split,source,target,n,images_per_class,seed,steps,top1_mean_best10,")
    assert row.startswith("baseB_random-0_seed-0,baseB,base,random-0,B,B,0,0,0,20,0.233333,0.333333,0.333333,1.5,")
    assert [file.name for file in tmp_path.iterdir()] == ["results.csv"]


def test_a_run_is_found_by_its_name_or_by_its_treatment(tmp_path, make_result):
    for result in (make_result("A3B"), make_result("A3B+"), make_result("A3B+", seed=1)):
        result_files.write_result(tmp_path, result, WEIGHTS, PREDICTIONS)
    assert result_files.find_run(tmp_path, "A3B") == "A3B_random-0_seed-0"
    assert result_files.find_run(tmp_path, "A3B+_random-0_seed-1") == "A3B+_random-0_seed-1"
    with pytest.raises(ValueError, match=r"--run=A3B\+: expected the name of one .*, found several: \['A3B\+_random"):
        result_files.find_run(tmp_path, "A3B+")
    with pytest.raises(ValueError, match=r"--run=B1B: .*, found none; there are \['A3B"):
        result_files.find_run(tmp_path, "B1B")
    with pytest.raises(ValueError, match="unknown treatment 'conv3'"):
        result_files.find_run(tmp_path, "conv3")


def test_a_workdir_without_runs(tmp_path):
    with pytest.raises(FileNotFoundError, match="no runs in .*; train some with tf-transfer sweep"):
        result_files.finished_runs(tmp_path)
