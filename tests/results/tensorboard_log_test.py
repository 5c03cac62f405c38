from PIL import Image
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tests.helpers.files import read_event_values
from tf_transfer.results.tensorboard_log import HYPERPARAMETERS, TensorBoardLog, hyperparameters, top1_tag


def test_scalars(tmp_path):
    log = TensorBoardLog(tmp_path / "log")
    log.scalars({"loss": 2.5, "top1": 0.25}, step=10)
    log.scalars({"loss": 1.5}, step=20)
    log.close()
    written = [(step, value.tag, value.simple_value) for step, value in read_event_values(tmp_path / "log")]
    assert written == [(10, "loss", 2.5), (10, "top1", 0.25), (20, "loss", 1.5)]


def test_an_image(tmp_path):
    file = tmp_path / "red.png"
    Image.new("RGB", (5, 3), "red").save(file)
    log = TensorBoardLog(tmp_path / "log")
    log.image("figure", file, step=7)
    log.close()
    ((step, value),) = read_event_values(tmp_path / "log")
    assert (step, value.tag, value.image.width, value.image.height) == (7, "figure", 5, 3)
    assert value.image.encoded_image_string == file.read_bytes()


def test_sessions(tmp_path):
    log = TensorBoardLog(tmp_path / "log")
    log.session({"treatment": "A3B", "n": 3}, name="A3B_random-0_seed-0", finished=False)
    log.sessions({"treatment": ["A3B", "B3B"], "n": [3]}, {"top1": "top-1"})
    log.close()
    values = {value.tag.removeprefix("_hparams_/"): value.metadata for _, value in read_event_values(tmp_path / "log")}
    assert {metadata.plugin_data.plugin_name for metadata in values.values()} == {"hparams"}
    data = {tag: HParamsPluginData.FromString(found.plugin_data.content) for tag, found in values.items()}
    started = data["session_start_info"].session_start_info
    assert started.group_name == "A3B_random-0_seed-0" and started.hparams["n"].number_value == 3
    assert data["session_end_info"].session_end_info.status == api_pb2.STATUS_FAILURE
    experiment = data["experiment"].experiment
    assert [info.name for info in experiment.hparam_infos] == ["treatment", "n"]
    assert [(info.name.tag, info.display_name) for info in experiment.metric_infos] == [("top1", "top-1")]


def test_charts(tmp_path):
    log = TensorBoardLog(tmp_path / "log")
    log.charts({"accuracy": {"AnB": "^top1/AnB$"}})
    log.close()
    ((_, value),) = read_event_values(tmp_path / "log")
    assert (value.tag, value.metadata.plugin_data.plugin_name) == ("custom_scalars__config__", "custom_scalars")
    (category,) = layout_pb2.Layout.FromString(value.tensor.string_val[0]).category
    assert category.title == "accuracy"
    assert [(chart.title, list(chart.multiline.tag)) for chart in category.chart] == [("AnB", ["^top1/AnB$"])]


def test_a_log_begun_again_forgets_the_interrupted_one(tmp_path):
    interrupted = tmp_path / "events.out.tfevents.1700000000.host.1"
    interrupted.write_bytes(b"half a rec")
    log = TensorBoardLog(tmp_path)
    log.scalars({"loss": 2.0}, step=1)
    log.close()
    assert not interrupted.exists()
    assert [value.simple_value for _, value in read_event_values(tmp_path)] == [2.0]


def test_what_tells_one_run_from_the_others(make_result):
    assert top1_tag("transfer+") == "top1/AnB+"
    values = hyperparameters(make_result("A3B+", seed=2))
    assert tuple(values) == HYPERPARAMETERS and (values["kind"], values["n"], values["seed"]) == ("transfer+", 3, 2)
