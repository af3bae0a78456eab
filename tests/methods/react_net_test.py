import keras
import numpy as np
import pytest

from keras_groupnet import distillation, methods
from keras_groupnet.layers import QuantConv2D, Quantize, RPReLU
from keras_groupnet.quantizers import RSign
from tests.methods.networks import tiny
from tests.steps import digits
from tests.tensors import array


def test_a_block_is_that_of_the_paper():
    net = tiny("react_net")
    assert [type(x.quantizer) for x in net.layers if isinstance(x, Quantize)] == [RSign] * 4
    names = [
        "stage1_block1_conv1_quantize",
        "stage1_block1_conv1",
        "stage1_block1_bn1",
        "stage1_block1_add1",
        "stage1_block1_rprelu1",
        "stage1_block1_conv2_quantize",
    ]
    for one, other in zip(names, names[1:], strict=False):
        given = keras.tree.flatten(net.get_layer(other).input)
        assert any(x is net.get_layer(one).output for x in given), (one, other)
    # The second shortcut starts behind the activation function.
    added = net.get_layer("stage1_block1_add2").input
    assert any(x is net.get_layer("stage1_block1_rprelu1").output for x in added)


def test_the_first_stage_has_float_weights_and_the_same_variables():
    first, last = methods.ReActNet().stages()
    float_net, net = tiny(first), tiny(last)
    assert not any(isinstance(x, QuantConv2D) for x in float_net.layers)
    assert [v.path for v in float_net.variables] == [v.path for v in net.variables]
    for layer in float_net.layers:
        if isinstance(layer, RPReLU):
            layer.alpha.assign(np.full(layer.alpha.shape, 0.5))
    last.start_from(net, float_net)
    np.testing.assert_array_equal(array(net.get_layer("stage2_block1_rprelu2").alpha), 0.5)


def test_it_learns_from_the_outputs_of_the_teacher_alone():
    teacher, student = tiny("full_precision"), tiny("react_net")
    trainer = methods.ReActNet().trainer(student, teacher)
    assert isinstance(trainer, distillation.Distiller) and not teacher.trainable_weights
    x, y = digits(16)
    eager = keras.backend.backend() == "tensorflow"
    trainer.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", run_eagerly=eager)
    loss = np.ravel(trainer.train_on_batch(x, y))[0]
    taught, learnt = array(teacher(x, training=False)), array(student(x, training=True))
    np.testing.assert_allclose(
        loss, (taught * np.log(taught / learnt)).sum(-1).mean(), rtol=1e-3, atol=1e-5
    )


def test_a_teacher_is_needed_unless_it_is_not_asked_for():
    with pytest.raises(ValueError, match=r"Received: teacher=None.*distilled=False"):
        methods.ReActNet().trainer(tiny("react_net"))
    method = methods.ReActNet(distilled=False)
    net = tiny(method)
    assert method.trainer(net) is net and not method.needs_teacher


def test_impossible_options():
    with pytest.raises(ValueError, match="Received: weight_bits=2"):
        methods.ReActNet(weight_bits=2)
