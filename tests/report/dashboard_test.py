from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tests.helpers.files import read_event_values
from tf_transfer.report import dashboard
from tf_transfer.results import result_files


def test_the_treatments_side_by_side_and_a_table_of_all_runs(make_result, tmp_path):
    made = [make_result(name) for name in ("baseB", "A1B", "A2B+", "A1B-preserve1")]
    dashboard.write_dashboard(tmp_path, result_files.table(made), {})
    values = {value.tag: value for _, value in read_event_values(tmp_path / "report")}
    assert set(values) == {"custom_scalars__config__", "_hparams_/experiment"}
    layout = layout_pb2.Layout.FromString(values["custom_scalars__config__"].tensor.string_val[0])
    shown = [(chart.title, chart.multiline.tag[0]) for chart in layout.category[0].chart]
    assert shown == [
        ("baseB: trained from scratch", "^top1/baseB$"),
        ("AnB: frozen, other task", "^top1/AnB$"),
        ("AnB+: fine-tuned, other task", r"^top1/AnB\+$"),
        ("AnB-preserve1", r"^top1/AnB\-preserve1$"),
    ]
    content = values["_hparams_/experiment"].metadata.plugin_data.content
    infos = HParamsPluginData.FromString(content).experiment.hparam_infos
    assert [info.name for info in infos] == ["kind", "n"]  # all have one target, split and seed
