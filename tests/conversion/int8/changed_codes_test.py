import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.changed_codes import changed_codes
from keras_groupnet.layers import QuantConv2D
from tests.conversion.networks import activation, conv, two_groups

X = np.random.default_rng(0).standard_normal((11, 9, 11, 3)).astype(np.float32)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_same_file_changes_nothing(bits):
    content = kgn.convert(two_groups(bits)).content
    found = changed_codes(content, content, X)
    assert len(found) == 8  # two groups: one shared quantizer and three inner ones each
    assert all(entry.bits == bits and entry.changed == 0 for entry in found)
    assert all(entry.codes == len(X) * 9 * 11 * 35 for entry in found)


def two_layers(bits: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((9, 11, 35))
    x = conv(33, name="front")(activation(bits)(inputs))
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, conv(8, name="back")(activation(bits)(x)))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_counts_are_those_of_keras(bits):
    """Another batch norm in front of the second quantizer changes that one, and only it."""
    images = np.random.default_rng(1).standard_normal((10, 9, 11, 35)).astype(np.float32)
    model = two_layers(bits)
    before = kgn.convert(model).content
    tap = keras.Model(model.input, model.layers[4].output)
    assert "quantize" in model.layers[4].name
    codes = tap.predict_on_batch(images)
    norm = model.get_layer("norm")
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma, beta + 0.3, mean, variance * 2])
    first, second = changed_codes(before, kgn.convert(model).content, images)
    assert (first.read_by, first.changed) == (("front",), 0)
    assert second.read_by == ("back",) and second.codes == codes.size
    assert second.changed == np.count_nonzero(tap.predict_on_batch(images) != codes) > 0
    assert second.share == second.changed / codes.size


def test_files_of_different_models_are_refused():
    other = keras.Sequential(
        [
            keras.Input((9, 11, 35)),
            QuantConv2D(4, 3, input_quantizer="ste_sign", kernel_quantizer="ste_sign"),
        ]
    )
    with pytest.raises(ValueError, match="of one model"):
        changed_codes(kgn.convert(two_layers(1)).content, kgn.convert(other).content, X)


def test_a_fixed_batch_and_a_signature_do_not_matter():
    model = two_groups(1)
    content = kgn.convert(model, batch_size=5).content
    assert Graph(content).model.signatureDefs
    assert sum(e.codes for e in changed_codes(content, content, X[:10])) == 8 * 10 * 9 * 11 * 35
