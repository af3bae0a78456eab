"""The layout of binary weights in a file (docs/ops.md, "Packed tensors")."""

from __future__ import annotations

import numpy as np


def pack_bits(negative: np.ndarray) -> np.ndarray:
    """Packs booleans along the last axis into int32 words, least significant bit first.

    Args:
        negative: booleans `[..., C]`; True (bit 1) stands for the value -1.

    Returns:
        int32 `[..., ceil(C / 32)]`; bits of channels >= C are 0.
    """
    channels = negative.shape[-1]
    words = -(-channels // 32)
    padded = np.zeros((*negative.shape[:-1], words * 32), dtype=bool)
    padded[..., :channels] = negative
    octets = np.packbits(padded, axis=-1, bitorder="little")
    return octets.view("<i4").astype(np.int32, copy=False)


def pack_kernel(kernel: np.ndarray) -> np.ndarray:
    """Packs a ±1 convolution kernel for KgnConv2D.

    Args:
        kernel: HWIO `[kernel_h, kernel_w, C_in / groups, C_out]`; only the signs are read.

    Returns:
        int32 `[C_out, kernel_h, kernel_w, ceil(C_in / groups / 32)]`.
    """
    return pack_bits(np.moveaxis(kernel, -1, 0) < 0)


def unpack_kernel(packed: np.ndarray, channels: int) -> np.ndarray:
    """Inverse of `pack_kernel`: float32 ±1 values, HWIO with `channels` input channels."""
    octets = np.ascontiguousarray(packed.astype("<i4")).view(np.uint8)
    bits = np.unpackbits(octets, axis=-1, bitorder="little")[..., :channels]
    return np.moveaxis(1.0 - 2.0 * bits.astype(np.float32), 0, -1)
