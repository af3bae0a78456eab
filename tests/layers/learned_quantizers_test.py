"""Quantizers with variables inside of layers."""

import keras
import numpy as np
import pytest

from keras_groupnet.layers import QuantConv2D, QuantDense, QuantDepthwiseConv2D
from keras_groupnet.quantizers import ActivationBases, SubgroupSign, WeightBases
from tests.tensors import array, saved_and_loaded

QUANTIZERS = {
    "subgroups": lambda: {"kernel_quantizer": SubgroupSign()},
    "bases": lambda: {
        "input_quantizer": ActivationBases(2),
        "kernel_quantizer": WeightBases(2),
    },
}
LAYERS = {
    "conv": lambda **options: QuantConv2D(4, 3, **options),
    "depthwise": lambda **options: QuantDepthwiseConv2D(3, **options),
    "dense": lambda **options: QuantDense(4, **options),
}


@pytest.mark.parametrize("quantizers", QUANTIZERS)
@pytest.mark.parametrize("layer", LAYERS)
def test_they_train_and_are_saved(layer, quantizers, tmp_path):
    inputs = keras.Input((6, 5, 3))
    inner = LAYERS[layer](**QUANTIZERS[quantizers]())
    model = keras.Model(inputs, inner(inputs))
    learned = [w for w in inner.trainable_weights if w.path.endswith(("/scales", "/shifts"))]
    assert len(learned) == (1 if quantizers == "subgroups" else 2)
    before = [array(w).copy() for w in learned]
    images = np.random.default_rng(0).normal(size=(8, 6, 5, 3)).astype("float32")
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.train_on_batch(images, np.ones((8, *model.output_shape[1:])))
    assert all((array(w) != old).any() for w, old in zip(learned, before, strict=True))
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(array(loaded(images)), array(model(images)))


def test_layers_of_one_config_have_variables_of_their_own():
    layer = QuantDense(4, kernel_quantizer=SubgroupSign(), kernel_initializer="ones")
    layer.build((None, 3))
    layer.kernel_quantizer.scales.assign([[5.0]])
    copy = QuantDense.from_config(layer.get_config())
    copy.build((None, 3))
    # Fitted to its own kernel, which is drawn anew.
    np.testing.assert_allclose(array(copy.kernel_quantizer.scales), [[1.0]])
