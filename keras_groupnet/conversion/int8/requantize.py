"""Ways through float between two int8 ops that change nothing."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import Graph


def remove_float_detours(graph: Graph) -> None:
    """Makes what reads QUANTIZE(DEQUANTIZE(x)) read x where both have the same scale.

    An output of the model that is written so becomes what the writer of x writes.
    """
    for op in graph.of_kind("QUANTIZE"):
        source = graph.producer(op.inputs[0])
        if source is None or source.kind != "DEQUANTIZE":
            continue
        (origin,), (target,) = source.inputs, op.outputs
        if not same_values(graph.tensors[origin], graph.tensors[target]):
            continue
        writer = graph.producer(origin)
        if target not in graph.outputs:
            graph.replace_tensor(target, origin)
        elif writer is not None and origin not in graph.outputs:
            graph.remove(op)
            graph.replace_tensor(origin, target)
            writer.outputs = [target if t == origin else t for t in writer.outputs]


def parameters(scale: float, zero_point: int) -> schema.QuantizationParametersT:
    """What the integers of a tensor stand for: `scale * (integer - zero_point)`."""
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.asarray([scale], np.float32)
    quantization.zeroPoint = np.asarray([zero_point], np.int64)
    return quantization


def same_values(left: schema.TensorT, right: schema.TensorT) -> bool:
    """Whether equal integers mean equal values in both tensors."""
    return left.type == right.type and all(
        np.array_equal(getattr(left.quantization, name), getattr(right.quantization, name))
        for name in ("scale", "zeroPoint")
    )
