"""Models whose groups differ in bases and bits."""

import numpy as np
import pytest

import keras_groupnet as kgn
from tests.conversion.networks import randomise


@pytest.mark.parametrize(
    "options",
    [
        {"bases": (3, 1, 2), "activation_bits": (1, 2, 32), "partition": (1, 1, 2)},
        {"bases": (1, 2, 1, 2), "activation_bits": (4, 1, 32, 2), "partition": "layerwise"},
    ],
)
def test_models_of_mixed_groups_convert(options):
    method = kgn.methods.GroupNet(**options)
    model = randomise(
        kgn.models.ResNet((8, 8, 1), 5, blocks=(2, 2), filters=(4, 6), stem="cifar", method=method)
    )
    converted = kgn.convert(model)
    floats = [layer.name for layer in converted.report.layers if layer.status != "binary"]
    assert floats == ["stem_conv", "fc"]
    report = kgn.lite.verify(model, converted.content)
    assert report.ok and report.layers, str(report)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    predicted = kgn.lite.Interpreter(converted.content).predict(images)
    np.testing.assert_allclose(predicted, model.predict_on_batch(images), atol=2e-3)
