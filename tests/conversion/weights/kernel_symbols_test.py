import numpy as np
import pytest

from keras_groupnet.conversion.weights.bitpack import pack_kernel
from keras_groupnet.conversion.weights.kernel_symbols import (
    changed_weights,
    cluster,
    counts_of,
    entropy,
    symbols_of,
)


def test_bits_of_a_symbol():
    kernel = np.array([[1.0, -1, 1], [1, 1, -1], [-1, 1, 1]])
    assert symbols_of(pack_kernel(kernel[:, :, None, None]), 1).tolist() == [371]  # oracle H1


def test_kernels_are_in_order_of_output_and_input_channel():
    random = np.random.default_rng(0)
    kernel = random.choice([-1.0, 1.0], (3, 3, 35, 4))
    bits = kernel > 0
    expected = [
        int("".join("01"[int(bit)] for bit in bits[:, :, i, o].ravel()), 2)
        for o in range(4)
        for i in range(35)
    ]
    assert symbols_of(pack_kernel(kernel), 35).tolist() == expected


def test_entropy():
    assert entropy(np.array([8, 4, 2, 1, 1])) == pytest.approx(1.875)  # oracle H2
    assert entropy(np.ones(512)) == pytest.approx(9)
    assert entropy(np.array([0, 7, 0])) == 0


def test_rare_symbols_become_the_nearest_frequent_one():
    symbols = np.array([0b000000000] * 5 + [0b111111111] * 4 + [0b000000111, 0b011111111])
    assert cluster(symbols, 2).tolist() == [0] * 5 + [511] * 4 + [0, 511]
    assert changed_weights(symbols, cluster(symbols, 2)) == 3 + 1


def test_of_equally_near_symbols_the_more_frequent_one_is_taken():
    symbols = np.array([0b001] * 3 + [0b010] * 4 + [0b011])
    assert cluster(symbols, 2)[-1] == 0b010


def test_clustering_keeps_so_many_symbols():
    symbols = np.random.default_rng(1).integers(0, 512, 4000)
    counts = counts_of(symbols)
    for keep in (1, 17, 511):
        kept = counts_of(cluster(symbols, keep)) > 0
        assert kept.sum() == keep
        assert counts[kept].min() >= counts[~kept].max()
    np.testing.assert_array_equal(cluster(symbols, 512), symbols)
