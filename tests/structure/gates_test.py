"""The journal version of Group-Net: gates between groups, means, dilations of bases."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.layers import GroupSum, QuantConv2D, Quantize, SoftGates
from keras_groupnet.methods import GroupNet
from tests.tensors import array, saved_and_loaded

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")


def small(bases=3, blocks=(2, 1), filters=(8, 16), **options):
    return kgn.models.ResNet(
        (8, 8, 3), 5, bases, blocks=blocks, filters=filters, stem="cifar", **options
    )


def layers_of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def test_a_gate_mixes_each_base_with_their_mean():
    layer = SoftGates()
    bases = [np.full((1, 2), value, "float32") for value in (2.0, 4.0, 9.0)]
    layer.build([base.shape for base in bases])
    for gate in (0.0, 1.3):
        layer.gate.assign(gate)
        share = 1 / (1 + np.exp(-gate))
        for base, output in zip(bases, layer([*bases]), strict=True):
            np.testing.assert_allclose(array(output), share * base + (1 - share) * 5, rtol=1e-6)


def test_gates_start_in_the_unit_interval_as_their_seed_says():
    gates = []
    for seed in (1, 1, 2):
        layer = SoftGates(seed)
        layer.build([(None, 3), (None, 3)])
        gates.append(float(layer.gate))
    assert gates[0] == gates[1] != gates[2] and all(0 <= gate < 1 for gate in gates)
    model = small(gates=True)
    starts = [float(layer.gate) for layer in layers_of(model, SoftGates)]
    assert len(set(starts)) == 2


@pytest.mark.parametrize("shapes", [(3, 4), [(None, 3), (None, 4)]])
def test_what_gates_do_not_take(shapes):
    with pytest.raises(ValueError, match="Received: shape"):
        SoftGates().build(shapes)


def test_gates_stand_between_groups_and_each_base_has_its_own_input():
    model = small(gates=True)
    assert [x.name for x in layers_of(model, SoftGates)] == ["group1_gates", "group2_gates"]
    assert [x.name for x in layers_of(model, GroupSum)] == ["group3_sum"]
    # One shared input, two times three of their own, and one in the middle of each base's block.
    assert len(layers_of(model, Quantize)) == 1 + 2 * 3 + 3 * 3
    # The shortcut of the third group changes the shape: one for each base.
    assert len(layers_of(model, QuantConv2D)) == 3 * 3 * 2 + 3
    names = [x.name for x in layers_of(model, QuantConv2D) if "shortcut" in x.name]
    assert names == [f"stage2_block1_base{i}_shortcut_conv" for i in (1, 2, 3)]


def test_without_a_second_group_there_is_nothing_to_gate():
    plain = small(partition="v3").to_json()
    assert small(partition="v3", gates=True).to_json() == plain
    assert not layers_of(small(bases=1, gates=True), SoftGates)


def test_with_closed_gates_groups_are_apart_and_with_open_ones_they_are_one():
    """s = 0: all bases of a group read one tensor; s = 1: each base is a network of its own."""
    model = small(gates=True, aggregation="mean", blocks=(2,), filters=(8,))
    (gates,) = layers_of(model, SoftGates)
    outputs = keras.Model(model.input, gates.output)
    gates.gate.assign(-30.0)
    closed = [array(x) for x in outputs(IMAGES)]
    for x in closed[1:]:
        np.testing.assert_allclose(x, closed[0], rtol=1e-5, atol=1e-6)
    gates.gate.assign(30.0)
    opened = [array(x) for x in outputs(IMAGES)]
    assert not np.allclose(opened[0], opened[1])
    # Same names, kernels and batch norms as one group of both blocks, but for the inputs of the
    # second: each base goes on with what it gave.
    one_group = small(partition="v3", aggregation="mean", blocks=(2,), filters=(8,))
    for layer in one_group.layers:
        if isinstance(layer, QuantConv2D):
            layer.set_weights(model.get_layer(layer.name).get_weights())
    ends = [f"stage1_block1_base{i}_add2" for i in (1, 2, 3)]
    features = keras.Model(one_group.input, [one_group.get_layer(name).output for name in ends])
    for x, y in zip(opened, features(IMAGES), strict=True):
        np.testing.assert_allclose(x, array(y), rtol=1e-4, atol=1e-4)


def test_the_mean_is_a_sum_that_does_not_learn():
    model = small(aggregation="mean")
    assert all(not layer.trainable_variables for layer in layers_of(model, GroupSum))
    bases = [np.full((1, 2), value, "float32") for value in (2.0, 4.0, 9.0)]
    np.testing.assert_allclose(array(GroupNet(aggregation="mean").group_sum("x")(bases)), [[5, 5]])
    layerwise = small(partition="layerwise", aggregation="mean")
    assert all(not layer.trainable_variables for layer in layers_of(layerwise, GroupSum))


def test_gates_are_trained_and_saved(tmp_path):
    model = small(gates=True, aggregation="mean")
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(array(loaded(IMAGES)), array(model(IMAGES)))
    before = [array(layer.gate).copy() for layer in layers_of(model, SoftGates)]
    eager = keras.backend.backend() == "tensorflow"
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eager)
    assert np.isfinite(model.train_on_batch(IMAGES, np.arange(4)))
    for layer, start in zip(layers_of(model, SoftGates), before, strict=True):
        assert array(layer.gate) != start


def test_bases_with_dilations_of_their_own():
    model = small(dilations=(1, (1, 2, 3), 4), blocks=(3,), filters=(8,))
    rates = {x.name: x.dilation_rate for x in layers_of(model, QuantConv2D)}
    assert {rates[f"stage1_block1_base{i}_conv1"] for i in (1, 2, 3)} == {(1, 1)}
    assert [rates[f"stage1_block2_base{i}_conv2"] for i in (1, 2, 3)] == [(1, 1), (2, 2), (3, 3)]
    assert {rates[f"stage1_block3_base{i}_conv1"] for i in (1, 2, 3)} == {(4, 4)}
    assert model(IMAGES).shape == (4, 5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"gates": 2}, "gates.*Received"),
        ({"gates": True, "partition": "layerwise"}, "one int.*Received"),
        ({"gates": True, "bases": (1, 2)}, r"one int.*Received: bases=\(1, 2\)"),
        ({"aggregation": "sum"}, "learned.*mean.*Received"),
        ({"dilations": 2}, "one entry for each group.*Received"),
        ({"dilations": (1, 0)}, "positive int.*Received"),
        ({"dilations": (1, "2")}, "positive int.*Received"),
        ({"dilations": (1, (1, 2))}, r"each of 5 bases.*Received: \(1, 2\)"),
        ({"dilations": ((1, 2), 1), "bases": (2, 3), "partition": (1, 1, 1)}, "for each group"),
        ({"dilations": (1,), "partition": "layerwise"}, "bases of groups.*Received"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(ValueError, match=message):
        GroupNet(**options)


def test_dilations_must_fit_the_network():
    with pytest.raises(ValueError, match="for each group: 3 .*Received: dilations"):
        small(dilations=(1, 2))
    with pytest.raises(ValueError, match="strides or is dilated.*'conv1'"):
        small(dilations=(1, 1, 2))


@pytest.mark.parametrize("options", [{"gates": True}, {"dilations": (1, 2)}])
def test_expansion_has_the_wiring_of_its_parent(options):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(4, 3)(inputs)))
    model = keras.Model(inputs, x)
    with pytest.raises(ValueError, match="wiring is that of the model.*Received"):
        kgn.expand(model, 2, **options)
    with pytest.raises(ValueError, match="wiring is that of the model.*Received"):
        kgn.expand(model, method=GroupNet(**options))
    means = kgn.expand(model, 2, aggregation="mean", print_fn=None)
    assert all(not layer.trainable_variables for layer in layers_of(means, GroupSum))


@pytest.mark.parametrize("bits", [1, 2])
def test_conversion(bits):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("conversion needs the TensorFlow backend")
    pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
    model = small(gates=True, aggregation="mean", activation_bits=bits, dilations=(1, (1, 2, 3), 1))
    report = kgn.convert(model, inputs=IMAGES).report
    assert report.mismatched_top1 == 0
    assert {x.detail for x in report.layers if x.status == "binary"} == {f"{bits}-bit activations"}
    assert kgn.summary(model, print_fn=lambda text: None).binary_weights == sum(
        int(np.prod(layer.kernel.shape)) for layer in layers_of(model, QuantConv2D)
    )


def test_it_can_be_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    path = tmp_path / "net.png"
    kgn.plot(small(gates=True), path)
    assert path.stat().st_size > 1000
