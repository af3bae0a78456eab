"""A binary layer followed by a quantizer, as comparisons of whole numbers."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.checks.arithmetic import epilogue, quantized


def thresholds(options: dict, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The accumulators at which the quantized output changes.

    Every step of the epilogue (docs/ops.md) is monotone in the accumulator, roundings included and
    slopes below 0 excepted, so

        code = number of k with direction * acc >= thresholds[:, k]

    is the packed output itself; for 1 bit, code 0 is -1 and code 1 is +1. Found by bisection with
    the epilogue's own float32 arithmetic.

    Args:
        options: of a KgnConv2D or KgnDense with packed input and output.
        arrays: `kernel`, `multiplier`, `bias` and, if there are any, `quantize_multiplier` and
            `quantize_bias`. The op has no run-time inputs but its activations.

    Returns:
        int32 `[C_out, 2^out_bits - 1]` and int8 `[C_out]`, 1 or -1. With |acc| <= n, a code that is
        always reached has the threshold -n, one that never is n + 1.
    """
    products = arrays["kernel"].size // arrays["kernel"].shape[-1]
    largest = products * (2 ** options["bits"] - 1)
    channels = len(arrays["multiplier"])
    levels = 2 ** options["out_bits"] - 1

    def codes(acc: np.ndarray) -> np.ndarray:
        return _quantized(acc, options, arrays)

    at_ends = [codes(np.full(channels, end)) for end in (-largest, largest)]
    direction = np.where(at_ends[1] >= at_ends[0], 1, -1)
    found = np.empty((channels, levels), np.int32)
    for level in range(1, levels + 1):
        low = np.full(channels, -largest)
        high = np.full(channels, largest + 1)  # the answer is in [low, high]
        while (low < high).any():
            middle = (low + high) // 2
            reached = codes(direction * middle) >= level
            open_ = low < high
            high = np.where(open_ & reached, middle, high)
            low = np.where(open_ & ~reached, middle + 1, low)
        found[:, level - 1] = low
    return found, direction.astype(np.int8)


def _quantized(acc: np.ndarray, options: dict, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The epilogue without run-time inputs: the code of one accumulator a channel."""
    activation = {name: arrays.get(name) for name in ("slope", "offset")}
    q = epilogue(acc, options, arrays["multiplier"], arrays["bias"], **activation)
    if "quantize_multiplier" in arrays:
        q = arrays["quantize_multiplier"] * q + arrays["quantize_bias"]
    values = quantized(q, options["out_bits"], options["out_scale"])
    return (values > 0 if options["out_bits"] == 1 else values).astype(np.int64)
