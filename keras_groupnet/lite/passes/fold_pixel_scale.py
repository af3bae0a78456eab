"""MUL of a kernel op's output with a one-channel map (XNOR-Net's scale) → its pixel_scale input."""

from __future__ import annotations

from ..graph import ABSENT, Graph
from .epilogue import KERNEL_OPS, is_plain

PIXEL_SCALE = 4


def run(graph: Graph) -> bool:
    """`(multiplier * acc) * map = multiplier * (acc * map)`, if nothing else was added yet."""
    changed = False
    for op in graph.of_kind(*KERNEL_OPS):
        target = op.outputs[0]
        reader = graph.only_consumer(target)
        if reader is None or reader.kind != "MUL" or reader.fused_activation:
            continue
        scale = next((t for t in reader.inputs if t != target), target)
        shape, expected = graph.shape(scale), graph.shape(target)
        fits = len(shape) == len(expected) and shape[-1] == 1 and expected[-1] != 1
        fits = fits and (shape[1:-1] == expected[1:-1] or set(shape[1:-1]) <= {1})
        if (
            not fits
            or not is_plain(graph, op)
            or graph.constant(scale) is not None
            or op.input(PIXEL_SCALE) != ABSENT
        ):
            continue
        op.set_input(PIXEL_SCALE, scale)
        op.outputs = list(reader.outputs)
        graph.ops.remove(reader)
        changed = True
    return changed
