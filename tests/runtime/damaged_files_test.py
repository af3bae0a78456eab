"""Damaged files are refused with a message or run; they never take the process down.

A child process loads, prepares and runs seeded mutations of the golden files, so that a crash is
seen as a failure. `python -m tests.runtime.damaged_files_test FAMILY FIRST LAST` is that child; it
prints each mutation before it tries it.
"""

import subprocess
import sys
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from tests.runtime.runners import PLUGIN, load

ROOT = Path(__file__).parents[2]
FAMILIES = {
    "ours": "v1",
    "ours_2": "v2",
    "ours_3": "v3",
    "scale_map": "v1_scale_map",
    "larq": "lce",
    "nets": "models",
}
MUTATIONS = 300  # of each family

# Extents, strides, channels, ... as nobody means them.
NUMBERS = [-(2**31), -1, 0, 1, 2, 3, 31, 33, 255, 1024, 2**15, 2**15 + 1, 2**20, 2**24, 2**31 - 1]
# Extents of a tensor that the runtime itself gives memory.
EXTENTS = [0, 1, 2, 3, 5, 31, 33, 64]
TYPES = [getattr(schema.TensorType, name) for name in ("FLOAT32", "INT32", "INT8", "BOOL", "INT64")]


def _ours(model):
    """The operators that the plugin runs; the runtime's own are not on trial."""
    codes = model.operatorCodes
    return [
        operator
        for operator in model.subgraphs[0].operators
        if (codes[operator.opcodeIndex].customCode or b"").startswith((b"Kgn", b"Lce"))
    ]


def _pick(random, values):
    return values[random.integers(len(values))]


def _change_option(random, model, operator):
    options = flexbuffers.Loads(bytes(operator.customOptions)) if _has_options(operator) else {}
    if not options:
        return _change_bytes(random, model, operator)
    key = _pick(random, sorted(options))
    change = random.integers(4)
    if change == 0:
        del options[key]
    elif change == 1:
        options[key] = float(_pick(random, [0.0, -1.0, 0.5, float("nan"), float("inf"), 1e30]))
    else:
        options[key] = _pick(random, NUMBERS)
    operator.customOptions = np.frombuffer(bytes(flexbuffers.Dumps(options)), np.uint8)
    return f"option {key}={options.get(key, 'missing')}"


def _has_options(operator):
    return operator.customOptions is not None and len(operator.customOptions) > 0


def _change_bytes(random, model, operator):
    """Damages the options' encoding."""
    if not _has_options(operator):
        operator.customOptions = random.integers(0, 256, 9).astype(np.uint8)
        return "options of noise"
    data = np.array(operator.customOptions)
    if random.integers(3) == 0:
        operator.customOptions = data[: random.integers(len(data))]
        return "options cut"
    for _ in range(random.integers(1, 4)):
        data[random.integers(len(data))] = random.integers(256)
    operator.customOptions = data
    return "bytes of the options"


def _tensor_of(random, model, operator, constant):
    """A tensor that the operator touches; its constants only, or anything but constants."""
    tensors = [
        model.subgraphs[0].tensors[index]
        for index in [*operator.inputs, *operator.outputs]
        if index >= 0
    ]
    wanted = [t for t in tensors if (model.buffers[t.buffer].data is not None) == constant]
    return _pick(random, wanted or tensors)


def _change_shape(random, model, operator):
    constant = bool(random.integers(2))
    tensor = _tensor_of(random, model, operator, constant)
    shape = [] if tensor.shape is None else [int(extent) for extent in tensor.shape]
    change = random.integers(4)
    if change == 0 or not shape:
        shape.insert(random.integers(len(shape) + 1), 1)
    elif change == 1:
        shape.pop(random.integers(len(shape)))
    else:
        shape[random.integers(len(shape))] = _pick(random, NUMBERS if constant else EXTENTS)
    tensor.shape = np.array(shape, np.int32)
    tensor.shapeSignature = None
    return f"shape {shape}"


