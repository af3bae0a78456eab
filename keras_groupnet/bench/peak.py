"""The peak rate of a core at 1-bit products: the bound that binary layers are measured by."""

from __future__ import annotations

import ctypes
import functools

from keras_groupnet.runtime.delegate import delegate_path


def run_popcount_peak(macs: int) -> int:
    """Runs the bare loop of a binary convolution: xor, popcount, add, operands in the first cache.

    Args:
        macs: products of ±1 to sum, at least.

    Returns:
        How many were summed; 0 if the plugin has no such loop for this CPU.
    """
    return int(_loop()(macs))


@functools.cache
def _loop():
    run = ctypes.CDLL(delegate_path()).kgn_run_popcount_peak
    run.argtypes, run.restype = (ctypes.c_int64,), ctypes.c_int64
    return run
