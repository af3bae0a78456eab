"""The stock TFLite interpreters with our delegate."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from keras_groupnet.runtime.delegate import delegate_path
from keras_groupnet.runtime.signature import OUTPUT_MARK, outputs_of

_MODULES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tf": ("tensorflow.lite.python.interpreter", "tensorflow"),
    "tflite_runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
}


def _runtime_module(runtime: str):
    if runtime != "auto" and runtime not in _MODULES:
        raise ValueError(
            f"Expected `runtime` to be 'auto' or one of {sorted(_MODULES)}. "
            f"Received: runtime={runtime!r}"
        )
    wanted = list(_MODULES) if runtime == "auto" else [runtime]
    for name in wanted:
        with contextlib.suppress(ModuleNotFoundError):
            if name == "tf":
                return import_module("tensorflow").lite
            return import_module(_MODULES[name][0])
    packages = " or ".join(_MODULES[name][1] for name in wanted)
    raise ModuleNotFoundError(
        f"No TFLite runtime found for runtime={runtime!r}. Install {packages}."
    )


class Interpreter:
    """Runs a `.tflite` file in an unmodified interpreter through our delegate.

    Every method of the runtime's own `Interpreter` is available too (`allocate_tensors`,
    `get_input_details`, `set_tensor`, `invoke`, `get_tensor`, `resize_tensor_input`, …).

    Args:
        model: path of a `.tflite` file, or its content as bytes.
        num_threads: threads for our ops and for the runtime's own.
        runtime: `"litert"` (ai-edge-litert), `"tf"` (TensorFlow's), `"tflite_runtime"`
            (needs numpy < 2), or `"auto"`: the first of these that is installed.
        delegate_options: options of the plugin, e.g. `{"kernel": "scalar", "profile": "1"}`.

    Raises:
        FileNotFoundError: no such model, or the plugin was not built.
        ModuleNotFoundError: the runtime is not installed.
        ValueError: unknown runtime, or an option that the plugin refuses.
    """

    def __init__(
        self,
        model: str | Path | bytes,
        num_threads: int = 1,
        runtime: str = "auto",
        delegate_options: dict[str, str] | None = None,
    ):
        if num_threads < 1:
            raise ValueError(f"Expected `num_threads` >= 1. Received: num_threads={num_threads}")
        module = _runtime_module(runtime)
        load_delegate: Callable[..., Any] = (
            module.experimental.load_delegate
            if hasattr(module, "experimental")
            else module.load_delegate
        )
        options = {"num_threads": str(num_threads)} | (delegate_options or {})
        # The delegate must outlive the interpreter that uses it.
        self._delegate = load_delegate(delegate_path(), options)
        source: dict[str, Any] = {"model_content": model}
        if not isinstance(model, bytes):
            if not Path(model).is_file():
                raise FileNotFoundError(f"Expected a .tflite file. Received: model={str(model)!r}")
            source = {"model_path": str(model)}
        self._interpreter = module.Interpreter(
            **source, num_threads=num_threads, experimental_delegates=[self._delegate]
        )
        self._interpreter.allocate_tensors()

    def __getattr__(self, name: str):
        """Hands everything else to the runtime's interpreter."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._interpreter, name)

    def predict(self, inputs: Any, batch_size: int = 32) -> Any:
        """Runs the model on any number of samples.

        Args:
            inputs: array `[N, ...]`; for several inputs a list of arrays in the model's order, or a
                dict by the names of the inputs. Real numbers are quantized for an int8 input;
                integers are taken as they are.
            batch_size: samples an invocation, for a file with a dynamic batch; a file converted for
                a fixed batch runs in batches of that size.

        Returns:
            The output `[N, ...]`, float also where the file's is int8; in the structure of the
            Keras model's outputs, a list or dict, if there are several.

        Raises:
            ValueError: the inputs do not fit, or N is not a multiple of a fixed batch.
        """
        entries = self._interpreter.get_input_details()
        arrays = [
            quantized_input(array, entry)
            for array, entry in zip(self._in_order(inputs, entries), entries, strict=True)
        ]
        for array, entry in zip(arrays, entries, strict=True):
            _check_shape(array, entry)
        count = len(arrays[0])
        if any(len(array) != count for array in arrays):
            raise ValueError(
                "Expected as many samples of each input. Received: "
                f"{[len(array) for array in arrays]}"
            )
        fixed = int(entries[0]["shape_signature"][0])
        if fixed > 0 and count % fixed:
            raise ValueError(
                f"The file has a fixed batch of {fixed}; expected a multiple of it. "
                f"Received: {count} samples. Convert with batch_size=None for any number."
            )
        step = fixed if fixed > 0 else batch_size
        parts = [
            self._run(entries, [array[start : start + step] for array in arrays])
            for start in range(0, count, step)
        ]
        outputs = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
        names = self._signature("outputs")
        details = self._interpreter.get_output_details()
        marked = [entry["name"].startswith(OUTPUT_MARK) for entry in details]
        if not names or not any(marked):
            return outputs[0] if len(outputs) == 1 else outputs
        return outputs_of(names, outputs)

    def _in_order(self, inputs: Any, entries: list[dict]) -> list[np.ndarray]:
        """The inputs as arrays in the file's order."""
        names = self._signature("inputs") or [entry["name"] for entry in entries]
        if isinstance(inputs, dict):
            if set(inputs) != set(names):
                raise ValueError(f"Expected inputs {names}. Received: {sorted(inputs)}")
            return [np.asarray(inputs[name]) for name in names]
        if isinstance(inputs, (list, tuple)) and (len(entries) > 1 or len(inputs) == 1):
            if len(inputs) != len(entries):
                raise ValueError(
                    f"Expected {len(entries)} inputs: {', '.join(names)}. Received: {len(inputs)}"
                )
            return [np.asarray(one) for one in inputs]
        if len(entries) > 1:
            raise ValueError(
                f"Expected a list or dict of {len(entries)} inputs: {', '.join(names)}. "
                f"Received: inputs={type(inputs).__name__}"
            )
        return [np.asarray(inputs)]

    def _signature(self, kind: str) -> list[str]:
        """The names of the inputs or outputs in the file's order; empty without a signature."""
        signatures = self._interpreter.get_signature_list()
        if len(signatures) != 1:
            return []
        ((key, names),) = signatures.items()
        runner = self._interpreter.get_signature_runner(key)
        details = getattr(runner, f"get_{kind[:-1]}_details")()
        entries = getattr(self._interpreter, f"get_{kind[:-1]}_details")()
        by_index = {detail["index"]: name for name, detail in details.items()}
        found = [by_index[entry["index"]] for entry in entries if entry["index"] in by_index]
        complete = len(entries) == len(names[kind]) == len(set(found)) == len(found)
        return found if complete else []

    def _run(self, entries: list[dict], batch: list[np.ndarray]) -> list[np.ndarray]:
        interpreter = self._interpreter
        changed = False
        for entry, array in zip(interpreter.get_input_details(), batch, strict=True):
            if tuple(entry["shape"]) != array.shape:
                interpreter.resize_tensor_input(entry["index"], array.shape)
                changed = True
        if changed:
            interpreter.allocate_tensors()
        for entry, array in zip(entries, batch, strict=True):
            interpreter.set_tensor(entry["index"], array)
        interpreter.invoke()
        return [
            _dequantized(interpreter.get_tensor(out["index"]), out)
            for out in interpreter.get_output_details()
        ]


def _check_shape(array: np.ndarray, entry: dict) -> None:
    signature = [int(n) for n in entry["shape_signature"]]
    if (
        array.ndim != len(signature)
        or len(array) == 0
        or any(n not in (-1, m) for n, m in zip(signature[1:], array.shape[1:], strict=True))
    ):
        raise ValueError(
            f"Expected input '{entry['name']}' of shape {['N', *signature[1:]]}. "
            f"Received: shape {list(array.shape)}"
        )


def quantized_input(values: np.ndarray, entry: dict[str, Any]) -> np.ndarray:
    """An input as its `get_input_details` entry has it: real numbers become its integers."""
    scale, zero_point = entry["quantization"]
    if scale and not np.issubdtype(values.dtype, np.integer):
        limits = np.iinfo(entry["dtype"])
        values = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max)
    return values.astype(entry["dtype"])


def _dequantized(values: np.ndarray, entry) -> np.ndarray:
    scale, zero_point = entry["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale) if scale else values
