"""Models of tensorflow-model-optimization (tests/golden/make_tfmot.py)."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import keras_groupnet as kgn

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="conversion needs TensorFlow"
)
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


def of_quantized(path):
    """A variable of the golden model that was trained for 8 bits."""
    with h5py.File(FOLDER / "quantized.h5") as file:
        return file[f"model_weights/{path}:0"][()]


def test_activations_are_rounded_as_they_were():
    """With the kernels as TFMOT rounded them last, by the scales of its variables, all is equal."""
    model, found, expected = imported("quantized")
    assert 0 < np.abs(found - expected).max() < 0.02  # ours have one scale for each channel
    layers = [layer for layer in model.layers if hasattr(layer, "kernel_quantizer")]
    assert len(layers) == 4
    for layer in layers:
        name = "depthwise_kernel" if "depthwise" in layer.name else "kernel"
        scale = of_quantized(f"quant_{layer.name}/quant_{layer.name}/{name}_max") / 127
        latent = np.asarray(layer.kernel)
        layer.kernel.assign(np.clip(np.round(latent / scale), -127, 127) * scale)
        layer.kernel_quantizer = None
    with np.load(FOLDER / "quantized.npz") as file:
        np.testing.assert_allclose(model(file["x"], training=False), expected, atol=1e-6)


def test_quantization_aware_training_goes_on():
    model, _, _ = imported("quantized")
    quantizer = model.get_layer("re_lu_2_output").quantizer
    before = [float(quantizer.low), float(quantizer.high)]
    path = "quant_re_lu_2/quant_re_lu_2/output"
    assert before == [of_quantized(f"{path}_min"), of_quantized(f"{path}_max")]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.ones((4, 8, 8, 3), "float32"), np.arange(4) % 3, verbose=0)
    assert 0 < abs(float(quantizer.high) - before[1]) < 0.02 * max(abs(before[1]), 1)


@needs_tensorflow
def test_the_learned_ranges_are_those_of_the_int8_file():
    model, _, expected = imported("quantized")
    converted = kgn.convert(model, float_layers="int8")  # needs no data
    with np.load(FOLDER / "quantized.npz") as file:
        found = kgn.lite.Interpreter(converted.content).predict(file["x"])
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_clusters_of_channels_are_refused():
    from keras_groupnet.interop.tfmot import unwrapped

    layer = {"class_name": "Conv2D", "config": {"name": "conv"}}
    with pytest.raises(ValueError, match="strip_clustering"):
        unwrapped({"layer": layer, "cluster_per_channel": True})
