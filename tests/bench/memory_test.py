import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.bench.memory import peak_bytes
from tests.runtime.model_builder import single_op


def test_a_larger_map_takes_more_memory():
    options = {"version": 1, "bits": 1, "scale": 1.0}
    peaks = []
    for extent in (8, 1024):
        content = single_op("KgnQuantize", [np.zeros((1, extent, extent, 8), np.float32)], options)
        peaks.append(peak_bytes(content, kgn.lite.delegate_path()))
    if None in peaks:
        pytest.skip("needs Linux and LiteRT or tflite-runtime")
    assert peaks[1] - peaks[0] > 0.9 * 4 * 8 * 1024**2


def test_what_is_no_model_says_why():
    with pytest.raises(RuntimeError, match="measures memory"):
        peak_bytes(b"no model", kgn.lite.delegate_path())
