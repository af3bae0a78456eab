import keras
import numpy as np

from keras_groupnet import methods
from keras_groupnet.layers import ProjectionConv2D
from tests.methods.networks import tiny
from tests.steps import digits
from tests.tensors import array


def test_options_reach_the_layers():
    net = tiny(methods.PCNN(projections=2, forward="mean", projection_weight=0.5))
    layers = [layer for layer in net.layers if isinstance(layer, ProjectionConv2D)]
    assert len(layers) == 4
    assert {x.projections for x in layers} == {2} and {x.forward_pass for x in layers} == {"mean"}
    assert {x.projection_weight for x in layers} == {0.5}


def test_the_binary_net_starts_from_the_kernels_of_the_ternary_one_with_new_projections():
    first, last = methods.PCNN().stages()
    assert (first.levels, first.weight_bits) == (3, 2)
    assert first.stages() == [first]
    assert methods.PCNN(progressive=False).stages() == [methods.PCNN(progressive=False)]
    ternary, binary = tiny(first, seed=1), tiny(last, seed=2)
    last.start_from(binary, ternary)
    source, target = (net.get_layer("stage1_block1_conv1") for net in (ternary, binary))
    np.testing.assert_array_equal(array(target.kernel), array(source.kernel))
    assert not np.array_equal(array(target.projection), array(source.projection))


def test_the_callback_tells_the_layers_the_learning_rate():
    x, y = digits(16)
    net = tiny("pcnn", filters=(4, 4))
    net.compile(keras.optimizers.SGD(0.125), "sparse_categorical_crossentropy")
    history = net.fit(x, y, verbose=0, callbacks=methods.PCNN().callbacks(net, x))
    assert float(array(net.get_layer("stage1_block1_conv1").projection_rate)) == 0.125
    assert history.history["projection_loss"][0] > 0
