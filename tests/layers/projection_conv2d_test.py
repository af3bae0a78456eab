import keras
import numpy as np
import pytest

from keras_groupnet.deployment import describe
from keras_groupnet.layers import ProjectionConv2D, QuantConv2D
from tests.steps import digits, net
from tests.tensors import array


def test_forward_by_hand():
    layer = ProjectionConv2D(1, 1, projections=2)
    layer.build((None, 1, 1, 2))
    kernel = np.reshape([0.4, -0.2], (1, 1, 2, 1))
    layer.set_weights([kernel, np.reshape([1.0, -1.0], (2, 1, 1)), np.array(0.0)])
    y = array(layer(np.reshape([1.0, -1.0], (1, 1, 1, 2))))
    np.testing.assert_allclose(y.ravel(), [0.6, -0.6], rtol=1e-6)


def test_sizes_of_a_layer_of_the_paper():
    layer = ProjectionConv2D(32, 3, projections=4)
    layer.build((None, 8, 8, 64))
    assert np.prod(layer.kernel.shape) == 18_432
    assert describe(layer).binary_weights == 73_728
    assert np.prod(layer.projection.shape) == 36


def test_the_deployed_kernel_has_two_values():
    layer = ProjectionConv2D(8, 3, projections=4)
    layer.build((None, 8, 8, 16))
    values = np.unique(array(layer.quantize_kernel(layer.kernel)))
    assert len(values) == 2 and values[0] == -values[1]


def test_one_projection_of_ones_is_a_binary_convolution_with_a_scale_per_layer():
    layer = ProjectionConv2D(
        6, 3, projections=1, projection_weight=0.0, projection_initializer="ones"
    )
    other = QuantConv2D(
        6,
        3,
        use_bias=False,
        kernel_quantizer={
            "module": "keras_groupnet.quantizers",
            "class_name": "BinaryWeight",
            "config": {"scale": "tensor"},
            "registered_name": "keras_groupnet>BinaryWeight",
        },
    )
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 5)).astype("float32")
    layer.build(x.shape)
    other.build(x.shape)
    other.set_weights([array(layer.kernel)])
    np.testing.assert_allclose(array(layer(x)), array(other(x)), atol=1e-5)


def test_a_step_uses_the_learning_rate_of_the_projection_loss():
    # The two runs differ in eta only, so their kernels differ by lr * lambda * eta * W^2 * d.
    x, y = digits(16)
    kernels = []
    for rate in (0.0, 0.5):
        keras.utils.set_random_seed(3)
        layer = ProjectionConv2D(4, 3, projections=2, projection_weight=10.0)
        model = net(layer)
        model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
        layer.projection_rate.assign(rate)
        model.train_on_batch(x, y)
        kernels.append(array(layer.kernel))
    assert 0 < np.abs(kernels[0] - kernels[1]).max() < 0.1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"levels": 4}, "levels"),
        ({"forward": "median"}, "forward"),
        ({"level_norm": "sum"}, "level_norm"),
        ({"projections": 0}, "projections"),
        ({"projection_weight": -1.0}, "projection_weight"),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        ProjectionConv2D(4, 3, **options)


def test_loss_scaling_is_refused():
    with pytest.raises(ValueError, match="mixed_bfloat16.*Received"):
        ProjectionConv2D(4, 3, dtype="mixed_float16").build((None, 8, 8, 4))
