"""Malicious workdirs, whose files fit their checksums: one clear error, and nothing is done."""

import json
import pathlib
import shutil
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.predictions import predictions_with
from tf_transfer.files import checksums
from tf_transfer.report import reports
from tf_transfer.results import result_files, workdir
from tf_transfer.results.result import Result

RUN = "A3B_random-0_seed-0"


@pytest.fixture
def crafted(tmp_path, make_result):
    """Returns a function that writes a run's files, changed, with checksums that fit."""

    def craft(fields=None, **files):
        written = msgspec.to_builtins(make_result("A3B")) | (fields or {})
        contents = {"result.json": json.dumps(written).encode(), **{n.replace("_", "."): c for n, c in files.items()}}
        with checksums.sealed_directory(tmp_path / "runs" / RUN) as partial:
            for name, content in contents.items():
                (partial / name).write_bytes(content)
        return tmp_path

    return craft


def arrays(save, *positional, **named):
    import io

    file = io.BytesIO()
    save(file, *positional, **named)
    return file.getvalue()


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"run": "../../x"}, "'../../x' is not the name of a run"),
        ({"run": "baseB_random-0_seed-0"}, "it is the result of baseB_random-0_seed-0"),
        ({"treatment": "A3B"}, "Object contains unknown field treatment"),
        ({"status": "fine"}, "status: invalid enum value 'fine'"),
        ({"steps": 0}, "steps: expected int >= 1"),
        ({"num_classes": -1}, "num_classes: expected int >= 1"),
        ({"top1_history": [0.1, 1.5]}, r"top1_history\[1\]: expected float <= 1.0"),
        ({"top1_history": []}, "its histories differ in length"),
        ({"steps": "9"}, "steps: expected int, got str"),
        ({"versions": [1]}, "versions: expected object, got array"),
        ({"top1_history": [0.1, None]}, r"top1_history\[1\]: expected float, got null"),
    ],
)
def test_results_that_do_not_tell_of_their_run(crafted, fields, message):
    path = crafted(fields)
    with pytest.raises(checksums.DamagedError, match=f"result.json is not what this version writes [(]{message}"):
        result_files.read_result(path, RUN)


def test_weights_that_are_none(crafted):
    import io

    class Harm:
        def __reduce__(self):
            return (sys.exit, ("a pickle was run",))

    pickled = arrays(np.save, np.array([Harm()], object), allow_pickle=True)
    for content, message in (
        (arrays(np.savez_compressed, x=np.zeros(10**6)), "compressed, as np.savez does not write it"),
        (arrays(np.savez, **{"../../x": np.zeros(3)}), r"it holds '../../x' instead of layer1/0 and the like"),
        (arrays(np.savez, **{"layer1/0": np.array([Harm()], object)}), "expected an array of numbers, got object"),
        (pickled, "no archive of arrays"),
        (io.BytesIO(b"PK").getvalue(), "no archive of arrays"),
    ):
        path = crafted(weights_npz=content)
        with pytest.raises(checksums.DamagedError, match=f"weights.npz is not what this version writes .*{message}"):
            result_files.read_weights(path, RUN)
    whole = predictions_with([True, False]).to_arrays()
    for content in (
        pickled,
        arrays(np.savez, **{**whole, "ranks": np.zeros((2, 2), np.int32)}),
        arrays(np.savez, **{**whole, "labels": np.zeros(2)}),
        arrays(np.savez, **{**whole, "predicted": np.array([0, -1], np.int32)}),
        arrays(np.savez, **{**whole, "more": np.zeros(2)}),
        arrays(np.savez, labels=whole["labels"]),
    ):
        path = crafted(predictions_npz=content)
        with pytest.raises(checksums.DamagedError, match="predictions.npz is not what this version writes"):
            result_files.read_predictions(path, RUN)


@pytest.mark.parametrize(
    "name", ["A3B_.._seed-0", "A3B_random-0_seed-0_images-x", "x", "A3B_a/b_seed-0", "A3B_random-0_seed-٣"]
)
def test_directories_that_are_no_runs(tmp_path, make_result, name):
    with checksums.sealed_directory(tmp_path / "runs" / name.replace("/", "_")) as partial:
        (partial / "result.json").write_text(json.dumps(msgspec.to_builtins(make_result("A3B")) | {"run": name}))
    with pytest.raises(ValueError, match="is not the name of|unknown treatment"):
        result_files.read_result(tmp_path, name.replace("/", "_"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(changes=st.dictionaries(st.sampled_from(Result.__struct_fields__), VALUES, min_size=1))
def test_any_result_is_read_or_refused_with_a_value_error(crafted, changes):
    try:
        result_files.table([result_files.read_result(crafted(changes), RUN)])
    except ValueError as error:
        assert "\n" not in str(error)


@FUZZ
@given(
    config=st.dictionaries(
        st.sampled_from(["store", "layers", "seeds", "recipe", "blocks", "split", "targets"]), VALUES
    ),
    settings_=VALUES,
)
def test_any_config_is_read_or_refused_with_a_value_error(store, tmp_path, config, settings_):
    (tmp_path / "config.json").write_text(json.dumps({"config": {"store": store} | config, "settings": settings_}))
    try:
        workdir.read_experiment(tmp_path)
    except ValueError as error:
        assert "\n" not in str(error)


def test_a_report_writes_nowhere_else(invented_workdir, tmp_path):
    path = shutil.copytree(invented_workdir, tmp_path / "outer" / "work")
    shutil.copytree(path / "runs" / RUN, path / "runs" / "A3B_random-0_seed-1")  # a result under another name
    before = sorted(pathlib.Path(tmp_path / "outer").iterdir())
    with pytest.raises(ValueError, match="it is the result of A3B_random-0_seed-0"):
        reports.write_report(path, "top1_last")
    assert sorted(pathlib.Path(tmp_path / "outer").iterdir()) == before
