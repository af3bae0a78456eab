"""Models of tensorflow-model-optimization (tests/golden/make_tfmot.py)."""

from pathlib import Path

import numpy as np
import pytest

import keras_groupnet as kgn

FOLDER = Path(__file__).parents[1] / "golden" / "tfmot"


def imported(name):
    model = kgn.interop.from_tfmot(FOLDER / f"{name}.h5")
    assert not [layer for layer in model.layers if layer.name.startswith(("prune", "cluster"))]
    with np.load(FOLDER / f"{name}.npz") as file:
        return model, np.asarray(model(file["x"], training=False)), file["y"]


def kernel(model):
    return np.asarray(next(layer.kernel for layer in model.layers if hasattr(layer, "kernel")))


def test_pruned_weights_stay_zero():
    model, found, expected = imported("pruned")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.mean(kernel(model) == 0) == 0.5


def test_clusters_become_the_weights():
    model, found, expected = imported("clustered")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(np.unique(kernel(model))) == 4


def test_quantization_aware_training_leaves_float_layers():
    """Within the rounding of kernels and activations to 8 bits; probabilities are 0.2 to 0.5."""
    _, found, expected = imported("quantized")
    assert 0 < np.abs(found - expected).max() < 0.03


def test_clusters_of_channels_are_refused():
    from keras_groupnet.interop.tfmot import unwrapped

    layer = {"class_name": "Conv2D", "config": {"name": "conv"}}
    with pytest.raises(ValueError, match="strip_clustering"):
        unwrapped({"layer": layer, "cluster_per_channel": True})
