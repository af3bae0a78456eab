"""PAD in front of a KgnConv2D without padding → the op's own padding, or a PAD of packed codes."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.deployment.same_padding import same_padding

_SAME, _VALID = 0, 1


def run(graph: Graph) -> bool:
    """Lets a convolution read what is padded, if its own padding would put the same there."""
    changed = False
    for op in graph.of_kind("KgnConv2D"):
        pad = graph.producer(op.inputs[0])
        if op.options["padding"] != _VALID or pad is None:
            continue
        edges, value = _padding(graph, pad)
        if edges is None or value not in (0.0, 1.0, -1.0):
            continue
        if edges != _same_edges(graph, op, pad.inputs[0]):
            continue
        op.set_input(0, pad.inputs[0])
        op.options |= {"padding": _SAME, "pad_value": int(value)}
        changed = True
    for pad in graph.of_kind("PAD"):
        changed |= _of_codes(graph, pad)
    return changed


def _padding(graph: Graph, op: Op) -> tuple[list[tuple[int, int]] | None, float]:
    """Rows and columns that a PAD adds on each side of maps, and with which value."""
    if op.kind not in ("PAD", "PADV2"):
        return None, 0.0
    amounts = graph.constant(op.inputs[1])
    value = np.zeros(1, np.float32) if op.kind == "PAD" else graph.constant(op.inputs[2])
    if amounts is None or value is None or amounts.shape != (4, 2) or amounts[[0, 3]].any():
        return None, 0.0
    return [(int(first), int(last)) for first, last in amounts[1:3]], float(value.reshape(-1)[0])


def _same_edges(graph: Graph, op: Op, source: int) -> list[tuple[int, int]] | None:
    """What SAME would add to `source` for this convolution; None if that hangs on unknown sizes."""
    shape = graph.shape(op.inputs[1])
    if op.options.get("compression") or len(shape) != 4:
        return None
    edges = []
    for axis, name in enumerate(("height", "width")):
        size, stride = graph.signature(source)[1 + axis], op.options[f"stride_{name}"]
        if size < 0:
            if stride != 1:
                return None
            size = 1  # with stride 1 it is the same for every size
        edges.append(same_padding(size, shape[1 + axis], stride, op.options[f"dilation_{name}"]))
    return edges


def _of_codes(graph: Graph, pad: Op) -> bool:
    """pad(dequantize(x)) = dequantize(pad(x)) for codes: 0 is a code."""
    dequantize = graph.producer(pad.inputs[0])
    edges, _ = _padding(graph, pad)
    if edges is None or dequantize is None or dequantize.kind != "KgnDequantize":
        return False
    bits, target = dequantize.options["bits"], pad.outputs[0]
    if bits == 1:
        return False
    shape = (*graph.shape(target)[:-1], graph.shape(dequantize.inputs[0])[-1])
    packed = graph.add_tensor(shape, np.int32, f"{graph.name(target)}/packed", target)
    moved = Op("PAD", [dequantize.inputs[0], pad.inputs[1]], [packed], {}, pad.source, pad.code)
    again = Op("KgnDequantize", [packed], [target], dict(dequantize.options))
    graph.replace(pad, [moved, again])
    return True
