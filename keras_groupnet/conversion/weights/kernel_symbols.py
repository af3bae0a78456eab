"""3×3 binary kernels as numbers from 0 to 511 (docs/ops.md, "Compressed weights")."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.weights.bitpack import pack_bits, unpack_kernel

SYMBOLS = 512
_TAPS = 9
_HAMMING = np.array([bin(number).count("1") for number in range(SYMBOLS)])


def symbols_of(packed: np.ndarray, depth: int) -> np.ndarray:
    """The symbol of every kernel of packed 3×3 weights.

    A kernel is the 3×3 slice of one output and one input channel, read row by row, the first
    weight in the highest of 9 bits; a bit is 1 iff the weight is +1 (in packed weights it is the
    bit of -1 that is 1).

    Args:
        packed: int32 `[C_out, 3, 3, ceil(depth / 32)]`.
        depth: input channels of a group.

    Returns:
        int `[C_out * depth]`, output channel outermost.
    """
    positive = unpack_kernel(packed, depth) > 0
    rows = positive.reshape(_TAPS, depth, -1).transpose(2, 1, 0).reshape(-1, _TAPS)
    return rows @ (1 << np.arange(_TAPS)[::-1])


def packed_of(symbols: np.ndarray, outputs: int) -> np.ndarray:
    """The inverse of `symbols_of`: packed weights of so many output channels."""
    taps = symbols[:, None] >> np.arange(_TAPS)[::-1] & 1
    negative = taps.reshape(outputs, -1, 3, 3).transpose(0, 2, 3, 1) == 0
    return pack_bits(negative)


def counts_of(symbols: np.ndarray) -> np.ndarray:
    """How often each of the 512 symbols occurs."""
    return np.bincount(symbols, minlength=SYMBOLS)


def entropy(counts: np.ndarray) -> float:
    """Bits a kernel that no code of single symbols can go below: -Σ p log2 p."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def cluster(symbols: np.ndarray, keep: int) -> np.ndarray:
    """Replaces rare kernels by similar frequent ones.

    The `keep` most frequent symbols stay; any other becomes the one of them at the smallest Hamming
    distance, the more frequent one if several are as near. Ties in frequency go to the lower
    symbol.

    Reference:
        Silfa, Arnau, González, "Exploiting Kernel Compression on BNNs", arXiv:2212.00608. There
        too rare sequences become frequent ones of small Hamming distance; which ones are rare is
        here said by `keep`.

    Args:
        symbols: of a layer's kernels.
        keep: how many different symbols stay, 1 to 512.

    Returns:
        The new symbols.
    """
    counts = counts_of(symbols)
    frequent = np.argsort(-counts, kind="stable")[:keep]
    frequent = frequent[counts[frequent] > 0]
    distances = _HAMMING[np.arange(SYMBOLS)[:, None] ^ frequent]
    return frequent[distances.argmin(axis=1)][symbols]


def changed_weights(before: np.ndarray, after: np.ndarray) -> int:
    """In how many weights kernels differ."""
    return int(_HAMMING[before ^ after].sum())
