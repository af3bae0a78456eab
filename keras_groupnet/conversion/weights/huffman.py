"""Huffman's code of 3×3 binary kernels, as docs/ops.md, "Compressed weights", lays it out.

Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952; lengths are limited by
Larmore and Hirschberg's package-merge (1990).
"""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.weights.kernel_symbols import SYMBOLS, counts_of

LONGEST = 15


def code_lengths(counts: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Lengths of the best prefix code, Σ count * length, without a code above `longest` bits.

    Package-merge: in each of `longest` rounds the cheapest two of (symbols, packages of the round
    before) make a package. The first n - 1 packages of the last round hold a symbol as often as its
    code has bits.

    Args:
        counts: how often each symbol occurs.
        longest: most bits of a code.

    Returns:
        The bits of each symbol's code; 0 for symbols that do not occur. A single symbol has 1.

    Raises:
        ValueError: no symbols, or more than `2^longest`.
    """
    symbols = np.flatnonzero(counts)
    if not 1 <= len(symbols) <= 2**longest:
        raise ValueError(
            f"Expected 1 to {2**longest} symbols that occur. Received: {len(symbols)} of them"
        )
    lengths = np.zeros(len(counts), np.int64)
    if len(symbols) == 1:
        lengths[symbols] = 1
        return lengths
    leaves = [(int(counts[symbol]), [int(symbol)]) for symbol in symbols]
    packages: list[tuple[int, list[int]]] = []
    for _ in range(longest):
        coins = sorted(leaves + packages, key=lambda coin: coin[0])
        pairs = zip(coins[::2], coins[1::2], strict=False)  # an odd one is left over
        packages = [(a + b, left + right) for (a, left), (b, right) in pairs]
    for _, held in packages[: len(symbols) - 1]:
        np.add.at(lengths, held, 1)
    return lengths


def canonical_codes(lengths: np.ndarray) -> np.ndarray:
    """The code of each symbol: consecutive numbers in the order of (length, symbol)."""
    codes = np.zeros(len(lengths), np.int64)
    following = 0
    before = 0
    for symbol in np.argsort(lengths, kind="stable"):
        length = int(lengths[symbol])
        if length == 0:
            continue
        following <<= length - before
        codes[symbol] = following
        following += 1
        before = length
    return codes


def encode(symbols: np.ndarray) -> np.ndarray:
    """Writes kernels as a compressed stream, its table of codes included.

    Args:
        symbols: of the kernels, in the order of `symbols_of`; at least one.

    Returns:
        int32 words, the first bit of the stream in the highest bit.
    """
    lengths = code_lengths(counts_of(symbols))
    present = lengths > 0
    shortest = int(lengths[present].min())
    extra = lengths[present] - shortest
    width = int(extra.max()).bit_length()
    codes = canonical_codes(lengths)
    bits = np.concatenate(
        [
            _bits(np.array([shortest]), np.array([4])),
            _bits(np.array([width]), np.array([3])),
            present,
            _bits(extra, np.full(len(extra), width)),
            _bits(codes[symbols], lengths[symbols]),
        ]
    )
    padded = np.zeros(-(-len(bits) // 32) * 32, bool)
    padded[: len(bits)] = bits
    return np.packbits(padded).view(">i4").astype(np.int32)


def decode(stream: np.ndarray, count: int) -> np.ndarray:
    """The inverse of `encode`.

    Args:
        stream: int32 words.
        count: how many kernels there are.

    Raises:
        ValueError: the stream holds no such kernels.
    """
    bits = np.unpackbits(np.ascontiguousarray(stream.astype(">i4")).view(np.uint8))
    text = bits.tobytes().translate(_DIGITS).decode()
    shortest, width = int(text[:4], 2), int(text[4:7], 2)
    present = np.flatnonzero(bits[7 : 7 + SYMBOLS])
    position = 7 + SYMBOLS
    lengths = np.zeros(SYMBOLS, np.int64)
    for symbol in present:
        extra = text[position : position + width]
        lengths[symbol] = shortest + (int(extra, 2) if width else 0)
        position += width
    codes = canonical_codes(lengths)
    symbol_of = {format(codes[s], f"0{lengths[s]}b"): int(s) for s in present}
    symbols = np.empty(count, np.int64)
    for index in range(count):
        for length in range(shortest, LONGEST + 1):
            code = text[position : position + length]
            if code in symbol_of:
                break
        else:
            raise ValueError(f"Expected {count} compressed kernels. Received: {index} of them")
        symbols[index] = symbol_of[code]
        position += length
    return symbols


_DIGITS = bytes([ord("0"), ord("1"), *range(2, 256)])


def _bits(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The numbers one behind the other, each with its length, highest bits first."""
    shifts = lengths[:, None] - 1 - np.arange(int(lengths.max()))
    return ((values[:, None] >> np.maximum(shifts, 0)) & 1 != 0)[shifts >= 0]
