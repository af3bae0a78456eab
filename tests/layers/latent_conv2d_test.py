import keras
import numpy as np
import pytest

from keras_groupnet.layers import ModulatedConv2D, ProjectionConv2D, RectifiedConv2D
from tests.steps import digits, losses, net
from tests.tensors import array, saved_and_loaded

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
def test_steps_lower_the_loss(make):
    found = losses(net(make(input_quantizer="approx_sign"), copies=2))
    assert found[-1] < found[0] - 0.1


@every_layer
def test_saving_needs_no_custom_objects(make, tmp_path):
    model = net(make(padding="same", pad_values=1, input_quantizer="approx_sign"), copies=2)
    losses(model, steps=2)
    loaded = saved_and_loaded(model, tmp_path)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    x, _ = digits(3)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    for one, other in zip(model.layers, loaded.layers, strict=True):
        assert one.get_config() == other.get_config()


@every_layer
def test_the_output_shape_is_the_computed_one(make):
    layer = make(strides=2, padding="same")
    shape = (2, 7, 8, 6)
    assert layer.compute_output_shape(shape) == tuple(layer(np.ones(shape)).shape) == (2, 4, 4, 8)


@pytest.mark.parametrize("name", ["projection", "rectified", "modulated"])
def test_mixed_bfloat16_trains(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = net(LAYERS[name](), copies=2)
    found = losses(model)
    assert np.isfinite(found).all() and found[-1] < found[0]
    assert all(keras.backend.standardize_dtype(w.dtype) == "float32" for w in model.weights)


@pytest.mark.parametrize("name", ["rectified", "modulated"])
def test_mixed_float16_trains_under_loss_scaling(name):
    keras.config.set_dtype_policy("mixed_float16")
    found = losses(net(LAYERS[name](), copies=2))
    assert np.isfinite(found).all() and found[-1] < found[0]


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
    bits = np.prod(layer.binary_shape)
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
