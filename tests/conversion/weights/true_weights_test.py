"""What `to_binary` gives, recomputed in numpy and in C, equals the interpreter."""

import os
import shutil
import subprocess

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.weights.bitpack import pack_bits
from keras_groupnet.layers import QuantDense
from keras_groupnet.quantizers import WeightBases
from tests.conversion.networks import activation, conv, group, randomise
from tests.runtime.reference_ops import quantize, same_or_valid

STEP = 1.5 / 3  # of `activation(2)`
SHAPE = (6, 7, 37)


def net(bits: int, out_bits: int = 0, relu: bool = False, **options) -> keras.Model:
    """Quantizer, convolution, batch norm and perhaps ReLU and quantizer."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input(SHAPE)
    x = conv(10, name="conv", **options)(activation(bits)(inputs))
    x = keras.layers.BatchNormalization()(x)
    if relu:
        x = keras.layers.ReLU()(x)
    if out_bits:
        x = activation(out_bits)(x)
    return randomise(keras.Model(inputs, x))


def images(shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((4, *shape), np.float32)


def answers(model: keras.Model) -> np.ndarray:
    shape = model.input_shape[1:]
    return kgn.lite.Interpreter(kgn.convert(model).content).predict(images(shape))


def activations(bits: int) -> np.ndarray:
    """The images as ±1 or codes."""
    return quantize(images(), bits, 1.0 if bits == 1 else 1 / STEP).astype(np.int64)


def accumulators(layer: dict, a: np.ndarray) -> np.ndarray:
    """acc of docs/true_weights.md."""
    kernel = layer["kernel"].astype(np.int64)
    kh, kw, depth, channels = kernel.shape
    strides = int(layer["stride_height"]), int(layer["stride_width"])
    (oh, top, bottom), (ow, left, right) = (
        same_or_valid(a.shape[1 + i], kernel.shape[i], strides[i], 1, layer["padding"])
        for i in (0, 1)
    )
    border = ((0, 0), (top, bottom), (left, right), (0, 0))
    a = np.pad(a, border, constant_values=layer["pad_value"])
    acc = np.zeros((len(a), oh, ow, channels), np.int64)
    for o in range(channels):
        first = o // (channels // layer["groups"]) * depth
        for y in range(oh):
            for x in range(ow):
                top, left = y * strides[0], x * strides[1]
                taps = a[:, top : top + kh, left : left + kw, first : first + depth]
                acc[:, y, x, o] = (taps * kernel[..., o]).sum((1, 2, 3))
    return acc


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"relu": True}, {"padding": "valid", "strides": 2}, {"use_bias": True}],
    ids=str,
)
def test_float_output_recomputed(bits, options):
    model = net(bits, **options)
    layer = kgn.to_binary(model)["conv"]
    assert layer["kernel"].dtype == np.int8 and set(np.unique(layer["kernel"])) == {-1, 1}
    acc = accumulators(layer, activations(bits)).astype(np.float32)
    y = layer["multiplier"] * acc + layer["bias"]
    if layer["activation"]:
        y = np.maximum(y, np.float32(0))
    assert bool(layer["activation"]) == bool(options.get("relu"))
    np.testing.assert_array_equal(y, answers(model))
    assert "thresholds" not in layer


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("out_bits", [1, 2, 4])
@pytest.mark.parametrize("relu", [False, True])
def test_packed_output_recomputed_with_thresholds(bits, out_bits, relu):
    model = net(bits, out_bits, relu)
    layer = kgn.to_binary(model)["conv"]
    assert layer["thresholds"].shape == (10, 2**out_bits - 1)
    acc = accumulators(layer, activations(bits))
    reached = (layer["direction"] * acc)[..., None] >= layer["thresholds"]
    codes = reached.sum(-1)
    step = np.float32(1.5 / (2**out_bits - 1))
    expected = answers(model)
    assert len(np.unique(expected)) == 2**out_bits or relu
    values = codes * 2.0 - 1 if out_bits == 1 else codes.astype(np.float32) * step
    np.testing.assert_array_equal(values.astype(np.float32), expected)


def test_skips_and_a_batch_norm_between_a_sum_and_its_quantizer():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5, 6, 12))
    x = keras.layers.Conv2D(12, 3, padding="same")(inputs)
    x = group(group(x, 1, bases=1), 1, bases=1)
    layers = kgn.to_binary(randomise(keras.Model(inputs, x)))
    assert len(layers) == 4
    with_skip = [layer for layer in layers.values() if layer["has_addend"]]
    assert with_skip and all("thresholds" not in layer for layer in with_skip)
    assert any("quantize_multiplier" in layer for layer in layers.values())


def test_a_file_holds_the_same(tmp_path):
    model = net(1, 2)
    layers = kgn.to_binary(model, tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as stored:
        assert set(stored) == {f"conv/{name}" for name in layers["conv"]}
        for name, value in layers["conv"].items():
            np.testing.assert_array_equal(stored[f"conv/{name}"], value)
            assert stored[f"conv/{name}"].dtype == value.dtype
    assert os.listdir(tmp_path) == ["net.npz"]


def test_other_suffixes_are_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"\.npz or \.h\. Received: path=.*net\.bin"):
        kgn.to_binary(net(1), [tmp_path / "net.npz", tmp_path / "net.bin"])
    assert os.listdir(tmp_path) == []


def test_layers_of_several_calls_and_dense_layers():
    inputs = keras.Input((5, 5, 8))
    shared = conv(8, name="shared")
    x = shared(activation(1)(inputs))
    x = shared(activation(1)(keras.layers.BatchNormalization()(x)))
    x = keras.layers.Flatten()(activation(1)(x))
    x = QuantDense(3, kernel_quantizer="binary_weight", name="dense")(x)
    model = randomise(keras.Model(inputs, x))
    layers = kgn.to_binary(model)
    assert list(layers) == ["shared", "shared_2", "dense"]
    np.testing.assert_array_equal(layers["shared"]["kernel"], layers["shared_2"]["kernel"])
    np.testing.assert_array_equal(
        layers["dense"]["kernel"], np.where(model.get_layer("dense").kernel.numpy() < 0, -1, 1)
    )


def test_layers_of_several_kernels():
    layers = kgn.to_binary(net(1, kernel_quantizer=WeightBases(3)))
    assert list(layers) == ["conv", "conv_2", "conv_3"]
    acc = [accumulators(layer, activations(1)).astype(np.float32) for layer in layers.values()]
    y = None  # each kernel's op adds the sum of those before it
    for layer, one in zip(layers.values(), acc, strict=True):
        own = layer["multiplier"] * one + layer["bias"]
        assert bool(layer["has_addend"]) == (y is not None) and "addend_multiplier" not in layer
        y = own if y is None else own + y
    np.testing.assert_array_equal(y, answers(net(1, kernel_quantizer=WeightBases(3))))


PROGRAM = r"""
#include <stdio.h>
#include "net.h"

