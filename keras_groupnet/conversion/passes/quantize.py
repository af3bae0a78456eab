"""KgnFakeQuantize (float to float) → KgnQuantize, KgnDequantize; QUANTIZE, DEQUANTIZE of 8 bits."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.int8.requantize import parameters


def run(graph: Graph) -> bool:
    """Splits each fake quantizer at its tensor of codes."""
    found = graph.of_kind("KgnFakeQuantize")
    for op in found:
        split = _int8_pair if "zero_point" in op.options else _packed_pair
        graph.replace(op, split(graph, op))
    return bool(found)


def _packed_pair(graph: Graph, op: Op) -> list[Op]:
    (source,), (target,) = op.inputs, op.outputs
    bits, scale = int(op.options["bits"]), float(op.options["scale"])
    *outer, channels = graph.shape(source)
    packed = _codes(graph, op, (*outer, bits * -(-channels // 32)), np.int32)
    options = {"version": 1, "bits": bits}
    # 1 / scale is rounded to float32 once here, as Keras rounds beta / (2^bits - 1).
    step = float(np.float32(1.0 / scale))
    back = options | {"channels": channels, "scale": step}
    return [
        Op("KgnQuantize", [source], [packed], options | {"scale": scale}),
        Op("KgnDequantize", [packed], [target], back),
    ]


def _int8_pair(graph: Graph, op: Op) -> list[Op]:
    # Behind its input the op may read scale and zero point as constants.
    source, target = op.inputs[0], op.outputs[0]
    codes = _codes(graph, op, graph.shape(source), np.int8)
    scale, zero_point = float(op.options["scale"]), int(op.options["zero_point"])
    graph.tensors[codes].quantization = parameters(scale, zero_point)
    return [graph.plain("QUANTIZE", source, codes), graph.plain("DEQUANTIZE", codes, target)]


def _codes(graph: Graph, op: Op, shape: tuple[int, ...], dtype) -> int:
    """A tensor of codes. It is the one that keeps the quantizer's name, whatever reads it."""
    source, target = op.inputs[0], op.outputs[0]
    codes = graph.add_tensor(shape, dtype, graph.name(target), source)
    graph.tensors[target].name = f"{graph.name(target)}/float".encode()
    return codes
