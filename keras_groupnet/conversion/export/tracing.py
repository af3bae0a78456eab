"""A Keras model → a TFLite model in which the work of our layers stands as custom ops.

The model itself is traced, with exporting functions in place of the `call` of our layers: whatever
lies between them (wrappers, subclassed models, functions, quantized Keras layers) needs no copy.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from keras_groupnet.conversion.export.emitter import Emitter
from keras_groupnet.conversion.export.exporters import export
from keras_groupnet.conversion.export.layer_scopes import recorded_scopes
from keras_groupnet.conversion.export.quiet import quiet_libraries
from keras_groupnet.deployment import NotBinary
from keras_groupnet.deployment.layer_tree import layer_tree, own_kernels
from keras_groupnet.deployment.swap import calls_replaced, computing_in_float32
from keras_groupnet.runtime.signature import input_names, output_names

_SCOPE_NAME = re.compile(r"[A-Za-z0-9_.\\/>-]*")


@dataclass
class Traced:
    """A traced model.

    Attributes:
        content: the TFLite model; each of our ops has the option `origin`, and the tensors of its
            signature are called `input_0`, ..., `output_0`, ... in the model's order.
        inputs: what the inputs are to be called, in that order.
        outputs: likewise.
        calls: name of each layer that was exported -> how often it was called.
        stays_float: name of each layer that was called and cannot be binary -> why.
        scopes: name scope of each call of a layer with a kernel -> its name, see `layer_scopes`.
    """

    content: bytes
    inputs: list[str]
    outputs: list[str]
    calls: dict[str, int] = field(default_factory=dict)
    stays_float: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)


def trace(model: keras.Model, batch_size: int | None) -> Traced:
    """Traces a model and converts it with our layers as custom ops.

    Args:
        model: functional or Sequential, built; it is not changed.
        batch_size: None leaves the batch dynamic.

    Raises:
        ValueError: a layer's name cannot be traced, or TFLite has no ops for the model.
        Exception: what the model itself raises when it is called.
    """
    names = layer_tree(model)
    _check_layers(names)
    emitters: dict[str, Emitter] = {}
    refused: dict[str, str] = {}
    called: set[str] = set()
    replacements: dict[keras.layers.Layer, Callable[..., Any]] = {}
    for layer, name in names.items():
        emitter = Emitter(name)
        try:
            exported = export(layer, emitter) if layer.built else None
        except NotBinary as error:
            refused[name] = str(error)
            replacements[layer] = _noted(called, name, layer.call)
            continue
        if exported is not None:
            emitters[name] = emitter
            replacements[layer] = _exporting(exported, emitter)
    outputs: list[str] = []
    kernels = {layer: names[layer] for layer in own_kernels(names)}
    with (
        calls_replaced(replacements),
        recorded_scopes(kernels) as scopes,
        computing_in_float32([model, *names]),
    ):
        content = _to_tflite(_concrete_function(model, batch_size, outputs))
    return Traced(
        content,
        input_names(model_structure(model)),
        outputs,
        {name: emitter.calls for name, emitter in emitters.items() if emitter.calls},
        {name: why for name, why in refused.items() if name in called},
        scopes,
    )


def _exporting(exported: Callable[[Any], Any], emitter: Emitter) -> Callable[..., Any]:
    def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        emitter.next_call()
        return exported(inputs)

    return call


def _noted(called: set[str], name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        called.add(name)
        return own(*args, **kwargs)

    return call


def _check_layers(names: dict[keras.layers.Layer, str]) -> None:
    for layer, name in names.items():
        if not _SCOPE_NAME.fullmatch(layer.name):
            raise ValueError(
                "TensorFlow can trace layers only if their names consist of letters, digits and "
                f"_ . / > -. Received: a layer with name={layer.name!r}. Give it another name; "
                "predict() and fit() need that, too."
            )
        if layer.dtype_policy.variable_dtype not in ("float32", None):
            raise ValueError(
                "Expected layers whose variables are float32. Received: layer "
                f"{name!r} of dtype {layer.dtype_policy.name!r}. Build the model with "
                "'float32', 'mixed_float16' or 'mixed_bfloat16' and load the weights."
            )
        mode = layer.dtype_policy.quantization_mode
        if mode is not None:
            raise ValueError(
                "TFLite has no ops for layers that Keras has quantized. Received: layer "
                f"{name!r}, quantized to {mode!r}. Convert the model as it was before "
                "model.quantize(), or kgn.interop.dequantized(model), with float_layers='int8' and "
                "representative_data."
            )


def _concrete_function(model: keras.Model, batch_size: int | None, names: list[str]) -> Any:
    """The model as a function of its flat inputs, with all variables as constants.

    The names of the outputs are entered into `names`.
    """
    structure = model_structure(model)
    specs = [
        tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype, name=f"input_{number}")
        for number, tensor in enumerate(keras.tree.flatten(structure))
    ]
    constants = [
        (variable, tf.constant(keras.ops.convert_to_numpy(variable)))
        for variable in model.variables
    ]

    def serve(*inputs: Any) -> dict[str, Any]:
        with keras.StatelessScope(state_mapping=constants):
            outputs = model(keras.tree.pack_sequence_as(structure, list(inputs)), training=False)
        names[:] = output_names(outputs)
        return {f"output_{n}": x for n, x in enumerate(keras.tree.flatten(outputs))}

    return tf.function(serve, autograph=False).get_concrete_function(*specs)


def model_structure(model: keras.Model) -> Any:
    """The inputs of a model in the structure in which it takes them."""
    single = isinstance(model, keras.Sequential)  # has no `input` before it is called
    return model.inputs[0] if single else model.input


def _to_tflite(function: Any) -> bytes:
    """TFLiteConverter with composites kept as custom ops; its chatter is held back."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        quiet_libraries(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
        converter.allow_custom_ops = True
        try:
            return converter.convert()
        except Exception as error:  # ConverterError has no public name
            raise ValueError(_in_short(str(error))) from error


def _in_short(message: str) -> str:
    """What of TFLiteConverter's pages of MLIR tells what to do."""
    unknown = sorted(set(re.findall(r"tf\.(\w+)(?= op is neither)|'tf\.(\w+)' op", message)))
    names = ", ".join(sorted({first or second for first, second in unknown}))
    if names:
        return (
            f"TFLite has no builtin op for these TensorFlow ops of the model: {names}. Build the "
            "part of the model that has them from other layers (recurrent layers with unroll=True "
            "or a fixed batch_size=), or leave it out of the converted model."
        )
    (first, *_) = [line for line in message.splitlines() if line.strip()] or ["no message"]
    return f"TFLiteConverter failed: {first[:500]}"
