import numpy as np
import pytest

from keras_groupnet import training
from keras_groupnet.layers import ProjectionConv2D
from tests.steps import digits, losses, net
from tests.tensors import array


def test_the_binary_net_starts_from_the_ternary_kernels():
    layer = ProjectionConv2D(4, 3, projections=2, levels=3, name="projected")
    ternary = net(layer)
    losses(ternary, steps=3)
    with pytest.warns(DeprecationWarning, match="training.fit"):
        binary = training.binary_from_ternary(ternary)
    copy = binary.get_layer("projected")
    assert copy.levels == 2 and layer.levels == 3
    np.testing.assert_array_equal(array(copy.kernel), array(layer.kernel))
    assert (array(copy.projection) != array(layer.projection)).all()
    for one, other in zip(ternary.layers, binary.layers, strict=True):
        if one is not layer:
            for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    assert len(np.unique(np.abs(array(copy.quantize_kernel(copy.kernel))))) == 1
    found = losses(binary, steps=8)
    assert found[-1] < found[0]
    assert binary.predict(digits(2)[0], verbose=0).shape == (2, 10)


def test_a_binary_net_is_refused():
    with pytest.raises(ValueError, match="levels=3.*Received"), pytest.warns(DeprecationWarning):
        training.binary_from_ternary(net(ProjectionConv2D(4, 3)))
