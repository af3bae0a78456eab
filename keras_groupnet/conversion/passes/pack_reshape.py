"""RESHAPE and TILE of low-bit values → of packed ones; RESHAPE of RESHAPE → one."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.fix_reshape import reshape


def run(graph: Graph) -> bool:
    """Moves them in front of KgnDequantize and behind KgnQuantize; drops what undoes another."""
    changed = False
    for op in graph.of_kind("RESHAPE", "TILE"):
        constant = None if op.input(1) == ABSENT else graph.constant(op.inputs[1])
        if op not in graph or constant is None or (op.kind == "TILE" and constant[-1] != 1):
            continue
        changed |= op.kind == "RESHAPE" and _merge(graph, op)
        if op in graph:
            changed |= _before_dequantize(graph, op) or _behind(graph, op)
    return changed


def _merge(graph: Graph, op: Op) -> bool:
    """RESHAPE of a RESHAPE, or to the shape that its input has."""
    source, target = op.inputs[0], op.outputs[0]
    before = graph.producer(source)
    if before is not None and before.kind == "RESHAPE":
        op.set_input(0, before.inputs[0])
        return True
    signature = graph.signature(source)
    if signature != graph.signature(target) or signature.count(-1) > 1 or target in graph.outputs:
        return False
    graph.replace_tensor(target, source)
    graph.remove(op)
    return True


def _before_dequantize(graph: Graph, op: Op) -> bool:
    """reshape(dequantize(x)) = dequantize(reshape(x))."""
    dequantize = graph.producer(op.inputs[0])
    if dequantize is None or dequantize.kind != "KgnDequantize":
        return False
    target, bits = op.outputs[0], dequantize.options["bits"]
    channels = graph.shape(target)[-1]
    if not _keeps_words(dequantize.options["channels"], channels, bits):
        return False
    packed = _packed_like(graph, target, bits, f"{graph.name(target)}/packed")
    options = dequantize.options | {"channels": channels}
    graph.replace(
        op,
        [
            _moved(graph, op, dequantize.inputs[0], packed),
            Op("KgnDequantize", [packed], [target], options),
        ],
    )
    return True


def _behind(graph: Graph, op: Op) -> bool:
    """quantize(reshape(x)) = reshape(quantize(x))."""
    source, reshaped = op.inputs[0], op.outputs[0]
    quantize = graph.only_consumer(reshaped)
    if quantize is None or quantize.kind != "KgnQuantize":
        return False
    bits, target = quantize.options["bits"], quantize.outputs[0]
    channels = graph.shape(source)[-1], graph.shape(reshaped)[-1]
    if not _keeps_words(*channels, bits) or (len(quantize.inputs) > 1 and len(set(channels)) > 1):
        return False
    # The first tensor that holds all of the quantizer's values keeps its name.
    name = graph.name(target)
    packed = _packed_like(graph, source, bits, f"{name}/once" if op.kind == "TILE" else name)
    if op.kind == "RESHAPE":
        graph.tensors[target].name = f"{name}/reshaped".encode()
    quantize.inputs, quantize.outputs = [source, *quantize.inputs[1:]], [packed]
    graph.replace(op, [_moved(graph, op, packed, target)])
    return True


def _keeps_words(before: int, after: int, bits: int) -> bool:
    """Whether packed pixels of so many channels, one behind the other, are those of as many others.

    Planes are pixel by pixel, so with several bits only pixels may be counted in other ways.
    """
    return before == after or (bits == 1 and before % 32 == 0 and after % 32 == 0)


def _packed_like(graph: Graph, tensor: int, bits: int, name: str) -> int:
    *outer, channels = graph.shape(tensor)
    return graph.add_tensor((*outer, bits * -(-channels // 32)), np.int32, name, tensor)


def _moved(graph: Graph, op: Op, source: int, target: int) -> Op:
    """The same RESHAPE or TILE of packed values."""
    if op.kind == "TILE":
        return Op("TILE", [source, op.inputs[1]], [target], {}, op.source, op.code)
    shape = graph.value(op.inputs[1]).astype(np.int32)
    if shape[-1] != -1:
        shape[-1] = graph.shape(target)[-1]
    return reshape(graph, source, target, shape.tolist())
