"""The stock TFLite interpreters with our delegate."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from keras_groupnet.runtime.delegate import delegate_path

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

    def predict(self, images, batch_size: int = 32) -> np.ndarray | list[np.ndarray]:
        """Runs the model on any number of images.

        Args:
            images: array `[N, …]` for the model's one input. Real numbers are quantised for an
                int8 input; integers are taken as they are.
            batch_size: images an invocation, for a file with a dynamic batch; a file converted
                for a fixed batch runs in batches of that size.

        Returns:
            The output `[N, …]`, float also where the file's is int8; a list of them if the model
            has several.

        Raises:
            ValueError: the shape does not fit, or N is not a multiple of a fixed batch.
        """
        (entry,) = self._interpreter.get_input_details()
        images = _quantized(np.asarray(images), entry)
        signature = [int(n) for n in entry["shape_signature"]]
        if (
            len(images) == 0
            or images.ndim != len(signature)
            or any(n not in (-1, m) for n, m in zip(signature[1:], images.shape[1:], strict=True))
        ):
            raise ValueError(
                f"Expected images of shape {['N', *signature[1:]]}. "
                f"Received: shape {list(images.shape)}"
            )
        fixed = signature[0] if signature[0] > 0 else None
        if fixed and len(images) % fixed:
            raise ValueError(
                f"The file has a fixed batch of {fixed}; expected a multiple of it. "
                f"Received: {len(images)} images. Convert with batch_size=None for any number."
            )
        step = fixed or batch_size
        parts = [self._run(entry, images[i : i + step]) for i in range(0, len(images), step)]
        outputs = [np.concatenate(each) for each in zip(*parts, strict=True)]
        return outputs[0] if len(outputs) == 1 else outputs

    def _run(self, entry, batch: np.ndarray) -> list[np.ndarray]:
        interpreter = self._interpreter
        if tuple(interpreter.get_input_details()[0]["shape"]) != batch.shape:
            interpreter.resize_tensor_input(entry["index"], batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], batch)
        interpreter.invoke()
        return [
            _dequantized(interpreter.get_tensor(out["index"]), out)
            for out in interpreter.get_output_details()
        ]


def _quantized(values: np.ndarray, entry) -> np.ndarray:
    scale, zero_point = entry["quantization"]
    if scale and not np.issubdtype(values.dtype, np.integer):
        limits = np.iinfo(entry["dtype"])
        values = np.clip(np.round(values / scale) + zero_point, limits.min, limits.max)
    return values.astype(entry["dtype"])


def _dequantized(values: np.ndarray, entry) -> np.ndarray:
    scale, zero_point = entry["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale) if scale else values
