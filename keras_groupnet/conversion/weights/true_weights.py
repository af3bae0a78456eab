"""`to_binary`: the true weights of a model's binary layers, for programs of one's own."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_groupnet.atomic_file import check_folder, write_atomically
from keras_groupnet.conversion.converter import convert
from keras_groupnet.conversion.export.origin import Origin
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    BIAS,
    KERNEL_OPS,
    MULTIPLIER,
    OFFSET,
    PIXEL_SCALE,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
    SECOND_ADDEND,
    SLOPE,
)
from keras_groupnet.conversion.weights.bitpack import unpack_kernel
from keras_groupnet.conversion.weights.c_header import c_header
from keras_groupnet.conversion.weights.thresholds import thresholds

_VECTORS = {
    "multiplier": MULTIPLIER,
    "bias": BIAS,
    "addend_multiplier": ADDEND_MULTIPLIER,
    "quantize_multiplier": QUANTIZE_MULTIPLIER,
    "quantize_bias": QUANTIZE_BIAS,
    "slope": SLOPE,
    "offset": OFFSET,
}
_RUN_TIME_INPUTS = {
    "has_pixel_scale": PIXEL_SCALE,
    "has_addend": ADDEND,
    "has_second_addend": SECOND_ADDEND,
}
_REAL = ("out_scale", "activation_min", "activation_max")
_COMMENT = """Binary layers, by keras_groupnet.to_binary; docs/true_weights.md has the arithmetic.
   packed[C_out][kernel_height][kernel_width][words]: channel i of a group is bit i % 32 (lowest
   first) of word i / 32; the bit is 1 iff the weight is -1; bits of further channels are 0.
   1-bit activations a are packed likewise: acc = n - 2 * popcount(a ^ packed), n products.
   y = multiplier * acc + bias, two roundings; code = number of k with
   direction[o] * acc >= thresholds[o][k], where there are thresholds."""


def to_binary(
    model: keras.Model,
    path: str | os.PathLike | Sequence[str | os.PathLike] | None = None,
    *,
    inputs: Any = None,
) -> dict[str, dict[str, np.ndarray]]:
    """Gives the ±1 kernels, scales, biases and thresholds of a model's binary layers.

    They are those of the converted file, so batch norm, scales and ReLU are folded as
    docs/ops.md says, and what is computed from them equals the interpreter bit for bit:

        acc = Σ a * kernel                       a whole number; the a are ±1, or codes 0, 1, 2, ...
        v = acc                                  as float32; max(v, 0) if pre_activation
        y = multiplier * v + bias                two float32 roundings; max(y, 0) if activation = 1
        q = y                                    or quantize_multiplier * y + quantize_bias
        code = number of k with direction * acc >= thresholds[:, k]   the quantized q

    For 1-bit outputs code 0 is -1 and code 1 is +1. The whole arithmetic with scale maps and
    skips is in docs/true_weights.md. Layers with float activations have float sums, which differ in
    the last places with their order.

    Args:
        model: a model that `convert` takes; it is not changed.
        path: a file to write, or several: `.npz` (an array is called LAYER/NAME) or `.h` (C99: the
            packed words instead of `kernel`).
        inputs: what model and file are compared on, as in `convert`.

    Returns:
        For each binary layer, in the order of execution and by the Keras layer's name (NAME_2, ...
        for its further kernels or calls), a dict of arrays:

        * `kernel`: int8 ±1, `[kh, kw, C_in / groups, C_out]`, of a dense layer `[C_in, C_out]`;
        * `packed`: the same as uint32 words, `[C_out, kh, kw, words]` or `[C_out, words]`;
        * `multiplier`, `bias`: float32 `[C_out]`; where the layer has them also
          `addend_multiplier`, `quantize_multiplier` and `quantize_bias`, `slope` and `offset`;
        * `thresholds`: int32 `[C_out, 2^out_bits - 1]` and `direction`: int8 `[C_out]`, if input
          and output are packed, nothing is multiplied or added at run time and no slope is below 0;
        * the op's options (docs/ops.md) and `has_pixel_scale`, `has_addend`, `has_second_addend`
          as scalars.

    Raises:
        ConversionError: a layer would stay float, or the file computes something else than Keras.
        ValueError: the model does not fit, or a path ends in something else.
    """
    if path is None:
        targets = []
    else:
        targets = [Path(p) for p in ([path] if isinstance(path, (str, os.PathLike)) else path)]
    for target in targets:
        if target.suffix not in (".npz", ".h"):
            raise ValueError(
                f"Expected `path` to end in .npz or .h. Received: path={str(target)!r}"
            )
    for target in targets:
        check_folder(target)
    graph = Graph(convert(model, inputs=inputs).content)
    layers: dict[str, dict[str, np.ndarray]] = {}
    for op in graph.of_kind(*KERNEL_OPS):
        origin = Origin.of(graph.name(op.inputs[1]))
        layer = name = graph.name(op.inputs[1]) if origin is None else origin.layer
        number = 1
        while name in layers:
            number += 1
            name = f"{layer}_{number}"
        layers[name] = _arrays(graph, op)
    for target in targets:
        content = _npz(layers) if target.suffix == ".npz" else _header(target.stem, layers)
        write_atomically(target, content)
    return layers


def _arrays(graph: Graph, op: Op) -> dict[str, np.ndarray]:
    packed = graph.value(op.inputs[1])
    depth = op.options["channels_in"] // op.options.get("groups", 1)
    arrays: dict[str, np.ndarray] = {
        "kernel": unpack_kernel(packed, depth).astype(np.int8),
        "packed": packed.view(np.uint32),
    }
    for name, position in _VECTORS.items():
        if op.input(position) != ABSENT:
            arrays[name] = graph.value(op.inputs[position])
    at_run_time = {name: op.input(at) != ABSENT for name, at in _RUN_TIME_INPUTS.items()}
    packed_only = op.options["bits"] != 32 and op.options["out_bits"]
    monotone = "slope" not in arrays or bool((arrays["slope"] >= 0).all())
    if packed_only and monotone and not any(at_run_time.values()):
        arrays["thresholds"], arrays["direction"] = thresholds(op.options, arrays)
    for name, value in (op.options | at_run_time).items():
        if name != "version" and np.isfinite(value):  # infinite limits limit nothing
            arrays[name] = np.array(value, np.float32 if name in _REAL else np.int32)
    return arrays


def _npz(layers: dict[str, dict[str, np.ndarray]]) -> bytes:
    flat = {f"{layer}/{name}": a for layer, arrays in layers.items() for name, a in arrays.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **flat)  # type: ignore[arg-type]
    return buffer.getvalue()


def _header(title: str, layers: dict[str, dict[str, np.ndarray]]) -> bytes:
    kept = {
        layer: {
            "channels_out": np.array(arrays["kernel"].shape[-1], np.int32),
            "kernel_height": np.array(_window(arrays)[0], np.int32),
            "kernel_width": np.array(_window(arrays)[1], np.int32),
            "words": np.array(arrays["packed"].shape[-1], np.int32),
        }
        | {name: value for name, value in arrays.items() if name != "kernel"}
        for layer, arrays in layers.items()
    }
    return c_header(title, _COMMENT, kept).encode()


def _window(arrays: dict[str, np.ndarray]) -> tuple[int, ...]:
    """Height and width of the kernel; 1, 1 for a dense layer."""
    return arrays["kernel"].shape[:2] if arrays["kernel"].ndim == 4 else (1, 1)
