"""Writes the fuzzers' seeds, tf_ops/fuzz/corpus/, and tf_ops/fuzz/op_options.inc.

From the repository's root:  PYTHONPATH=. python tests/fuzz/make_corpus.py

One seed for each op case of the Python tests, and chains of ops. The format of the delegate's
seeds is described in fuzz_delegate.cc.
"""

import re
import shutil
import struct
from pathlib import Path

import numpy as np
from flatbuffers import flexbuffers

from keras_groupnet.conversion.weights import huffman
from tests.runtime import op_cases
from tests.runtime.model_builder import output_types

FOLDER = Path(__file__).parents[2] / "tf_ops" / "fuzz"
TYPES = {np.float32: 0, np.int32: 1, np.int8: 2, np.bool_: 3}
CONSTANT = 1

_WINDOW = ("stride_height", "stride_width", "dilation_height", "dilation_width", "padding")
_MATMUL = ("pre_activation", "activation", "float_output", "out_bits", "out_scale")
_LIMITS = ("activation_min", "activation_max")
_POOL = ("filter_height", "filter_width", "stride_height", "stride_width", "padding")
# The options of each op in the order of its seeds; those that end in "scale", "min" or
# "max" are real. The fuzzer knows ops by their position: append new ones.
OPS = {
    "KgnQuantize": ("version", "bits", "scale"),
    "KgnConv2D": (
        *("version", "bits", "channels_in", "groups", *_WINDOW),
        *("pad_value", *_MATMUL, "compression", *_LIMITS),
    ),
    "KgnDense": ("version", "bits", "channels_in", *_MATMUL, *_LIMITS),
    "KgnMaxPool2D": ("version", "bits", "channels", *_POOL),
    "KgnDequantize": ("version", "bits", "channels", "scale"),
    "LceQuantize": (),
    "LceBconv2d": (
        *("channels_in", "stride_height", "stride_width"),
        *("dilation_height_factor", "dilation_width_factor"),
        *("padding", "pad_values", "fused_activation_function"),
    ),
    "LceBMaxPool2d": _POOL,
    "LceDequantize": (),
    "KgnScaleMap": ("version", "kernel_height", "kernel_width", *_WINDOW),
}


def op_options():
    """OPS for the fuzzer: the text of op_options.inc."""
    lines = [
        "// Written by tests/fuzz/make_corpus.py: the options of each op, in the seeds' order."
    ]
    for name, keys in OPS.items():
        lines += [f'{{"{name}", {{', *(f'     "{key}",' for key in keys), " }},"]
    return "\n".join(lines) + "\n"


def _number(value):
    if 0 <= value < 192:
        return struct.pack("B", value)
    return struct.pack("<Bi", 255, value)


def _real(value):
    if np.isfinite(value) and value * 8 == int(value * 8) in range(255):
        return struct.pack("B", int(value * 8))
    return struct.pack("<Bf", 255, value)


def _tensor(dtype, shape, constant=False, scale=0.0):
    head = struct.pack("3B", TYPES[np.dtype(dtype).type], CONSTANT * constant, len(shape))
    extents = b"".join(map(_number, shape))
    return head + extents + b"\0" + _real(scale) + b"\0" * constant


def _array(value, constant):
    return _tensor(value.dtype, value.shape, constant)


def _indices(values):
    return bytes([len(values), *(value + 1 for value in values)])


def _node(name, inputs, outputs, options):
    keys = OPS[name]
    missing = set(keys) ^ set(options)  # those of later versions, which must be left out
    assert missing <= {"compression", *_LIMITS}  # noqa: S101
    values = [
        (_real if key.endswith(("scale", "min", "max")) else _number)(options.get(key, 0))
        for key in keys
    ]
    head = bytes([list(OPS).index(name)]) + _indices(inputs) + _indices(outputs)
    left_out = [keys.index(key) for key in keys if key in missing]
    return head + b"".join(values) + bytes([len(left_out), *left_out])


def _graph(tensors, nodes, resize, registrations=0, threads=0, kernel=0):
    parts = [bytes([len(tensors)]), *tensors, bytes([len(nodes)]), *nodes]
    return bytes([registrations, threads, kernel]) + b"".join(parts) + bytes(resize)


