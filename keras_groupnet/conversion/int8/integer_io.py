"""Integer inputs and outputs of a whole file, as TFLiteConverter's `inference_input_type`."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.checks.probe import Observed, observe
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.int8.requantize import parameters, remove_float_detours

INTERFACE_TYPES = ("float32", "int8", "uint8")
_TENSOR_TYPES = {"int8": schema.TensorType.INT8, "uint8": schema.TensorType.UINT8}
# (scale, zero point) of int8, as TFLite's quantization specification fixes them for these ops.
_FIXED_SCALES = {"SOFTMAX": (1 / 256, -128), "LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


def quantize_inputs_and_outputs(
    content: bytes,
    representative_data: np.ndarray | Sequence[np.ndarray],
    inference_input_type: str = "int8",
    inference_output_type: str = "int8",
) -> bytes:
    """Makes float32 inputs and outputs of a file integers of 8 bits.

        real = scale * (integer - zero_point)

    with the range over the representative data, widened to hold 0, spread over all 256 integers
    (the results of a softmax, sigmoid or tanh have TFLite's fixed scales).
    Where the op at the border reads or writes int8 already, its own scale is taken and nothing is
    converted; elsewhere a DEQUANTIZE or QUANTIZE is put in. Inputs and outputs that are not float32
    stay as they are. `Interpreter.predict` quantizes and dequantizes by itself.

    Args:
        content: a `.tflite` file, before or after `quantize_float_layers`.
        representative_data: typical inputs `[N, …]`, one array for each input of the file.
        inference_input_type: `"float32"`, `"int8"` or `"uint8"`.
        inference_output_type: likewise.

    Returns:
        The new file.
    """
    graph = Graph(content)
    inputs = _floats(graph, graph.inputs) if inference_input_type != "float32" else []
    outputs = _floats(graph, graph.outputs) if inference_output_type != "float32" else []
    observed = observe(content, (*inputs, *outputs), representative_data)
    for tensor in inputs:
        scale, zero_point = _of_range(observed[tensor], inference_input_type)
        new = _integer_like(graph, tensor, inference_input_type, scale, zero_point)
        readers = [op for op in graph.consumers(tensor) if op.kind == "QUANTIZE"]
        if readers and inference_input_type == "int8":
            graph.tensors[new].quantization = graph.tensors[readers[0].outputs[0]].quantization
        graph.append(graph.plain("DEQUANTIZE", new, tensor))
        graph.replace_border("inputs", tensor, new)
    for tensor in outputs:
        writer = graph.producer(tensor)
        scale, zero_point = _of_range(observed[tensor], inference_output_type)
        if writer is not None and writer.kind in _FIXED_SCALES:
            scale, zero_point = _FIXED_SCALES[writer.kind]
            zero_point += 128 if inference_output_type == "uint8" else 0
        new = _integer_like(graph, tensor, inference_output_type, scale, zero_point)
        if writer is not None and writer.kind == "DEQUANTIZE" and inference_output_type == "int8":
            graph.tensors[new].quantization = graph.tensors[writer.inputs[0]].quantization
        graph.append(graph.plain("QUANTIZE", tensor, new))
        graph.replace_border("outputs", tensor, new)
    remove_float_detours(graph)
    return graph.to_bytes()


def borders_without_scale(
    content: bytes, inference_input_type: str, inference_output_type: str
) -> list[str]:
    """The names of the inputs and outputs whose ranges `quantize_inputs_and_outputs` sees in data.

    Args:
        content: as for `quantize_inputs_and_outputs`.
        inference_input_type: likewise.
        inference_output_type: likewise.
    """
    graph = Graph(content)
    names = []
    if inference_input_type != "float32":
        for tensor in _floats(graph, graph.inputs):
            readers = [op.kind for op in graph.consumers(tensor)]
            if inference_input_type != "int8" or "QUANTIZE" not in readers:
                names.append(graph.name(tensor))
    if inference_output_type != "float32":
        for tensor in _floats(graph, graph.outputs):
            writer = graph.producer(tensor)
            known = (*_FIXED_SCALES, *(("DEQUANTIZE",) if inference_output_type == "int8" else ()))
            if writer is None or writer.kind not in known:
                names.append(graph.name(tensor))
    return names


def _floats(graph: Graph, tensors: Sequence[int]) -> list[int]:
    float32 = schema.TensorType.FLOAT32
    return [t for t in dict.fromkeys(tensors) if graph.tensors[t].type == float32]


def _of_range(observed: Observed, dtype: str) -> tuple[float, int]:
    """(scale, zero point) that spread the range over all integers of the type."""
    low, high = min(observed.low, 0.0), max(observed.high, 0.0)
    scale = (high - low) / 255 or 1.0  # all zeros: any scale
    return scale, round(np.iinfo(dtype).min - low / scale)


def _integer_like(graph: Graph, tensor: int, dtype: str, scale: float, zero_point: int) -> int:
    """A tensor of integers with the shape and the name of a float one, which gets another name."""
    entry = copy.copy(graph.tensors[tensor])
    entry.type, entry.buffer = _TENSOR_TYPES[dtype], 0
    entry.quantization = parameters(scale, zero_point)
    graph.tensors[tensor].name = (graph.name(tensor) + "/float32").encode()
    graph.tensors.append(entry)
    return len(graph.tensors) - 1
