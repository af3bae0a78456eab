"""Measures what single ops cost on this machine, as a profile for `deployment.CostModel`.

Every op is timed over a grid of geometries, in a file of a few equal ops (`profile_files`); the
fastest of many short runs counts, because whatever else the machine does only makes runs slower.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_groupnet.bench import profile_files as files
from keras_groupnet.bench.benchmark import machine, prepared
from keras_groupnet.deployment.cost_model import PROFILE_FORMAT, PROFILE_VERSION, machine_set

PACKED = (1, 2, 4)
_SECONDS = 0.015  # of one point of a grid
_RUNS = 9  # at least, if they take longer than that
# A file's weights and results should leave the second-level cache, as those of a network do.
_BYTES = 3 << 20
_COPIES = (2, 8)
# Points of more work are not measured; the time goes on with the last two of the axis, positions.
_MOST_PACKED_PRODUCTS = 600e6
_MOST_PRODUCTS = 120e6


@dataclass(frozen=True)
class _Grid:
    """What is measured of one op.

    Attributes:
        write: `write(copies, *point)` gives the file.
        axes: name -> values, ascending.
        products: of a point.
        most: products that are measured.
        bytes: of the weights and results of a point.
    """

    write: Callable[..., bytes]
    axes: dict[str, tuple[int, ...]]
    products: Callable[..., float] = lambda *point: 0.0
    most: float = float("inf")
    bytes: Callable[..., float] = lambda *point: 4.0 * np.prod(point)


_POSITIONS = (1, 16, 64, 196, 784, 3136)


def _grids() -> dict[str, _Grid]:
    grids = {}
    values: dict[str, tuple[int, ...]] = {"values": (64, 4096, 65536, 524288)}
    for bits in (*PACKED, 32):
        packed = bits < 32
        grids[f"binary_conv_{bits}"] = _Grid(
            lambda copies, *point, bits=bits: files.binary_conv(copies, bits, *point),
            {
                "taps": (1, 9),
                "words": (1, 4, 16),
                "outputs": (16, 64, 512),
                "strides": (1, 4),
                "positions": _POSITIONS,
            },
            lambda taps, words, outputs, strides, positions: (
                32 * taps * words * outputs * positions
            ),
            _MOST_PACKED_PRODUCTS if packed else _MOST_PRODUCTS,
            lambda taps, words, outputs, strides, positions: (
                4 * outputs * (taps * words + positions)
            ),
        )
        grids[f"binary_depthwise_{bits}"] = _Grid(
            lambda copies, *point, bits=bits: files.binary_depthwise(copies, bits, *point),
            {"taps": (9, 25), "channels": (32, 128, 512), "positions": (1, 49, 784)},
            lambda taps, channels, positions: taps * channels * positions,
            _MOST_PRODUCTS / 4,
            lambda taps, channels, positions: 4 * channels * positions,
        )
        grids[f"binary_dense_{bits}"] = _Grid(
            lambda copies, *point, bits=bits: files.binary_dense(copies, bits, *point),
            {"words": (1, 4, 16, 64, 256), "outputs": (16, 128, 1024, 4096)},
            bytes=lambda words, outputs: 4 * words * outputs,
        )
    for bits in PACKED:
        grids[f"quantize_{bits}"] = _Grid(
            lambda copies, *point, bits=bits: files.quantize(copies, bits, *point),
            {"channels": (1, 32, 64, 512), "positions": (1, 64, 784, 3136)},
        )
        grids[f"packed_pool_{bits}"] = _Grid(
            lambda copies, *point, bits=bits: files.packed_pool(copies, bits, *point),
            {"taps": (4, 9), "words": (1, 4, 16), "positions": (1, 64, 784)},
        )
    grids["scale_map"] = _Grid(
        files.scale_map,
        {
            "affine": (0, 1),
            "taps": (1, 9),
            "channels": (16, 64, 256, 1024),
            "strides": (1, 4),
            "positions": (1, 49, 196, 784, 3136),
        },
        lambda affine, taps, channels, strides, positions: channels * strides * positions,
        2e6,
    )
    grids["conv"] = _Grid(
        files.conv,
        {
            "taps": (1, 9, 49),
            "inputs": (1, 3, 16, 64, 256),
            "outputs": (1, 16, 64, 512),
            "positions": (*_POSITIONS, 12544),
        },
        lambda *point: np.prod(point),
        _MOST_PRODUCTS,
        lambda taps, inputs, outputs, positions: 4 * outputs * (taps * inputs + positions),
    )
    grids["depthwise"] = _Grid(
        files.depthwise,
        {"taps": (9, 25, 49), "channels": (8, 64, 192, 512), "positions": (1, 49, 784, 3136)},
        lambda *point: np.prod(point),
        _MOST_PRODUCTS / 4,
        # XNNPACK has buffers of its own for more than 25 taps, which many copies multiply.
        lambda taps, channels, positions: _BYTES,
    )
    grids["dense"] = _Grid(
        files.dense, {"inputs": (16, 256, 1024, 4096), "outputs": (1, 16, 128, 1024, 4096)}
    )
    grids["matmul"] = _Grid(
        files.matmul,
        {"inputs": (16, 64, 512), "outputs": (16, 64, 512), "positions": (1, 16, 64, 512)},
        lambda *point: np.prod(point),
        _MOST_PRODUCTS,
        lambda inputs, outputs, positions: 4 * outputs * (inputs + positions),
    )
    grids["pool"] = _Grid(
        files.pool, {"taps": (4, 9), "channels": (8, 64, 512), "positions": (1, 64, 784, 3136)}
    )
    grids["mean"] = _Grid(files.mean, {"channels": (8, 64, 2048), "positions": (1, 49, 784)})
    for name, write in (
        ("add", files.add),
        ("scale", files.scale),
        ("transpose", files.transpose),
        ("simple", files.unary("ABS")),
        ("exp", files.unary("EXP")),
        ("logistic", files.unary("LOGISTIC")),
        ("tanh", files.unary("TANH")),
        ("gelu", files.unary("GELU")),
        ("softmax", files.unary("SOFTMAX")),
    ):
        grids[name] = _Grid(write, values)
    return grids


# What the end of a binary convolution may do beside writing floats, as the grids have it.
_EPILOGUES: dict[str, dict[str, Any]] = {
    "addend": {"addend": True},
    "pixel_scale": {"pixel_scale": True},
}
for _bits in PACKED:
    _EPILOGUES[f"pack_{_bits}"] = {"out_bits": _bits}
    _EPILOGUES[f"only_packed_{_bits}"] = {"out_bits": _bits, "float_output": False}
# Layers that write more and more values.
_EPILOGUE_POINTS = (
    (9, 8, 512, 1, 49),
    (9, 4, 256, 1, 196),
    (9, 2, 128, 1, 784),
    (9, 1, 64, 1, 3136),
    (1, 2, 256, 1, 3136),
)
_LIMITED = "the delegate's ops alone; the runtime's own float ops used all that the CPU has"
# A layer of many weights for few positions, and files of so many mebibytes of packed weights: how
# much longer it takes when the weights of the others have driven its own out of the caches.
_COLD_POINT = (9, 16, 512, 1, 16)
_COLD_MEBIBYTES = (2, 4, 6, 8, 12, 16, 24, 40)


def measure_profile(
    instruction_set: str | None = None, progress: Callable[[float], None] = lambda share: None
) -> dict[str, Any]:
    """Times all ops.

    Args:
        instruction_set: that our ops may use at most: `"avx512"`, `"avx2"`, `"popcnt"`, `"neon"`,
            `"scalar"`; None for the best of this machine. The runtime's own float ops cannot be
            limited.
        progress: gets the share that is done.

    Returns:
        The profile, to be written as JSON.

    Raises:
        ValueError: this machine does not run that instruction set.
    """
    grids = _grids()
    total = sum(int(np.prod([len(a) for a in grid.axes.values()])) for grid in grids.values())
    done = 0
    options = {} if instruction_set is None else {"kernel": instruction_set}
    invoke = _fastest(files.add(1, 64), options)
    ops: dict[str, Any] = {}
    for name, grid in grids.items():
        times: list[float] = []
        for point in itertools.product(*grid.axes.values()):
            done += 1
            progress(done / total)
            if grid.products(*point) > grid.most:
                times.append(_continued(times, grid.axes["positions"]))
                continue
            fewest, most = _COPIES
            copies = int(min(max(_BYTES // max(grid.bytes(*point), 1), fewest), most))
            seconds = _fastest(grid.write(copies, *point), options) - invoke
            times.append(_rounded(1e6 * max(seconds, 0) / copies))
        axes = {axis: list(values) for axis, values in grid.axes.items()}
        ops[name] = {"axes": axes, "microseconds": times}
    return {
        "format": PROFILE_FORMAT,
        "version": PROFILE_VERSION,
        "instruction_set": instruction_set or machine_set(),
        "limited": "" if instruction_set is None else _LIMITED,
        "machine": machine(),
        "invoke_microseconds": _rounded(1e6 * invoke),
        "epilogues": _epilogues(options),
        "cold_weights": _cold_weights(options),
        "ops": ops,
    }


def _continued(times: list[float], positions: tuple[int, ...]) -> float:
    """The next time on the line through the last two, positions being the fastest axis."""
    index = len(times) % len(positions)
    before, last, here = positions[index - 2 : index + 1]
    slope = (times[-1] - times[-2]) / (last - before)
    return _rounded(times[-1] + slope * (here - last))


def write_profile(profile: dict[str, Any], path: Path) -> None:
    """Writes a profile as JSON, a line for each op, to a file that is whole at any moment."""
    ops = ",\n".join(f"{json.dumps(op)}: {json.dumps(e)}" for op, e in profile["ops"].items())
    rest = "".join(
        f"{json.dumps(key)}: {json.dumps(value)},\n"
        for key, value in profile.items()
        if key != "ops"
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(f'{{\n{rest}"ops": {{\n{ops}\n}}\n}}\n', encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _epilogues(options: dict[str, str]) -> dict[str, Any]:
    """Nanoseconds a value by which each variant takes longer than float output alone."""
    copies = 3
    per_value: dict[str, list[float]] = {name: [] for name in _EPILOGUES}
    for point in _EPILOGUE_POINTS:
        values = point[2] * point[4]
        base = _fastest(files.binary_conv(copies, 1, *point), options)
        for name, variant in _EPILOGUES.items():
            seconds = _fastest(files.binary_conv(copies, 1, *point, **variant), options) - base
            per_value[name].append(_rounded(1e9 * seconds / copies / values))
    return {"values": [p[2] * p[4] for p in _EPILOGUE_POINTS], "nanoseconds": per_value}


def _cold_weights(options: dict[str, str]) -> dict[str, Any]:
    """Nanoseconds a byte of packed weights, by bits and by the bytes of all weights of a file."""
    taps, words, outputs, *_ = _COLD_POINT
    size = 4 * taps * words * outputs
    per_byte: dict[str, list[float]] = {}
    for bits in (*PACKED, 32):
        times = []
        for mebibytes in _COLD_MEBIBYTES:
            copies = max(2, (mebibytes << 20) // size)
            times.append(_fastest(files.binary_conv(copies, bits, *_COLD_POINT), options) / copies)
        per_byte[str(bits)] = [_rounded(1e9 * max(0, t - times[0]) / size) for t in times]
    return {"mebibytes": list(_COLD_MEBIBYTES), "nanoseconds": per_byte}


def _fastest(content: bytes, options: dict[str, str]) -> float:
    """Seconds of the fastest run."""
    interpreter = prepared(content, delegate_options=options)
    interpreter.invoke()
    fastest = float("inf")
    end = time.perf_counter() + _SECONDS
    runs = 0
    while runs < _RUNS or time.perf_counter() < end:
        start = time.perf_counter()
        interpreter.invoke()
        fastest = min(fastest, time.perf_counter() - start)
        runs += 1
    return fastest


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
