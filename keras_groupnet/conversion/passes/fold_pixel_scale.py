"""MUL of a kernel op's output with a scale computed at run time → its pixel_scale input.

A scale has one value a pixel (XNOR-Net's map), an image, or an image and channel (the gate of
Real-to-Binary, of squeeze and excitation).
"""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import (
    KERNEL_OPS,
    PIXEL_SCALE,
    commutes_with_relu,
    is_plain,
    use_version_3,
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
            scale == target
            or not _is_scale_of(graph.signature(scale), graph.signature(target))
            or not is_plain(graph, op)
            or graph.constant(scale) is not None
            or op.input(PIXEL_SCALE) != ABSENT
        ):
            continue
        op.set_input(PIXEL_SCALE, scale)
        if graph.shape(scale)[-1] != 1:
            use_version_3(op)
        if relu:
            before = commutes_with_relu(graph, op)
            op.options["pre_activation" if before else "activation"] = 1
        graph.remove(reader)
        op.outputs = reader.outputs
        changed = True
    return changed


def _is_scale_of(scale: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether docs/ops.md knows a pixel_scale of this shape for an output of that shape."""
    if len(scale) != len(target) or scale[0] != target[0] or target[-1] == 1:
        return False
    everywhere = set(scale[1:-1]) <= {1}
    return (
        scale[-1] == target[-1]
        and everywhere
        or (scale[-1] == 1 and (everywhere or scale[1:-1] == target[1:-1]))
    )
