"""`expand` on the networks of `keras.applications`."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from tests.expansion.random_networks import randomise

SIZES = {"InceptionV3": 75, "Xception": 71}
MODELS = [
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionV3",
    "Xception",
    "NASNetMobile",
    "ConvNeXtTiny",
]


def application(name: str) -> keras.Model:
    size = SIZES.get(name, 32)
    options = {"weights": None, "classes": 10, "classifier_activation": None}
    return randomise(getattr(keras.applications, name)(input_shape=(size, size, 3), **options))


def images(model: keras.Model, count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, *model.input_shape[1:])).astype("float32")


@pytest.mark.parametrize("name", MODELS)
def test_with_float_layers_it_is_the_parent(name):
    model = application(name)
    plan = kgn.plan_expansion(model, 1, 32, weight_bits=32)
    net = plan.build()
    x = images(model, 1)
    y, z = (keras.ops.convert_to_numpy(one(x)) for one in (model, net))
    np.testing.assert_allclose(z, y, rtol=1e-5, atol=1e-5 * np.abs(y).max())
    assert plan.table.binary_share > 0.6  # small images: attention branches count for more
    float_rows = [row for row in plan.table.rows if row.reason]
    assert {row.reason for row in float_rows} <= {
        "first layer",
        "last layer",
        "keep=DepthwiseConv2D",
        "attention branch: one position, and its values are multiplied",
    }


# The quick ones of each kind: a plain chain, and one with attention branches and skips.
IN_EACH_RUN = {("MobileNet", 2), ("MobileNetV3Small", 1)}


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        pytest.param(name, bits, marks=[] if (name, bits) in IN_EACH_RUN else pytest.mark.slow)
        for name in MODELS
        for bits in (1, 2)
    ],
)
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="conversion needs TensorFlow")
def test_it_trains_saves_converts_and_verifies(name, bits, tmp_path):
    model = application(name)
    net = kgn.expand(model, 2, bits, print_fn=None)
    x = images(model, 4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile("adam", loss)
    before = net.get_weights()
    assert np.isfinite(net.train_on_batch(x, np.arange(4)))
    assert any((a != b).any() for a, b in zip(before, net.get_weights(), strict=True))
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    expected = net.predict(x, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    kgn.convert(net, tmp_path / "net.tflite", strict=True)  # which verifies
    found = kgn.lite.Interpreter(str(tmp_path / "net.tflite")).predict(x)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