static int ones(uint32_t word) {
  int count = 0;
  for (; word != 0; word &= word - 1) ++count;
  return count;
}

/* Reads a patch of packed activations; prints acc, code and y of every output channel. */
int main(void) {
  enum { kWords = CONV_KERNEL_HEIGHT * CONV_KERNEL_WIDTH * CONV_WORDS };
  const int n = CONV_KERNEL_HEIGHT * CONV_KERNEL_WIDTH * CONV_CHANNELS_IN / CONV_GROUPS;
  uint32_t patch[kWords];
  while (fread(patch, sizeof(patch), 1, stdin) == 1) {
    for (int o = 0; o < CONV_CHANNELS_OUT; ++o) {
      int acc = n, code = 0;
      float y;
      for (int k = 0; k < kWords; ++k) acc -= 2 * ones(patch[k] ^ conv_packed[o * kWords + k]);
      for (int k = 0; k < (1 << CONV_OUT_BITS) - 1; ++k) {
        code += conv_direction[o] * acc >= conv_thresholds[o * ((1 << CONV_OUT_BITS) - 1) + k];
      }
      y = conv_multiplier[o] * (float)acc;
      y += conv_bias[o];
      printf("%d %d %a\n", acc, code, (double)y);
    }
  }
  return 0;
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler (gcc)")
def test_c_header_recomputed_in_c(tmp_path):
    model = net(1, 2, padding="valid")
    layer = kgn.to_binary(model, [tmp_path / "net.h", tmp_path / "net.npz"])["conv"]
    (tmp_path / "main.c").write_text(PROGRAM)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-ffp-contract=off"]
    subprocess.run(["gcc", *flags, "-o", "main", "main.c"], cwd=tmp_path, check=True)
    a = activations(1)
    acc = accumulators(layer, a)
    words = pack_bits(a < 0)
    patches = [
        words[:, y : y + 3, x : x + 3].reshape(len(a), -1)
        for y in range(acc.shape[1])
        for x in range(acc.shape[2])
    ]
    patches = np.stack(patches, axis=1).astype("<i4")  # image, pixel, words
    run = subprocess.run([tmp_path / "main"], input=patches.tobytes(), capture_output=True)
    assert run.returncode == 0
    rows = [line.split() for line in run.stdout.decode().splitlines()]
    np.testing.assert_array_equal([int(row[0]) for row in rows], acc.ravel())
    codes = (answers(model) / np.float32(STEP)).ravel()
    np.testing.assert_array_equal([int(row[1]) for row in rows], codes)
    y = layer["multiplier"] * acc.astype(np.float32) + layer["bias"]
    np.testing.assert_array_equal([float.fromhex(row[2]) for row in rows], y.ravel())


def test_header_names(tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5, 5, 8))
    x = conv(8, 1, name="a.b")(activation(1)(inputs))
    x = conv(8, 1, name="1_A_B")(activation(1)(keras.layers.BatchNormalization()(x)))
    x = conv(8, 1, name="A_b")(activation(1)(keras.layers.BatchNormalization()(x)))
    kgn.to_binary(randomise(keras.Model(inputs, x)), str(tmp_path / "my net.h"))
    text = (tmp_path / "my net.h").read_text()
    assert "#ifndef MY_NET_H" in text
    for name in ("a_b_packed[8]", "_1_A_B_packed[8]", "A_b_2_packed[8]"):
        assert f"static const uint32_t {name}" in text
    assert "#define A_B_KERNEL_WIDTH 1" in text and "#define A_B_2_KERNEL_WIDTH 1" in text


@pytest.mark.parametrize("slope", [0.25, -0.25])
def test_thresholds_of_a_slope(slope):
    keras.utils.set_random_seed(3)
    inputs = keras.Input(SHAPE)
    x = keras.layers.BatchNormalization()(conv(10, name="conv")(activation(1)(inputs)))
    start = keras.initializers.Constant(slope)
    x = keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=start)(x)
    model = randomise(keras.Model(inputs, conv(3)(activation(2)(x))))
    layer = kgn.to_binary(model)["conv"]
    np.testing.assert_array_equal(layer["slope"], np.full(10, slope, np.float32))
    assert "activation_min" not in layer  # no limit
    assert ("thresholds" in layer) == (slope > 0)
