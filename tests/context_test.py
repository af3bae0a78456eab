import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from tests.tensors import array


def net():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            kgn.layers.QuantConv2D(4, 3, kernel_quantizer="ste_sign"),
            kgn.layers.QuantSeparableConv2D(4, 3, depthwise_quantizer="magnitude_aware_sign"),
            keras.layers.Flatten(),
            kgn.layers.QuantDense(2, kernel_quantizer="ste_tern"),
            keras.layers.Dense(2),
        ]
    )


def test_weights_are_quantized_inside_and_latent_outside():
    model = net()
    latent = model.get_weights()
    with kgn.quantized_scope(True):
        quantized = model.get_weights()
        assert kgn.context.should_quantize()
        with kgn.quantized_scope(False):
            np.testing.assert_array_equal(model.get_weights()[0], latent[0])
    assert not kgn.context.should_quantize()
    conv, _, depthwise, pointwise, _, dense, *rest = range(len(latent))
    np.testing.assert_array_equal(quantized[conv], np.where(latent[conv] < 0, -1, 1))
    scales = np.abs(latent[depthwise]).mean(axis=(0, 1))
    np.testing.assert_allclose(np.abs(quantized[depthwise]), np.broadcast_to(scales, (3, 3, 4, 1)))
    assert set(np.unique(quantized[dense])) == {-1, 0, 1}
    for index in (pointwise, *rest):
        np.testing.assert_array_equal(quantized[index], latent[index])
    for before, after in zip(latent, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_files_hold_what_the_scope_says(name, tmp_path):
    model = net()
    save = model.save if name.endswith(".keras") else model.save_weights
    with kgn.quantized_scope(True):
        expected = model.get_weights()
        save(tmp_path / name)
    if name.endswith(".keras"):
        loaded = keras.models.load_model(tmp_path / name)
    else:
        loaded = net()
        loaded.load_weights(tmp_path / name)
    for kept, original in zip(loaded.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(kept, original)
    # Signs, and signs times their mean magnitude, stay what they are.
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(array(loaded(x)), array(model(x)), rtol=1e-4, atol=1e-4)


def test_an_error_ends_the_scopes():
    with pytest.raises(RuntimeError), kgn.quantized_scope(True):
        raise RuntimeError
    with pytest.raises(RuntimeError), kgn.context.metrics_scope(["flip_ratio"]):
        raise RuntimeError
    assert not kgn.context.should_quantize()
    assert not kgn.context.get_training_metrics()


def test_kernels_cannot_be_set_inside():
    model = net()
    weights = model.get_weights()
    with kgn.quantized_scope(True), pytest.raises(ValueError, match="only be read inside"):
        model.set_weights(weights)


def test_unknown_metrics():
    with (
        pytest.raises(ValueError, match="flip_ratio.*Received"),
        kgn.context.metrics_scope(["accuracy"]),
    ):
        pass
