import dataclasses
import json

import pytest

from tf_transfer.experiment import graph_networks
from tf_transfer.experiment.config import Experiment
from tf_transfer.experiment.graph_networks import GraphNetwork
from tf_transfer.experiment.layer_tables import LayerCost
from tf_transfer.experiment.plan import make_plan
from tf_transfer.files import checksums

LAYERS = tuple(LayerCost(shape, 10, 100) for shape in ((16, 16, 4), (8, 8, 8), (8, 8, 8), (12,)))
NETWORK = GraphNetwork("keras.applications:Mine", 32, "{}", (3, 5, 8, 9), LAYERS)


@pytest.fixture
def looked_at(monkeypatch, tmp_path):
    """Names of the models that were looked at; what is found is invented, and kept in a directory of the test."""
    seen = []

    def look(name, input_size, options):
        seen.append(name)
        found = dataclasses.replace(NETWORK, name=name, input_size=input_size, options=options)
        return json.dumps(checksums.seal_json(dataclasses.asdict(found))).encode()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(graph_networks, "_look_at_model", look)
    graph_networks._look_up.cache_clear()
    yield seen
    graph_networks._look_up.cache_clear()


def test_the_classifier_is_counted_and_layers_are_named():
    network = dataclasses.replace(NETWORK, num_classes=7)
    assert len(network) == 5 and network.costs()[-1] == LayerCost((7,), 13 * 7, 2 * 12 * 7)
    assert network.parameters == 40 + 13 * 7
    assert network.layer_names() == ["stage1_block1", "stage2_block1", "stage2_block2", "top1", "classifier"]
    assert network.stage_ends() == (1, 3, 4)


def test_a_model_is_looked_at_once(looked_at):
    for num_classes in (3, 5):
        found = graph_networks.describe("keras.applications:Mine", num_classes, 32, {"alpha": 1, "dropout": 0.5})
        assert (found.num_classes, found.dropout, found.layers) == (num_classes, 0.5, LAYERS)
    graph_networks._look_up.cache_clear()  # as in another process
    assert graph_networks.describe("keras.applications:Mine", 3, 32, {"alpha": 1}).options == '{"alpha": 1}'
    assert looked_at == ["keras.applications:Mine"]
    graph_networks.describe("keras.applications:Mine", 3, 64, {})
    assert len(looked_at) == 2


def test_what_was_kept_and_is_damaged_is_looked_at_again(looked_at, tmp_path):
    graph_networks.describe("keras.applications:Mine", 3, 32, {})
    [kept] = tmp_path.rglob("*.json")
    kept.write_bytes(kept.read_bytes()[:-5])
    graph_networks._look_up.cache_clear()
    assert graph_networks.describe("keras.applications:Mine", 3, 32, {}).layers == LAYERS and len(looked_at) == 2


def test_a_plan_cuts_after_the_last_layer_of_each_resolution(looked_at, store):
    experiment = Experiment(store=store, network="keras.applications:Mine", treatments=("AnB",))
    assert [run.treatment.n for run in make_plan(experiment).runs if run.treatment.n] == [1, 3, 4]
    chosen = dataclasses.replace(experiment, layers=(2,), treatments=("AnB", "AnB-preserve1"))
    names = [run.treatment.name for run in make_plan(chosen).runs if run.treatment.n]
    assert names == ["A2B", "A2B-preserve1"]
    with pytest.raises(ValueError, match=r"n must lie in 1..4 for keras.applications:Mine \(5 layers\), got 5"):
        make_plan(dataclasses.replace(experiment, layers=(5,)))


def test_a_share_of_dropout_that_is_none_is_refused(looked_at):
    for dropout in (1, -0.1, "much"):
        with pytest.raises(ValueError, match="network_options.dropout must lie in"):
            graph_networks.describe("keras.applications:Mine", 3, 32, {"dropout": dropout})
