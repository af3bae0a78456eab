"""int8 for what stays float, after training, by the LiteRT quantizer."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from keras_groupnet.conversion.checks.probe import observe
from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.flatbuffer.model_io import read_model, write_model
from keras_groupnet.conversion.int8.merge_columns import merge_columns
from keras_groupnet.conversion.int8.quantize_op import quantize_op, quantizer_library
from keras_groupnet.conversion.int8.requantize import remove_float_detours
from keras_groupnet.conversion.int8.scheme import (
    Scheme,
    data_input,
    quantizable_ops,
    scheme_of,
)
from keras_groupnet.runtime.interpreter import Interpreter


def quantize_float_layers(
    content: bytes,
    representative_data: np.ndarray | Sequence[np.ndarray],
    scheme: Callable[[Graph, Op], Scheme] = scheme_of,
) -> bytes:
    """Quantizes the float convolutions and dense layers of a converted file to int8.

    Args:
        content: a `.tflite` file with our ops.
        representative_data: typical inputs `[N, …]`, one array for each input of the file.
        scheme: (graph, op) → how to quantize this op; the default is what `int8_scheme` measured.

    Returns:
        The new file. `float_ops.float_ops` says what each op of it has become.

    Raises:
        ModuleNotFoundError: the LiteRT quantizer is not installed.
    """
    graph = Graph(content)
    for op in quantizable_ops(graph):
        if scheme(graph, op) is not Scheme.WEIGHT_ONLY:
            merge_columns(graph, op)
    content = graph.to_bytes()
    graph = Graph(content)
    chosen = {op: scheme(graph, op) for op in quantizable_ops(graph)}
    static = [op for op, each in chosen.items() if each is Scheme.STATIC]
    borders = [t for op in static for t in (data_input(op), op.outputs[0])]
    observed = observe(content, borders, representative_data)
    for op, each in chosen.items():
        quantize_op(graph, op, each, observed)
    remove_float_detours(graph)
    return graph.to_bytes()


def quantize_model(content: bytes, data: np.ndarray) -> bytes:
    """Quantizes a float `.tflite` file statically to int8, the baseline of every benchmark.

    Args:
        content: a `.tflite` file of ordinary ops with one input.
        data: representative images `[N, …]`.

    Returns:
        The file with int8 weights, activations, input and output.

    Raises:
        ModuleNotFoundError: the LiteRT quantizer is not installed.
    """
    quantizer, recipe = quantizer_library()
    name = Interpreter(content).get_input_details()[0]["name"]
    signature = read_model(content).signatureDefs
    if signature:
        name = signature[0].inputs[0].name.decode()
    hidden = io.StringIO()  # a report, a progress bar, warnings of its own interpreter's settings
    with (
        contextlib.redirect_stdout(hidden),
        contextlib.redirect_stderr(hidden),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        tool = quantizer.Quantizer(bytearray(content))
        tool.load_quantization_recipe(recipe.static_wi8_ai8())
        samples = [{name: image[None].astype(np.float32)} for image in data]
        calibration = tool.calibrate({"serving_default": samples})
        return write_model(read_model(bytes(tool.quantize(calibration).quantized_model)))
