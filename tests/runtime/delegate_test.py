"""The plugin in stock interpreters against the numpy restatement of docs/ops.md."""

import subprocess
import sys

import numpy as np
import pytest
from flatbuffers import flexbuffers

from tests.runtime import op_cases, reference_ops
from tests.runtime.model_builder import ModelBuilder
from tests.runtime.op_cases import CASES
from tests.runtime.runners import PLUGIN, assert_same, invoke, kernels, load


@pytest.mark.parametrize("name", CASES)
def test_op(name):
    case = CASES[name]
    assert_same(invoke(load(case.model), case.run_time_inputs), case.expected)


def test_every_kernel_gives_the_same_bits():
    names = ["conv 2 groups", "conv everything", "conv 32 bits, pad +1", "quantize 2 bits, affine"]
    names += [name for name in CASES if name.startswith("conv compressed")]
    for kernel in kernels():
        for case in map(CASES.get, names):
            answered = invoke(load(case.model, kernel=kernel), case.run_time_inputs)
            assert_same(answered, case.expected)


@pytest.mark.parametrize(
    "options",
    [{"num_threads": "3"}, {"runtime_threads": 3}, {"num_threads": "-1", "runtime_threads": 2}],
)
def test_threads_change_nothing(options):
    for name in ("conv everything", "quantize 1 bit", "max pool 2 bits, valid", "dense scale"):
        case = CASES[name]
        assert_same(invoke(load(case.model, **options), case.run_time_inputs), case.expected)


def _chain(batch=1):
    """Quantize -> conv to 2 bits -> max pool -> conv + addend -> float ADD -> quantize, dequantize.

    Returns the model and a function that gives the expected outputs for an input.
    """
    random = np.random.default_rng(5)
    first = op_cases.conv2d(
        channels_in=35, channels_out=40, pad_value=1, float_output=0, out_bits=2, out_scale=1.5
    )
    pool = op_cases.max_pool(bits=2, shape=(1, 7, 6, 40))
    second = op_cases.conv2d(bits=2, channels_in=40, channels_out=33, size=(1, 4, 3))
    offset = random.standard_normal((1, 1, 1, 33)).astype(np.float32)
    quantize = {"version": 1, "bits": 1, "scale": 1.0}
    dequantize = {"version": 1, "bits": 1, "channels": 33, "scale": 1.0}

    builder = ModelBuilder()
    x = builder.input((batch, 7, 6, 35), signature=(-1, 7, 6, 35))
    packed, codes, pooled = (builder.tensor(dtype=np.int32) for _ in range(3))
    builder.custom("KgnQuantize", [x], [packed], quantize)
    constants = [builder.constant(value) for value in first.inputs[1:4]]
    builder.custom("KgnConv2D", [packed, *constants], [codes], first.options)
    builder.custom("KgnMaxPool2D", [codes], [pooled], pool.options)
    constants = [builder.constant(value) for value in second.inputs[1:4]]
    y = builder.tensor((batch, 4, 3, 33))
    builder.custom("KgnConv2D", [pooled, *constants], [y], second.options)
    total = builder.tensor((batch, 4, 3, 33))
    builder.add([y, builder.constant(offset)], total)
    signs, values = builder.tensor(dtype=np.int32), builder.tensor()
    builder.custom("KgnQuantize", [total], [signs], quantize)
    builder.custom("KgnDequantize", [signs], [values], dequantize)

    def expected(images):
        (a,) = reference_ops.kgn_quantize(images, **quantize)
        (a,) = reference_ops.kgn_conv2d(a, *first.inputs[1:4], **first.options)
        (a,) = reference_ops.kgn_max_pool_2d(a, **pool.options)
        (a,) = reference_ops.kgn_conv2d(a, *second.inputs[1:4], **second.options)
        total = a + offset
        (a,) = reference_ops.kgn_quantize(total, **quantize)
        return [*reference_ops.kgn_dequantize(a, **dequantize), total]

    return builder.finish([values, total]), expected


def _images(batch, seed=0):
    return np.random.default_rng(seed).standard_normal((batch, 7, 6, 35)).astype(np.float32)


@pytest.mark.parametrize("runtime", ["litert", "tf"])
def test_chain_of_our_ops_and_theirs_resized(runtime):
    model, expected = _chain()
    interpreter = load(model, runtime)
    for batch in (1, 5, 2):
        images = _images(batch, batch)
        assert_same(invoke(interpreter, [images]), expected(images))


def test_two_interpreters_take_turns():
    model, expected = _chain()
    interpreters = [load(model), load(model, num_threads="2")]
    for interpreter in interpreters:
        interpreter.allocate_tensors()
    for seed in range(3):
        for interpreter in interpreters:
            images = _images(1, seed)
            assert_same(invoke(interpreter, [images]), expected(images))


