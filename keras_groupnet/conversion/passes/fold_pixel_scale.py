"""MUL of a kernel op's output with a one-channel map (XNOR-Net's scale) → its pixel_scale input."""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import (
    KERNEL_OPS,
    PIXEL_SCALE,
    commutes_with_relu,
    is_plain,
)

_RELU = 1


def run(graph: Graph) -> bool:
    """`(multiplier * acc) * map = multiplier * (acc * map)`, if nothing else was added yet.

    A ReLU that TFLiteConverter fused into the MUL moves to the accumulator where that is the same
    (`commutes_with_relu`), else into the epilogue.
    """
    changed = False
    for op in graph.of_kind(*KERNEL_OPS):
        target = op.outputs[0]
        reader = graph.only_consumer(target)
        if reader is None or reader.kind != "MUL":
            continue
        relu = reader.fused_activation == _RELU
        if reader.fused_activation and not relu:
            continue
        scale = next((t for t in reader.inputs if t != target), target)
        if (
            not _is_map_of(graph.signature(scale), graph.signature(target))
            or not is_plain(graph, op)
            or graph.constant(scale) is not None
            or op.input(PIXEL_SCALE) != ABSENT
        ):
            continue
        op.set_input(PIXEL_SCALE, scale)
        if relu:
            before = commutes_with_relu(graph, op)
            op.options["pre_activation" if before else "activation"] = 1
        graph.remove(reader)
        op.outputs = reader.outputs
        changed = True
    return changed


def _is_map_of(scale: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a scale of this shape has one value a pixel, or one an image, of the target."""
    return (
        len(scale) == len(target)
        and scale[0] == target[0]
        and scale[-1] == 1 != target[-1]
        and (scale[1:-1] == target[1:-1] or set(scale[1:-1]) <= {1})
    )
