"""Runs a .tflite file with the plugin in each runtime of this environment."""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

PLUGIN = Path(__file__).parents[2] / "keras_groupnet" / "runtime" / "libkeras_groupnet.so"


def _interpreter_and_loader(runtime):
    if runtime == "tf":
        tf = pytest.importorskip("tensorflow")
        return tf.lite.Interpreter, tf.lite.experimental.load_delegate
    name = {"litert": "ai_edge_litert", "tflite_runtime": "tflite_runtime"}[runtime]
    module = pytest.importorskip(f"{name}.interpreter")
    return module.Interpreter, module.load_delegate


def is_there(runtime):
    """Whether this environment has the runtime; importing it is left to the tests."""
    name = {"litert": "ai_edge_litert", "tf": "tensorflow", "tflite_runtime": "tflite_runtime"}
    return importlib.util.find_spec(name[runtime]) is not None


def load(model, runtime="litert", runtime_threads=None, **options):
    """Returns an interpreter of a model's bytes; `options` are the plugin's."""
    interpreter_class, load_delegate = _interpreter_and_loader(runtime)
    delegate = load_delegate(str(PLUGIN), options)
    return interpreter_class(
        model_content=model, num_threads=runtime_threads, experimental_delegates=[delegate]
    )


def kernels():
    """The names that the plugin offers on this machine, from its refusal of another."""
    with pytest.raises(ValueError, match="kernel=abacus") as refusal:
        load(b"", kernel="abacus")
    names = str(refusal.value).split("(")[1].split(")")[0].split(", ")
    assert "scalar" in names
    return names


def invoke(interpreter, inputs):
    """Resizes the inputs to the arrays', runs, and returns copies of all outputs."""
    entries = interpreter.get_input_details()
    for entry, value in zip(entries, inputs, strict=True):
        interpreter.resize_tensor_input(entry["index"], value.shape)
    interpreter.allocate_tensors()
    for entry, value in zip(entries, inputs, strict=True):
        interpreter.set_tensor(entry["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]


def assert_same(answered, expected):
    """The plugin's outputs equal the reference's, type, shape and bits."""
    assert len(answered) == len(expected)
    for a, e in zip(answered, expected, strict=True):
        assert a.dtype == e.dtype
        np.testing.assert_array_equal(a, e)