def _change_constant(random, model, operator):
    tensor = _tensor_of(random, model, operator, True)
    buffer = model.buffers[tensor.buffer]
    if buffer.data is None:
        return _change_shape(random, model, operator)
    data = np.array(buffer.data)
    if random.integers(2):
        buffer.data = data[: random.integers(len(data) + 1)]
        return f"constant cut to {len(buffer.data)} of {len(data)} bytes"
    buffer.data = random.integers(0, 256, len(data)).astype(np.uint8)
    return "constant of noise"


def _change_type(random, model, operator):
    tensor = _tensor_of(random, model, operator, bool(random.integers(2)))
    tensor.type = _pick(random, TYPES)
    return f"type {tensor.type}"


def _change_inputs(random, model, operator):
    inputs = [int(index) for index in operator.inputs]
    change = random.integers(4)
    if change == 0 and inputs:
        inputs.pop()
    elif change == 1:
        inputs.append(-1)
    elif inputs:
        # Only what is there when the operator runs: the runtime checks no order.
        inputs[random.integers(len(inputs))] = _pick(random, [-1, *inputs])
    operator.inputs = np.array(inputs, np.int32)
    return f"inputs {inputs}"


def _change_outputs(random, model, operator):
    outputs = [int(index) for index in operator.outputs]
    operator.outputs = np.array(_pick(random, [outputs[:-1], outputs * 2]), np.int32)
    return f"outputs {list(operator.outputs)}"


MUTATORS = [_change_option] * 4 + [
    _change_bytes,
    _change_shape,
    _change_shape,
    _change_constant,
    _change_type,
    _change_inputs,
    _change_outputs,
]


def _damaged(path, random):
    """Returns a mutated file and what was done to it."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    operator = _pick(random, _ours(model))
    picked = {_pick(random, MUTATORS) for _ in range(random.integers(1, 3))}
    # In the order of the list: options cannot be read once their bytes are damaged.
    done = [mutate(random, model, operator) for mutate in sorted(picked, key=MUTATORS.index)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output()), ", ".join(done)


def _try(content, threads):
    """Loads, prepares and runs a file; what stops it must say why."""
    try:
        interpreter = load(content, num_threads=threads)
        interpreter.allocate_tensors()
        interpreter.invoke()
        for entry in interpreter.get_output_details():
            interpreter.get_tensor(entry["index"])
    except (RuntimeError, ValueError) as error:
        assert str(error)
        return f"refused: {str(error).splitlines()[0]}"
    return "ran"


def _child(family, first, last):
    files = sorted((ROOT / "tests" / "golden" / FAMILIES[family]).glob("*.tflite"))
    for number in range(first, last):
        random = np.random.default_rng([number, sorted(FAMILIES).index(family)])
        path = _pick(random, files)
        content, done = _damaged(path, random)
        print(f"{number} {path.name}: {done}", flush=True)
        print(_try(content, str(1 + number % 2)), flush=True)


@pytest.mark.skipif(not PLUGIN.is_file(), reason="the plugin is not built")
@pytest.mark.parametrize("family", FAMILIES)
def test_damaged_files_do_not_crash(family):
    child = subprocess.run(
        [sys.executable, "-m", "tests.runtime.damaged_files_test", family, "0", str(MUTATIONS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    lines = child.stdout.splitlines()
    assert child.returncode == 0, f"{lines[-1:]}\n{child.stderr[-2000:]}"
    ran = lines.count("ran")
    refused = [line for line in lines if line.startswith("refused: ")]
    assert ran + len(refused) == MUTATIONS
    # Often, else the mutations are too harsh or too mild to say anything.
    assert ran > MUTATIONS // 20
    by_us = [line for line in refused if line.startswith(("refused: Kgn", "refused: Lce"))]
    assert len(by_us) > MUTATIONS // 3


if __name__ == "__main__":
    _child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
