"""Integer inputs and outputs of a whole file, as TFLiteConverter's `inference_input_type`."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer_model import has_data
from keras_groupnet.conversion.graph import Graph
from keras_groupnet.conversion.probe import tensor_values
from keras_groupnet.conversion.quantize_op import Observed
from keras_groupnet.conversion.requantize import remove_float_detours, same_values

TYPES = ("float32", "int8", "uint8")
_TENSOR_TYPES = {"int8": schema.TensorType.INT8, "uint8": schema.TensorType.UINT8}


def quantize_inputs_and_outputs(
    content: bytes,
    representative_data: Any,
    inference_input_type: str = "int8",
    inference_output_type: str = "int8",
) -> bytes:
    """Makes float32 inputs and outputs of a file integers of 8 bits.

        real = scale * (integer - zero_point)

    with the range over the representative data, widened to hold 0, spread over all 256 integers.
    Where the op at the border reads or writes int8 already, its own scale is taken and nothing is
    converted; elsewhere a DEQUANTIZE or QUANTIZE is put in. Inputs and outputs that are not float32
    stay as they are. `Interpreter.predict` quantizes and dequantizes by itself.

    Args:
        content: a `.tflite` file, before or after `quantize_float_layers`.
        representative_data: what `Interpreter.predict` takes, typical inputs.
        inference_input_type, inference_output_type: `"float32"`, `"int8"` or `"uint8"`.

    Returns:
        The new file.

    Raises:
        ValueError: another type was asked for.
    """
    for name, value in (
        ("inference_input_type", inference_input_type),
        ("inference_output_type", inference_output_type),
    ):
        if value not in TYPES:
            raise ValueError(f"Expected `{name}` to be one of {TYPES}. Received: {name}={value!r}")
    graph = Graph(content)
    inputs = _floats(graph, graph.inputs) if inference_input_type != "float32" else []
    outputs = _floats(graph, graph.outputs) if inference_output_type != "float32" else []
    observed = {tensor: Observed() for tensor in (*inputs, *outputs)}
    for values in tensor_values(content, list(observed), representative_data):
        for seen, value in zip(observed.values(), values, strict=True):
            seen.include(value)
    for tensor in inputs:
        new = _integer_tensor(graph, tensor, inference_input_type, observed[tensor])
        readers = [op for op in graph.consumers(tensor) if op.kind == "QUANTIZE"]
        if readers and inference_input_type == "int8":
            graph.tensors[new].quantization = graph.tensors[readers[0].outputs[0]].quantization
        graph.ops.insert(0, graph.plain("DEQUANTIZE", new, tensor))
        _rename(graph, tensor, new, graph.subgraph.inputs, "inputs")
    for tensor in outputs:
        writer = graph.producer(tensor)
        new = _integer_tensor(graph, tensor, inference_output_type, observed[tensor])
        if writer is not None and writer.kind == "DEQUANTIZE":
            (origin,) = writer.inputs
            if inference_output_type == "int8" and not has_data(graph.model, graph.tensors[origin]):
                new = origin
        graph.ops.append(graph.plain("QUANTIZE", tensor, new))
    return graph.to_bytes()
