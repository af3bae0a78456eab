"""RESHAPE to a shape computed at run time → RESHAPE to a constant shape with one −1.

Keras' Flatten and UpSampling2D compute their shapes with SHAPE, STRIDED_SLICE and PACK or
CONCATENATION where the batch is dynamic. That would make every tensor behind it dynamic, and the
runtime would prepare all later ops again in each invocation. EXPAND_DIMS becomes a RESHAPE, too, so
that what follows it can be one with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.flatbuffer.op import builtin_code

# Ops whose result has height and width of what they read.
_SAME_SIZE = (
    *("ADD", "SUB", "MUL", "RELU", "RELU6", "RELU_N1_TO_1", "PRELU", "LEAKY_RELU", "LOGISTIC"),
    *("KgnFakeQuantize", "CONCATENATION"),
)


def run(graph: Graph) -> bool:
    """Fixes reshapes whose result has at most one unknown dimension."""
    changed = False
    for op in graph.of_kind("RESHAPE"):
        shape, signature = op.input(1), graph.signature(op.outputs[0])
        if shape == ABSENT or graph.producer(shape) is None:
            continue
        known = _evaluated(graph, shape)
        if known is not None and len(known) == len(signature):
            _refine(graph, op.outputs[0], known)
            signature = graph.signature(op.outputs[0])
        if signature.count(-1) <= 1:
            name = graph.name(shape) + "/constant"
            op.set_input(1, graph.add_constant(np.asarray(signature, np.int32), name))
            changed = True
    for op in graph.of_kind("EXPAND_DIMS"):
        signature = graph.signature(op.outputs[0])
        if signature.count(-1) <= 1 and op.outputs[0] not in graph.outputs:
            graph.replace(op, [reshape(graph, op.inputs[0], op.outputs[0], signature)])
            changed = True
    if changed:
        _pass_on_sizes(graph)
    return changed


def reshape(graph: Graph, source: int, target: int, shape: Sequence[int]) -> Op:
    """A new RESHAPE; the caller puts it in."""
    code = schema.OperatorT()
    code.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    code.builtinOptions = schema.ReshapeOptionsT()
    code.builtinOptions.newShape = np.asarray(shape, np.int32)
    constant = graph.add_constant(code.builtinOptions.newShape, f"{graph.name(target)}/shape")
    return Op("RESHAPE", [source, constant], [target], {}, code, builtin_code("RESHAPE"))


def _evaluated(graph: Graph, tensor: int) -> list[int] | None:
    """A vector of sizes, -1 where one is only known at run time; None if it is none."""
    value, op = graph.constant(tensor), graph.producer(tensor)
    if value is not None:
        return [int(n) for n in value.reshape(-1)]
    if op is None:
        return None
    if op.kind == "SHAPE":
        return list(graph.signature(op.inputs[0]))
    if op.kind in ("CONCATENATION", "PACK"):
        vector: list[int] = []
        for part in op.inputs:
            sizes = _evaluated(graph, part)
            if sizes is None:
                return None
            vector += sizes
        return vector
    if op.kind == "STRIDED_SLICE":
        whole = _evaluated(graph, op.inputs[0])
        limits = [graph.constant(limit) for limit in op.inputs[1:4]]
        options = op.source.builtinOptions
        if whole is None or any(limit is None or limit.size != 1 for limit in limits):
            return None
        first, last, step = (int(limit.reshape(())) for limit in limits if limit is not None)
        if options.shrinkAxisMask:
            return whole[first : first + 1]
        begin, end = options.beginMask & 1, options.endMask & 1
        return whole[None if begin else first : None if end else last : step]
    return None


def _refine(graph: Graph, tensor: int, known: Sequence[int]) -> None:
    """Fills in sizes that the tensor's signature leaves open."""
    signature = graph.signature(tensor)
    better = [n if m == -1 else m for m, n in zip(signature, known, strict=True)]
    if list(signature) != better:
        entry = graph.tensors[tensor]
        entry.shapeSignature = np.asarray(better, np.int32)
        entry.shape = np.asarray([max(n, 1) for n in better], np.int32)


def _pass_on_sizes(graph: Graph) -> None:
    """Fills in heights and widths behind tensors whose sizes were found."""
    for op in graph.ops:
        keeps = op.kind in _SAME_SIZE
        if op.kind == "KgnConv2D":
            strides = op.options["stride_height"], op.options["stride_width"]
            keeps = op.options["padding"] == 0 and strides == (1, 1)
        target = op.outputs[0]
        signature = graph.signature(target)
        if not keeps or len(signature) != 4:
            continue
        read = op.inputs[:1] if op.kind == "KgnConv2D" else op.inputs
        maps = [shape for shape in map(graph.signature, read) if len(shape) == 4]
        sizes = [max((shape[axis] for shape in maps), default=-1) for axis in (1, 2)]
        # A 1 may be widened by another tensor whose size is open.
        found = [size if size > 1 else -1 for size in sizes]
        _refine(graph, target, [signature[0], *found, signature[3]])
