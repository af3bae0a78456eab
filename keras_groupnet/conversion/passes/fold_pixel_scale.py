"""MUL of a kernel op's output with a one-channel map (XNOR-Net's scale) → its pixel_scale input."""

from __future__ import annotations

from keras_groupnet.conversion.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS, MULTIPLIER, PIXEL_SCALE, is_plain

_RELU = 1


def run(graph: Graph) -> bool:
    """`(multiplier * acc) * map = multiplier * (acc * map)`, if nothing else was added yet.

    A ReLU that TFLiteConverter fused into the MUL moves to the accumulator, which is the same for
    multiplier >= 0 and map >= 0.
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
        if relu:
            if (graph.value(op.inputs[MULTIPLIER]) < 0).any() or not _never_negative(
                graph, graph.producer(scale)
            ):
                continue
            op.options["pre_activation"] = 1
        op.set_input(PIXEL_SCALE, scale)
        op.outputs = list(reader.outputs)
        graph.ops.remove(reader)
        changed = True
    return changed


def _never_negative(graph: Graph, op: Op | None) -> bool:
    """Whether an op's result is certainly >= 0, as a mean or box filter of |x| is."""
    if op is None:
        return False
    if op.kind in ("KgnScaleMap", "ABS", "RELU"):
        return True
    if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        constants = [graph.constant(tensor) for tensor in op.inputs[1:] if tensor != ABSENT]
        if any(value is None or (value < 0).any() for value in constants):
            return False
    elif op.kind not in ("MEAN", "AVERAGE_POOL_2D", "RESHAPE"):
        return False
    return _never_negative(graph, graph.producer(op.inputs[0]))
