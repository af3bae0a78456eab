"""Converted nets: C answers as the interpreter does."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.layers import QuantDense

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

from tests.conversion.graphs import values  # noqa: E402
from tests.conversion.networks import randomise, two_groups  # noqa: E402
from tests.interop.c_source.compiled import Compiled  # noqa: E402

TOLERANCE = 1e-5  # of the largest output


def agrees(model, folder, samples=2):
    """The file of any batch, in the interpreter and as C."""
    content = kgn.convert(model).content
    net = Compiled(kgn.to_c(content), folder)
    random = np.random.default_rng(0)
    for _ in range(samples):
        arrays = [
            random.standard_normal((1, *tensor.shape[1:])).astype(np.float32)
            if tensor.dtype == "float32"
            else random.integers(0, 9, (1, *tensor.shape[1:])).astype(tensor.dtype)
            for tensor in model.inputs
        ]
        for found, expected in zip(net(*arrays), values(content, *arrays), strict=True):
            scale = np.abs(expected).max() + 1e-6
            np.testing.assert_allclose(found, expected.ravel(), atol=TOLERANCE * scale)


@pytest.mark.parametrize(
    "options",
    [{"bits": 1, "scale_map": True}, {"bits": 2, "relu": True}, {"bits": 4}, {"bits": 32}],
    ids=["1 bit", "2 bits", "4 bits", "floats"],
)
def test_groups(options, tmp_path):
    agrees(two_groups(bases=2, **options), tmp_path)


@pytest.mark.parametrize(
    "build",
    [
        lambda: kgn.models.ResNet(
            (16, 16, 3), 10, bases=2, blocks=(1, 1), filters=(8, 16), stem="cifar"
        ),
        lambda: kgn.models.ResNet((16, 16, 3), 10, method="hwgq", blocks=(1, 1), filters=(8, 16)),
        lambda: kgn.models.AlexNet((67, 67, 3), 10, bases=2, filters=(8, 16, 16, 16, 8), units=40),
    ],
    ids=["resnet", "zeros like a tensor", "alexnet"],
)
def test_zoo(build, tmp_path):
    agrees(randomise(build()), tmp_path)


def test_dense_layers_and_several_inputs_and_outputs(tmp_path):
    # Names that are words of C, or the same but for the case or signs.
    one, two = keras.Input((40,), name="int"), keras.Input((40,), name="INT")
    x = QuantDense(33, kernel_quantizer="binary_weight", input_quantizer="ste_sign")(one)
    y = keras.layers.Dense(33, activation="sigmoid")(two)
    total = keras.layers.Add()([x, y])
    model = keras.Model([one, two], {"a-b": total, "a_b": y, "again": total, "input": one})
    agrees(model, tmp_path)


def test_compressed_weights(tmp_path):
    model = two_groups(1, bases=2)
    content = kgn.convert(model, compress="huffman", cluster=40).content
    inputs = np.random.default_rng(0).standard_normal((1, 9, 11, 3)).astype(np.float32)
    (found,) = Compiled(kgn.to_c(content), tmp_path)(inputs)
    (expected,) = values(content, inputs)
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-5)


def test_a_fixed_batch_stays(tmp_path):
    model = two_groups(2, bases=1)
    content = kgn.convert(model, batch_size=3).content
    inputs = np.random.default_rng(0).standard_normal((3, 9, 11, 3)).astype(np.float32)
    (found,) = Compiled(kgn.to_c(content), tmp_path)(inputs)
    (expected,) = values(content, inputs)
    np.testing.assert_allclose(found, expected.ravel(), atol=1e-5)


def test_the_call_leaves_nothing_behind(tmp_path):
    model = two_groups(1, bases=1)
    net = Compiled(kgn.to_c(model), tmp_path)
    random = np.random.default_rng(0)
    first, other = (random.standard_normal((9, 11, 3)).astype(np.float32) for _ in range(2))
    before = net(first)[0].copy()
    np.testing.assert_allclose(before, model(first[None]).numpy()[0], rtol=1e-4, atol=1e-5)
    net(other)
    np.testing.assert_array_equal(net(first)[0], before)
