import keras
import numpy as np
import pytest

from keras_groupnet import datasets, distillation, methods, models, training
from keras_groupnet.layers import ChannelScale, QuantConv2D, Quantize
from keras_groupnet.structure.blocks import BlockLayer
from tests.methods.networks import tiny
from tests.steps import digits
from tests.tensors import array

PARTS = ("input_bn", "quantize", "channel_scale", "scaled")


def test_a_block_is_that_of_the_paper():
    net = tiny("real_to_binary")
    for number in (1, 2):
        conv = f"stage1_block1_conv{number}"
        norm, sign, scale, scaled = (net.get_layer(f"{conv}_{part}") for part in PARTS)
        assert sign.input is norm.output and scale.input is norm.output
        assert net.get_layer(conv).input is sign.output
        assert any(x is scale.output for x in scaled.input)
        prelu = net.get_layer(f"stage1_block1_prelu{number}")
        assert prelu.input is scaled.output and prelu.alpha.shape == (1, 1, 8)
        added = net.get_layer(f"stage1_block1_add{number}").input
        assert any(x is prelu.output for x in added) and any(x is norm.input for x in added)


def test_the_stages_differ_in_what_is_binary():
    nets = [tiny(stage) for stage in methods.RealToBinary().stages()]
    kinds = [
        (
            any(isinstance(x, Quantize) for x in net.layers),
            any(isinstance(x, QuantConv2D) for x in net.layers),
        )
        for net in nets
    ]
    assert kinds == [(False, False), (True, False), (True, True)]
    x = np.linspace(-2, 2, 9).astype("float32")
    tanh = nets[0].get_layer("stage1_block1_conv1_quantize")
    np.testing.assert_allclose(array(tanh(x)), np.tanh(x), rtol=1e-5)
    paths = [[v.path for v in net.variables] for net in nets]
    assert paths[0] == paths[1] == paths[2]


def test_it_matches_attention_and_outputs():
    teacher, student = tiny("full_precision"), tiny("real_to_binary")
    trainer = methods.RealToBinary(attention_weight=3.0).trainer(student, teacher)
    kinds = [type(loss) for loss in trainer.distillation_losses]
    # One pair of sums for each of the two blocks.
    assert kinds == [distillation.AttentionMatching] * 2 + [distillation.DistributionLoss]
    assert list(trainer.distillation_loss_weights) == [3.0, 3.0, 1.0]
    between = methods.RealToBinary().trainer(student, tiny(methods.RealToBinary().stages()[1]))
    assert len(between.distillation_losses) == 4 + 1  # all sums of both networks


def test_each_stage_learns_from_the_one_before(monkeypatch):
    teachers = []

    def trainer(self, student, teacher=None):
        teachers.append(teacher.name)
        return student

    monkeypatch.setattr(methods.RealToBinary, "trainer", trainer)
    x, y = digits(16)

    def build(method):
        bits = f"w{method.weight_bits}a{method.activation_bits}"
        return tiny(method, name=f"{method.name}_{bits}", blocks=(1,), filters=(8,))

    result = training.fit(
        "real_to_binary",
        build,
        datasets.Batches(x, y, 16),
        1,
        teacher=build(methods.FullPrecision()),
        recipe=lambda stage, steps: training.Recipe(keras.optimizers.SGD(0.01), [], 16, 1),
        verbose=0,
        announce=lambda text: None,
    )
    assert teachers == ["full_precision_w32a32", "real_to_binary_w32a32", "real_to_binary_w32a1"]
    assert result.model.name == "real_to_binary_w1a1"


def test_a_teacher_is_needed_unless_it_is_not_asked_for():
    with pytest.raises(ValueError, match=r"Received: teacher=None.*distilled=False"):
        methods.RealToBinary().trainer(tiny("real_to_binary"))
    method = methods.RealToBinary(distilled=False)
    net = tiny(method)
    assert method.trainer(net) is net
    assert not method.needs_teacher and not method.learns_from_previous


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weight_bits": 1, "activation_bits": 32}, "before weights.*Received"),
        ({"activation_bits": 2}, "Received: activation_bits=2"),
        ({"ratio": 0}, "at least 1. Received"),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(ValueError, match=message):
        methods.RealToBinary(**options)


def test_a_scaled_layer_has_no_bias():
    method = methods.RealToBinary()
    from keras_groupnet import Block

    block = Block("a", (BlockLayer("conv", 4, 3, use_bias=True),), residual=False)
    with pytest.raises(ValueError, match="use_bias=False.*Received: layer 'a_conv'"):
        method.build_blocks(keras.Input((4, 4, 4)), [block])


def test_dense_layers_are_scaled_too():
    net = models.VGGSmall((8, 8, 3), 4, method="real_to_binary", filters=(8, 8, 8, 8, 16, 16))
    assert sum(isinstance(x, ChannelScale) for x in net.layers) == 5
    assert net.output_shape == (None, 4)
