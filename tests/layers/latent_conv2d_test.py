import numpy as np
import pytest

from keras_groupnet.deployment import NotBinary, describe
from keras_groupnet.layers import ModulatedConv2D, ProjectionConv2D, RectifiedConv2D
from tests.tensors import array

LAYERS = {
    "projection": lambda **k: ProjectionConv2D(4, 3, projections=2, **k),
    "ternary": lambda **k: ProjectionConv2D(4, 3, projections=2, levels=3, **k),
    "projection_mean": lambda **k: ProjectionConv2D(4, 3, projections=2, forward="mean", **k),
    "rectified": lambda **k: RectifiedConv2D(8, 3, **k),
    "rectified_matrix": lambda **k: RectifiedConv2D(8, 3, c_gradient="matrix", **k),
    "rectified_channel": lambda **k: RectifiedConv2D(8, 3, c_shape="channel", c_rate=0.5, **k),
    "modulated": lambda **k: ModulatedConv2D(4, 3, planes=2, **k),
    "modulated_scalar": lambda **k: ModulatedConv2D(4, 3, planes=2, scalar=True, **k),
    "modulated_per_plane": lambda **k: ModulatedConv2D(
        4, 3, planes=2, filter_loss="per_plane", **k
    ),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


@every_layer
@pytest.mark.parametrize("options", [{"use_bias": True}, {"groups": 2}])
def test_bias_and_groups_are_refused(make, options):
    with pytest.raises(ValueError, match="neither bias.*Received"):
        make(**options)


@every_layer
def test_weights_of_a_net_count_as_deployed(make):
    layer = make()
    layer.build((None, 8, 8, 16))
    kernel = array(layer.quantize_kernel(layer.kernel))
    assert kernel.shape == (3, 3, 16, 8)
    if layer.kernel_precision != 1:  # a ternary net is a stage of training
        with pytest.raises(NotBinary, match="2 bits"):
            describe(layer)
        return
    bits = describe(layer).binary_weights
    if isinstance(layer, ModulatedConv2D):
        assert bits == 3 * 3 * 16 * 4
    else:
        assert bits == kernel.size


@pytest.mark.parametrize("name", ["projection", "rectified", "modulated_scalar"])
def test_sums_that_cancel_are_exactly_zero(name):
    # 0.1 is no binary fraction: only ±1 sums, scaled afterwards, cancel whatever their order.
    layer = LAYERS[name]()
    layer.build((None, 3, 3, 64))
    layer.kernel.assign(np.full(layer.kernel.shape, 0.1))
    x = np.ones((1, 3, 3, 64), "float32")
    x[..., np.random.default_rng(0).permutation(64)[:32]] = -1
    np.testing.assert_array_equal(array(layer(x)), 0)
