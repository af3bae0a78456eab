"""Writes the fuzzers' seeds, tf_ops/fuzz/corpus/.

From the repository's root:  PYTHONPATH=. python tf_ops/fuzz/make_corpus.py

One seed for each op case of the Python tests, and a chain of ops. The format of the delegate's
seeds is described in fuzz_delegate.cc.
"""

import re
import shutil
import struct
from pathlib import Path

import numpy as np
from flatbuffers import flexbuffers

from tests.lite import op_cases
from tests.lite.model_builder import output_types

FOLDER = Path(__file__).parent
TYPES = {np.float32: 0, np.int32: 1}
CONSTANT = 1


def _names(file, array):
    """The strings of an array in a C++ source file."""
    text = (FOLDER / file).read_text()
    return re.findall(r'"(\w*)"', re.search(rf"{array}\[\] = {{(.*?)}};", text, re.S).group(1))


OPS = _names("../ops/op.cc", "kOpNames")
KEYS = _names("fuzz_delegate.cc", "kKeys")


def _tensor(dtype, shape, constant_bytes=None):
    constant = constant_bytes is not None
    head = struct.pack("3B", TYPES[np.dtype(dtype).type], CONSTANT * constant, len(shape))
    size = struct.pack("<I", constant_bytes) if constant else b""
    return head + struct.pack(f"<{len(shape)}i", *shape) + b"\0\0" + size


def _array(value, constant):
    return _tensor(value.dtype, value.shape, value.nbytes if constant else None)


def _indices(values):
    return struct.pack(f"B{len(values)}b", len(values), *values)


def _node(name, inputs, outputs, options):
    node = struct.pack("B", OPS.index(name)) + _indices(inputs) + _indices(outputs)
    node += struct.pack("B", len(options))
    for key, value in options.items():
        real = isinstance(value, float)
        node += struct.pack("<BB" + "if"[real], KEYS.index(key), real, value)
    return node


def _graph(tensors, nodes, resize, registrations=0, threads=0, kernel=0):
    setup = struct.pack("3B", registrations, threads, kernel)
    parts = [len(tensors).to_bytes(), *tensors, len(nodes).to_bytes(), *nodes]
    return setup + b"".join(parts) + struct.pack("<BBi", *resize)


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


def main():
    """Replaces the corpus."""
    seeds = {"delegate": {"chain": chain_seed()}, "options": {}}
    for number, (name, case) in enumerate(op_cases.CASES.items()):
        slug = re.sub(r"\W+", "_", name)
        seeds["delegate"][slug] = case_seed(case, number)
        options = bytes(flexbuffers.Dumps(case.options))
        if options not in seeds["options"].values():
            seeds["options"][slug] = options
    shutil.rmtree(FOLDER / "corpus", ignore_errors=True)
    for kind, files in seeds.items():
        folder = FOLDER / "corpus" / kind
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
