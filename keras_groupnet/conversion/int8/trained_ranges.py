"""Tensors whose range was trained: they have a pair QUANTIZE, DEQUANTIZE in the float32 file."""

from __future__ import annotations

import copy

from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.flatbuffer.op import builtin_code

# Op → version that knows int8; the result has values of what is read, and no others.
_MOVES = {"RESHAPE": 1, "MAX_POOL_2D": 2}


def trained_parameters(graph: Graph) -> dict[int, schema.QuantizationParametersT]:
    """Float tensor → scale and zero point that it was trained with.

    That is what a DEQUANTIZE writes, and what a QUANTIZE reads if nothing else reads it.

    Args:
        graph: of a file whose only quantized tensors are those of pairs.
    """
    found = {}
    for op in graph.of_kind("QUANTIZE"):
        if graph.only_consumer(op.inputs[0]) is op:
            found[op.inputs[0]] = graph.tensors[op.outputs[0]].quantization
    for op in graph.of_kind("DEQUANTIZE"):
        found[op.outputs[0]] = graph.tensors[op.inputs[0]].quantization
    return found


def range_of(quantization: schema.QuantizationParametersT) -> tuple[float, float]:
    """The values of the codes -128 and 127."""
    scale, zero_point = float(quantization.scale[0]), int(quantization.zeroPoint[0])
    return (-128 - zero_point) * scale, (127 - zero_point) * scale


def spread_pairs(graph: Graph) -> None:
    """Lets ops that only move values move codes, where a pair stands before or behind them.

    Rounding to codes keeps the order of values, so the maximum of codes is the code of the maximum.
    What a QUANTIZE reads is then written by the op that computed it, and what a DEQUANTIZE writes
    is read by the op that computes with it.
    """
    waiting = graph.of_kind(*_MOVES)
    while waiting:
        op = waiting.pop()
        if op not in graph or op.fused_activation or op.outputs[0] in graph.outputs:
            continue
        before, behind = graph.producer(op.inputs[0]), graph.only_consumer(op.outputs[0])
        if before is not None and before.kind == "DEQUANTIZE":
            target, read = op.outputs[0], before.inputs[0]
            codes = _codes_like(graph, target, read)
            graph.replace(op, [_moving(op, read, codes), graph.plain("DEQUANTIZE", codes, target)])
            waiting += [one for one in graph.consumers(target) if one.kind in _MOVES]
        elif behind is not None and behind.kind == "QUANTIZE":
            source, target = op.inputs[0], behind.outputs[0]
            codes = _codes_like(graph, source, target)
            graph.remove(behind)
            graph.replace(op, [graph.plain("QUANTIZE", source, codes), _moving(op, codes, target)])
            if before is not None and before.kind in _MOVES:
                waiting.append(before)


def _moving(op: Op, source: int, target: int) -> Op:
    """The op, of codes."""
    code = builtin_code(op.kind)
    code.version = _MOVES[op.kind]
    return Op(op.kind, [source, *op.inputs[1:]], [target], {}, op.source, code)


def _codes_like(graph: Graph, tensor: int, codes: int) -> int:
    """A tensor of codes of the shape of one tensor that stand for what those of another do."""
    entry = copy.copy(graph.tensors[tensor])
    entry.name = f"{graph.name(tensor)}/codes".encode()
    entry.type, entry.buffer = graph.tensors[codes].type, 0
    entry.quantization = graph.tensors[codes].quantization
    graph.tensors.append(entry)
    return len(graph.tensors) - 1
