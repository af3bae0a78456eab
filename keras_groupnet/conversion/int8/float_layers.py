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
from keras_groupnet.conversion.int8.trained_ranges import (
    range_of,
    spread_pairs,
    trained_parameters,
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
        representative_data: typical inputs `[N, …]`, one array for each input of the file. They
            give the ranges of tensors that were not trained for int8 (`tensors_without_range`).
        scheme: (graph, op) → how to quantize this op; the default is what `int8_scheme` measured.

    Returns:
        The new file. `float_ops.float_ops` says what each op of it has become.

    Raises:
        ModuleNotFoundError: the LiteRT quantizer is not installed.
    """
    content = _prepared(content, scheme)
    graph = Graph(content)
    trained = trained_parameters(graph)
    chosen = {op: scheme(graph, op) for op in quantizable_ops(graph)}
    observed = observe(content, _static_borders(chosen), representative_data)
    for tensor in observed.keys() & trained.keys():
        observed[tensor].low, observed[tensor].high = range_of(trained[tensor])
    for op, each in chosen.items():
        quantize_op(graph, op, each, observed, trained)
    remove_float_detours(graph)
    return graph.to_bytes()


def tensors_without_range(content: bytes) -> list[str]:
    """The names of the tensors whose ranges `quantize_float_layers` takes from data.

    Those of static ops are, unless the network was trained with ranges for them.

    Args:
        content: as for `quantize_float_layers`.
    """
    graph = Graph(_prepared(content, scheme_of))
    chosen = {op: scheme_of(graph, op) for op in quantizable_ops(graph)}
    trained = trained_parameters(graph)
    return [graph.name(t) for t in dict.fromkeys(_static_borders(chosen)) if t not in trained]


def _prepared(content: bytes, scheme: Callable[[Graph, Op], Scheme]) -> bytes:
    """The file with the float ops in the form in which they are quantized."""
    graph = Graph(content)
    for op in quantizable_ops(graph):
        if scheme(graph, op) is not Scheme.WEIGHT_ONLY:
            merge_columns(graph, op)
    spread_pairs(graph)
    return graph.to_bytes()


def _static_borders(chosen: dict[Op, Scheme]) -> list[int]:
    """What the static ops read and write."""
    static = [op for op, each in chosen.items() if each is Scheme.STATIC]
    return [tensor for op in static for tensor in (data_input(op), op.outputs[0])]


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
