import numpy as np
import pytest

from keras_groupnet import methods
from tests.methods.networks import tiny
from tests.tensors import array


@pytest.mark.parametrize("subgroups, shape", [("pixel", (3, 3, 1, 1)), ("row", (3, 1, 1, 1))])
def test_scales_start_as_means_of_their_subgroups(subgroups, shape):
    net = tiny(methods.SYQ(subgroups=subgroups))
    layer = net.get_layer("stage1_block1_conv1")
    scales = array(layer.kernel_quantizer.scales)
    assert scales.shape == shape
    kept = shape.count(3)
    expected = np.abs(array(layer.kernel)).mean(axis=tuple(range(kept, 4)), keepdims=True)
    np.testing.assert_allclose(scales, expected, rtol=1e-5)


@pytest.mark.parametrize("options", [{"subgroups": "layer"}, {"activation_bits": 1}])
def test_impossible_options(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"Received: {name}="):
        methods.SYQ(**options)