def test_an_output_that_nobody_reads():
    case = op_cases.conv2d(out_bits=2, out_scale=3.0)
    builder = ModelBuilder()
    x = builder.input(case.inputs[0].shape, np.int32)
    constants = [builder.constant(value) for value in case.inputs[1:]]
    unread, packed = builder.tensor(), builder.tensor(dtype=np.int32)
    builder.custom("KgnConv2D", [x, *constants], [unread, packed], case.options)
    answered = invoke(load(builder.finish([packed])), case.inputs[:1])
    assert_same(answered, case.expected[1:])


def test_profile_is_printed_when_the_delegate_ends(tmp_path):
    model, _ = _chain()
    (tmp_path / "model.tflite").write_bytes(model)
    script = (
        "import sys; from ai_edge_litert.interpreter import Interpreter, load_delegate\n"
        "delegate = load_delegate(sys.argv[1], {'profile': '1'})\n"
        "interpreter = Interpreter(sys.argv[2], experimental_delegates=[delegate])\n"
        "interpreter.allocate_tensors()\n"
        "for _ in range(3): interpreter.invoke()\n"
        "del interpreter, delegate\n"
    )
    command = [sys.executable, "-c", script, str(PLUGIN), str(tmp_path / "model.tflite")]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rows = [line.split() for line in table.splitlines() if line.startswith(("Kgn", "all"))]
    names = ["KgnQuantize", "KgnConv2D", "KgnMaxPool2D", "KgnConv2D", "KgnQuantize"]
    assert [row[0] for row in rows] == [*names, "KgnDequantize", "all"]
    assert rows[1][-4] == "3" and rows[-1][-4] == "18"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "red"}, "num_threads, kernel or profile. Received: colour=red"),
        ({"num_threads": "0"}, "Received: num_threads=0"),
        ({"num_threads": "two"}, "Received: num_threads=two"),
        ({"profile": "yes"}, "Received: profile=yes"),
        ({"kernel": "abacus"}, "Received: kernel=abacus"),
    ],
)
def test_bad_plugin_options(options, message):
    with pytest.raises(ValueError, match=message):
        load(CASES["conv 1x1"].model, **options)


def _changed(case, inputs=None, **options):
    merged = {key: v for key, v in {**case.options, **options}.items() if v is not None}
    return op_cases.Case(case.name, inputs or case.inputs, merged, case.constants)


def _with_input(position, value):
    inputs = list(CASES["conv 1x1"].inputs)
    inputs[position] = value
    return inputs


CONV = CASES["conv 1x1"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (_changed(CONV, version=4), "install a newer keras_groupnet"),
        (_changed(CONV, version=2), "'compression', which is missing"),
        (_changed(CONV, compression=1), "unknown option. Received: compression=1"),
        (_changed(CONV, version=2, compression=1), r"weights of shape .-1."),
        (_changed(CASES["conv compressed"], channels_in=99), "compressed weights: expected"),
        (_changed(CONV, bits=3), "1, 2, 4, 32. Received: bits=3"),
        (_changed(CONV, bits=None), "'bits', which is missing"),
        (_changed(CONV, colour=1), "unknown option. Received: colour=1"),
        (_changed(CONV, bits=2, pad_value=1), "Received: pad_value=1, bits=2"),
        (_changed(CONV, channels_in=65), r"Received: shape=\[64, 1, 1, 2\]"),
        (_changed(CONV, groups=3), "Received: groups=3, channels_in=64"),
        (_changed(CONV, padding="same"), "FlexBuffer type 5"),
        (_changed(CONV, stride_width=1.5), "Received: stride_width=1.5"),
        (_changed(CONV, _with_input(2, np.ones(3, np.float32))), r"multiplier of shape \[64\]"),
        (_changed(CONV, _with_input(0, np.ones((2, 7, 6, 2), np.float32))), "of type int32"),
        (_changed(CONV, _with_input(3, None)), "bias .input 3., which is absent"),
    ],
)
def test_malformed_ops_are_refused(case, message):
    with pytest.raises(RuntimeError, match=f"KgnConv2D.*{message}"):
        load(case.model).allocate_tensors()


def test_wrong_number_of_outputs_is_refused():
    builder = ModelBuilder()
    x = builder.input((1, 4))
    outputs = [builder.tensor(dtype=np.int32), builder.tensor(dtype=np.int32)]
    builder.custom("KgnQuantize", [x], outputs, {"version": 1, "bits": 1, "scale": 1.0})
    with pytest.raises(RuntimeError, match="expected 1 output tensors. Received: 2"):
        load(builder.finish(outputs)).allocate_tensors()


def test_damaged_options_never_crash():
    """Whatever the bytes, the answer is an error or, where the damage hits nothing, a run."""
    random = np.random.default_rng(11)
    case = CASES["conv 1x1"]
    good, options = case.model, bytes(flexbuffers.Dumps(case.options))
    start = good.index(options)
    refused = 0
    for _ in range(200):
        damaged = bytearray(good)
        for _ in range(3):
            damaged[start + random.integers(0, len(options))] = random.integers(0, 256)
        try:
            invoke(load(bytes(damaged)), case.run_time_inputs)
        except (RuntimeError, ValueError):
            refused += 1
    assert refused > 100
