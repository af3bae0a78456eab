"""CONCATENATION of low-bit values → of packed ones."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS


def run(graph: Graph) -> bool:
    """Concatenates words where that is the same; else packs the concatenated values once more.

    Along the channels, words lie one behind the other if there is one plane and every part but the
    last ends with a whole word.
    """
    changed = False
    for op in graph.of_kind("CONCATENATION"):
        parts = [graph.producer(tensor) for tensor in op.inputs]
        dequantizers = [p for p in parts if p is not None and p.kind == "KgnDequantize"]
        if len(dequantizers) < len(parts) or op.fused_activation:
            continue
        kinds = {(p.options["bits"], p.options["scale"]) for p in dequantizers}
        if len(kinds) > 1:
            continue
        changed |= _of_words(graph, op, dequantizers) or _again(graph, op, dequantizers)
    return changed


def _of_words(graph: Graph, op: Op, parts: list[Op]) -> bool:
    target, bits = op.outputs[0], parts[0].options["bits"]
    rank = len(graph.shape(target))
    along_channels = op.source.builtinOptions.axis % rank == rank - 1
    whole = bits == 1 and all(part.options["channels"] % 32 == 0 for part in parts[:-1])
    if along_channels and not whole:
        return False
    packed = _packed(graph, target, bits)
    channels = graph.shape(target)[-1]
    graph.replace(
        op,
        [
            Op(op.kind, [part.inputs[0] for part in parts], [packed], {}, op.source, op.code),
            Op("KgnDequantize", [packed], [target], parts[0].options | {"channels": channels}),
        ],
    )
    return True


def _again(graph: Graph, op: Op, parts: list[Op]) -> bool:
    """quantize(dequantize(x)) = x, for the kernel ops that read the concatenated values."""
    target = op.outputs[0]
    readers = [
        one
        for one in graph.consumers(target)
        if one.kind in KERNEL_OPS and one.inputs[0] == target and not _pads_codes(one, parts[0])
    ]
    if not readers:
        return False
    options = parts[0].options
    bits, step = options["bits"], options["scale"]
    packed = _packed(graph, target, bits)
    name = f"{graph.name(target)}/low_bit"
    values = graph.add_tensor(graph.shape(target), np.float32, name, target)
    scale = 1.0 if bits == 1 else float(np.float32(1 / step))
    graph.append(
        Op("KgnQuantize", [target], [packed], {"version": 1, "bits": bits, "scale": scale})
    )
    channels = graph.shape(target)[-1]
    graph.append(Op("KgnDequantize", [packed], [values], options | {"channels": channels}))
    for one in readers:
        one.set_input(0, values)
    return True


def _pads_codes(reader: Op, part: Op) -> bool:
    """Whether `pack_inputs` would leave the reader as it is."""
    return part.options["bits"] > 1 and bool(reader.options.get("pad_value"))


def _packed(graph: Graph, target: int, bits: int) -> int:
    *outer, channels = graph.shape(target)
    shape = (*outer, bits * -(-channels // 32))
    return graph.add_tensor(shape, np.int32, f"{graph.name(target)}/packed", target)
