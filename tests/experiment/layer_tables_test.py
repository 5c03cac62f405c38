import pytest

from tf_transfer.experiment.layer_tables import ARCHITECTURES, Architecture, Layer, LayerCost, build, caffenet, convnet

# Classes, input size and parameters. A new network needs a line here.
PARAMETERS = {"caffenet": (1000, 227, 60_965_224), "convnet": (10, 32, 247_962), "tiny": (10, 32, 4_394)}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_has_as_many_parameters_as_ever(name):
    num_classes, input_size, parameters = PARAMETERS[name]
    assert build(name, num_classes, input_size).parameters == parameters


def test_caffenet_has_the_paper_s_parameters_and_shapes():
    costs = caffenet(1000).costs()
    parameters = [34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000]
    assert [cost.parameters for cost in costs] == parameters
    assert [cost.output_shape[0] for cost in costs] == [27, 13, 13, 13, 6, 4096, 4096, 1000]


def test_caffenet_is_the_paper_s_layer_by_layer():
    layers = caffenet(1000).layers
    assert [(row.kind, row.units, row.kernel, row.stride, row.padding, row.groups) for row in layers] == [
        ("conv", 96, 11, 4, "valid", 1),
        ("conv", 256, 5, 1, "same", 2),
        ("conv", 384, 3, 1, "same", 1),
        ("conv", 384, 3, 1, "same", 2),
        ("conv", 256, 3, 1, "same", 2),
        ("dense", 4096, 1, 1, "same", 1),
        ("dense", 4096, 1, 1, "same", 1),
        ("dense", 1000, 1, 1, "same", 1),
    ]
    pooled = {number: row for number, row in enumerate(layers, start=1) if row.pool_size}
    assert list(pooled) == [1, 2, 5]
    pooling = {(row.pool_size, row.pool_stride, row.pool_padding or row.padding) for row in pooled.values()}
    assert pooling == {(3, 2, "valid")}
    assert [row.normalised for row in layers] == [True] * 2 + [False] * 6
    assert [row.dropout for row in layers] == [0] * 5 + [0.5] * 2 + [0]
    assert [row.relu for row in layers] == [True] * 7 + [False]


def test_parameters_and_shapes_of_convnet_layer_by_layer():
    costs = convnet(num_classes=50).costs()
    assert [cost.parameters for cost in costs] == [
        5 * 5 * 3 * 24 + 24,
        3 * 3 * 24 * 48 + 48,
        3 * 3 * 48 * 64 + 64,
        3 * 3 * 64 * 64 + 64,
        3 * 3 * 64 * 64 + 64,
        2 * 2 * 64 * 256 + 256,
        256 * 256 + 256,
        256 * 50 + 50,
    ]
    assert [cost.output_shape for cost in costs] == [
        (8, 8, 24), (4, 4, 48), (4, 4, 64), (4, 4, 64), (2, 2, 64), (256,), (256,), (50,),
    ]  # fmt: skip


def test_flops_counted_by_hand():
    layers = (
        Layer("conv", 4, kernel=3, stride=2, pool_size=2, pool_stride=2),  # 8x8x3 -> 4x4x4, pooled to 2x2x4
        Layer("dense", 5, relu=False),
    )
    conv, dense = Architecture("two", 8, layers).costs()
    assert conv == LayerCost((2, 2, 4), parameters=108 + 4, flops=2 * (4 * 4) * (3 * 3 * 3 * 4))
    assert dense == LayerCost((5,), parameters=80 + 5, flops=2 * (2 * 2 * 4) * 5)


def test_valid_padding_loses_the_border():
    layers = (Layer("conv", 96, kernel=11, stride=4, padding="valid", pool_size=3, pool_stride=2),)
    assert Architecture("conv1 of the paper", 227, layers).costs()[0].output_shape == (27, 27, 96)  # 227 -> 55 -> 27


def test_convnet_is_the_paper_s_network_in_small():
    network = convnet(10, filters=(1, 2, 3, 4, 5), dense_units=(6, 7), dropout=0.5)
    assert len(network) == 8
    assert [layer.units for layer in network.layers] == [1, 2, 3, 4, 5, 6, 7, 10]
    assert [number for number, layer in enumerate(network.layers, start=1) if layer.pool_size] == [1, 2, 5]
    assert [number for number, layer in enumerate(network.layers, start=1) if layer.dropout == 0.5] == [6, 7]
    assert [layer.relu for layer in network.layers] == [True] * 7 + [False]


def test_an_input_too_small_for_the_network():
    too_small = Architecture("narrow", 4, (Layer("conv", 2, kernel=5, padding="valid"), Layer("dense", 2)))
    with pytest.raises(ValueError, match="narrow: layer 1 has no output for an input of 4 pixels; use larger images"):
        too_small.costs()


def test_errors_of_build():
    with pytest.raises(ValueError, match=r"unknown network 'vgg': expected one of \['caffenet', 'convnet', 'tiny'\]"):
        build("vgg", num_classes=10, input_size=32)
    with pytest.raises(ValueError, match=r"'tiny' does not take the options \['filters'\]"):
        build("tiny", num_classes=10, input_size=32, filters=(1, 2))
    with pytest.raises(ValueError, match=r"5 convolutional and 2 hidden dense layers, got filters=\(1, 2\)"):
        build("convnet", num_classes=10, input_size=32, filters=(1, 2))