def case_seed(case, number):
    """One op; how it is run varies with `number`."""
    tensors, inputs = [], []
    for position, value in enumerate(case.inputs):
        inputs.append(-1 if value is None else len(tensors))
        if value is not None:
            tensors.append(_array(value, position in case.constants))
    outputs = []
    for dtype in output_types(case.name, case.options):
        outputs.append(len(tensors))
        tensors.append(_tensor(dtype, ()))
    node = _node(case.name, inputs, outputs, case.options)
    return _graph(tensors, [node], (0, 0, 1 + number % 3), number % 2, number // 2 % 2, number % 4)


def chain_seed():
    """Quantize -> conv to 2 bits -> max pool -> conv -> quantize -> dequantize."""
    first = op_cases.conv2d(channels_in=35, channels_out=40, float_output=0, out_bits=2)
    pool = op_cases.max_pool(bits=2, shape=(1, 7, 6, 40))
    second = op_cases.conv2d(bits=2, channels_in=40, channels_out=33, size=(1, 4, 3))
    quantize = {"version": 1, "bits": 1, "scale": 1.0}
    dequantize = {"version": 1, "bits": 1, "channels": 33, "scale": 1.0}
    tensors = [_tensor(np.float32, (1, 7, 6, 35))]
    tensors += [_tensor(np.int32, ()) for _ in range(3)]
    tensors += [_array(value, True) for value in first.inputs[1:4] + second.inputs[1:4]]
    tensors += [_tensor(dtype, ()) for dtype in (np.float32, np.int32, np.float32)]
    nodes = [
        _node("KgnQuantize", [0], [1], quantize),
        _node("KgnConv2D", [1, 4, 5, 6], [2], {**first.options, "out_scale": 1.5}),
        _node("KgnMaxPool2D", [2], [3], pool.options),
        _node("KgnConv2D", [3, 7, 8, 9], [10], second.options),
        _node("KgnQuantize", [10], [11], quantize),
        _node("KgnDequantize", [11], [12], dequantize),
    ]
    return _graph(tensors, nodes, (0, 0, 2), threads=1)


def lce_seeds():
    """Larq's ops: a chain of them for each output type of the convolution."""
    conv = {
        "channels_in": 35,
        "stride_height": 1,
        "stride_width": 2,
        "dilation_height_factor": 1,
        "dilation_width_factor": 1,
        "padding": 0,
        "pad_values": 1,
        "fused_activation_function": 1,
    }
    pool = {
        "filter_height": 2,
        "filter_width": 3,
        "stride_height": 2,
        "stride_width": 1,
        "padding": 1,
    }
    seeds = {}
    for number, dtype in enumerate((np.float32, np.int8, np.int32)):
        packed = dtype is np.int32
        tensors = [
            _tensor(np.int8 if number == 1 else np.float32, (2, 7, 6, 35)),
            _tensor(np.int32, ()),
            _tensor(np.int32, (10, 3, 3, 2), True),
            *([_tensor(np.float32, (10,), True)] * 2),
            _tensor(np.int32, (10,), True),
            _tensor(dtype, (), scale=0.5),
            _tensor(np.int32, ()),
            _tensor(np.int32, ()),
            _tensor((np.float32, np.int8, np.bool_)[number], (1, 1, 1, 10), scale=0.5),
        ]
        inputs = [1, 2, -1, -1, 5] if packed else [1, 2, 3, 4, -1]
        nodes = [
            _node("LceQuantize", [0], [1], {}),
            _node("LceBconv2d", inputs, [6], {**conv, "pad_values": number % 2}),
            *([] if packed else [_node("LceQuantize", [6], [7], {})]),
            _node("LceBMaxPool2d", [6 if packed else 7], [8], pool),
            _node("LceDequantize", [8], [9], {}),
        ]
        seeds[f"lce_{dtype.__name__}"] = _graph(tensors, nodes, (0, 0, 3), number % 2)
    return seeds


def huffman_seeds():
    """Streams of few and of many symbols."""
    random = np.random.default_rng(0)
    seeds = {}
    for name, channels_out, depth, symbols in (
        ("one", 2, 40, [371]),
        ("two", 3, 5, [0, 511]),
        ("some", 16, 33, random.integers(0, 512, 20)),
        ("all", 32, 64, np.arange(512)),
    ):
        drawn = random.choice(symbols, channels_out * depth)
        head = struct.pack("<HH", channels_out, depth)
        seeds[name] = head + huffman.encode(drawn).astype("<i4").tobytes()
    return seeds


def corpus():
    """All files below tf_ops/fuzz/corpus/: path to content."""
    seeds = {"delegate": {"chain": chain_seed(), **lce_seeds()}, "options": {}}
    seeds["huffman"] = huffman_seeds()
    for number, (name, case) in enumerate(op_cases.CASES.items()):
        slug = re.sub(r"\W+", "_", name)
        seeds["delegate"][slug] = case_seed(case, number)
        options = bytes(flexbuffers.Dumps(case.options))
        if options not in seeds["options"].values():
            seeds["options"][slug] = options
    return {
        f"{kind}/{name}": content
        for kind, files in seeds.items()
        for name, content in files.items()
    }


def main():
    """Replaces the corpus and the fuzzer's list of options."""
    (FOLDER / "op_options.inc").write_text(op_options())
    shutil.rmtree(FOLDER / "corpus", ignore_errors=True)
    for name, content in corpus().items():
        path = FOLDER / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
