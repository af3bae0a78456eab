"""A QUANTIZE of a file beside the quantizer of Keras."""

from types import SimpleNamespace

import numpy as np
import pytest

from keras_groupnet.conversion.checks.int8_quantizer import int8_values
from keras_groupnet.conversion.int8.requantize import parameters
from keras_groupnet.deployment import Quantization

STEP, ZERO = 0.5, -28
QUANTIZATION = Quantization(8, lambda x: x, 255 * STEP, zero_point=ZERO)
X = np.array([[0.0, 0.2], [0.7501, -30.3], [-99.0, 99.0]], np.float32)
CODES = np.array([[-28, -28], [-26, -89], [-128, 127]], np.int8)
ALLOWED = np.array([1e-3, 1e-3], np.float32)


def compared(codes, scale=STEP, zero_point=ZERO):
    tensor = SimpleNamespace(quantization=parameters(scale, zero_point))
    graph = SimpleNamespace(tensors=[tensor])
    return int8_values(graph, 0, codes, QUANTIZATION, X, ALLOWED)


def test_equal_codes():
    found = compared(CODES)
    assert (found.expected, found.near_threshold) == ("", 0)
    expected = (CODES.astype(np.float32) - ZERO) * STEP
    np.testing.assert_array_equal(found.values, expected)


def test_a_code_within_rounding_of_a_threshold():
    codes = CODES.copy()
    codes[1, 0] = -27  # 0.75 is halfway between two codes
    found = compared(codes)
    assert (found.expected, found.near_threshold) == ("", 1)
    assert found.values[1, 0] == 0.5  # what the file has goes on


@pytest.mark.parametrize("place, code", [((0, 1), -27), ((1, 0), -25), ((2, 0), -127)])
def test_another_code(place, code):
    codes = CODES.copy()
    codes[place] = code
    assert compared(codes).found.startswith("1 of 6 others")


@pytest.mark.parametrize("scale, zero_point", [(0.51, ZERO), (STEP, -27)])
def test_another_scale(scale, zero_point):
    found = compared(CODES, scale, zero_point)
    assert found.expected == "int8 of scale 0.5 and zero point -28"
    assert found.found == f"int8 of scale {scale:g} and zero point {zero_point}"


def test_another_size():
    assert compared(CODES[:2]).found == "4 values"
