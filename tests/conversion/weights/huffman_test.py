import heapq

import numpy as np
import pytest

from keras_groupnet.conversion.weights.bitpack import pack_kernel
from keras_groupnet.conversion.weights.huffman import canonical_codes, code_lengths, encode
from keras_groupnet.conversion.weights.kernel_symbols import symbols_of
from tests.runtime.reference_ops import restore_kernels

ONES = np.array([bin(symbol).count("1") for symbol in range(512)])


def independent_bits(p):
    """The 512 probabilities of kernels whose weights are +1 with probability p."""
    return p**ONES * (1 - p) ** (9 - ONES)


def huffman_cost(counts):
    """Σ count * length by Huffman's algorithm itself: the sum of all inner nodes."""
    heap = [int(count) for count in counts if count]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        node = heapq.heappop(heap) + heapq.heappop(heap)
        cost += node
        heapq.heappush(heap, node)
    return cost


def test_lengths_of_five_symbols():
    lengths = code_lengths(np.array([8, 4, 2, 1, 1]))
    assert lengths.tolist() == [1, 2, 3, 4, 4]  # oracle H2


@pytest.mark.parametrize(
    ("p", "bits", "ratio"),
    [(0.5, 9.0, 1.0), (0.6, 8.7698, 1.0263), (0.7, 7.9582, 1.1309), (0.8, 6.5263, 1.3790)],
)
def test_bits_a_kernel(p, bits, ratio):
    probabilities = independent_bits(p)
    counts = np.round(probabilities * 1e9).astype(np.int64)
    mean = probabilities @ code_lengths(counts, longest=24)  # oracle H3
    assert mean == pytest.approx(bits, abs=1e-4)
    assert 9 / mean == pytest.approx(ratio, abs=1e-4)
    limited = probabilities @ code_lengths(counts)
    assert mean <= limited < mean * 1.001


def test_lengths_are_as_good_as_huffmans_and_fill_the_code_space():
    random = np.random.default_rng(0)
    for symbols in (2, 3, 100, 512):
        counts = np.zeros(512, np.int64)
        chosen = random.permutation(512)[:symbols]
        counts[chosen] = random.integers(50, 1000, symbols)
        lengths = code_lengths(counts)
        assert lengths.max() < 15  # the limit does not bind
        assert counts @ lengths == huffman_cost(counts)
        assert (2.0 ** -lengths[lengths > 0]).sum() == 1
        assert ((lengths > 0) == (counts > 0)).all()


def test_lengths_are_limited():
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(sum(fibonacci[-2:]))
    lengths = code_lengths(np.array(fibonacci))
    assert lengths.max() == 15 and (2.0**-lengths).sum() == 1
    assert code_lengths(np.array(fibonacci), longest=40).max() == 29


def test_codes_are_canonical():
    assert canonical_codes(np.array([2, 3, 1, 3])).tolist() == [0b10, 0b110, 0b0, 0b111]
    assert canonical_codes(np.array([0, 9, 0])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("counts", [np.zeros(512, np.int64), np.ones(512, np.int64)])
def test_impossible_codes_are_refused(counts):
    with pytest.raises(ValueError, match="symbols that occur. Received"):
        code_lengths(counts, longest=8)


@pytest.mark.parametrize("p", [0.0, 0.02, 0.5, 0.8, 1.0])
@pytest.mark.parametrize(("channels_out", "depth"), [(1, 1), (5, 3), (16, 33), (40, 64)])
def test_a_stream_gives_back_its_kernels(p, channels_out, depth):
    random = np.random.default_rng(int(100 * p))
    kernel = np.where(random.random((3, 3, depth, channels_out)) < p, 1.0, -1.0)
    packed = pack_kernel(kernel)
    stream = encode(symbols_of(packed, depth))
    assert stream.dtype == np.int32 and stream.ndim == 1
    np.testing.assert_array_equal(restore_kernels(stream, channels_out, depth), packed)


def test_layout_of_a_stream():
    # shortest 1, width 1, symbols 3, 5 and 511 with the codes 0, 10 and 11.
    bits = "".join(
        format(int(word) & 0xFFFFFFFF, "032b") for word in encode(np.array([3, 511, 3, 5]))
    )
    present = ["0"] * 512
    present[3] = present[5] = present[511] = "1"
    assert bits == ("0001001" + "".join(present) + "011" + "011010").ljust(544, "0")
