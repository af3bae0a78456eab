"""What the passes need to know of the epilogue of KgnConv2D and KgnDense (docs/ops.md)."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op

KERNEL_OPS = ("KgnConv2D", "KgnDense")
MULTIPLIER, BIAS, PIXEL_SCALE = 2, 3, 4
ADDEND, ADDEND_MULTIPLIER, SECOND_ADDEND = 5, 6, 7
QUANTIZE_MULTIPLIER, QUANTIZE_BIAS = 8, 9
_RELU = 1  # ActivationFunctionType of builtin ops


def is_float_only(op: Op) -> bool:
    """Whether the op writes a float tensor and nothing else."""
    return bool(op.options["float_output"]) and not op.options["out_bits"]


def is_plain(graph: Graph, op: Op) -> bool:
    """Whether the epilogue is only a multiplication: y = multiplier * acc (acc perhaps ReLU'd)."""
    return (
        is_float_only(op)
        and not op.options["activation"]
        and op.input(ADDEND) == ABSENT
        and not graph.value(op.inputs[BIAS]).any()
    )


def commutes_with_relu(graph: Graph, op: Op) -> bool:
    """Whether a ReLU of the accumulator is one of `multiplier * acc * pixel_scale`."""
    scale = op.input(PIXEL_SCALE)
    return bool((graph.value(op.inputs[MULTIPLIER]) >= 0).all()) and (
        scale == ABSENT or _never_negative(graph, graph.producer(scale))
    )


def scale_output(graph: Graph, op: Op, factor: np.ndarray, offset: np.ndarray) -> None:
    """Makes it y → factor * y + offset, for an op without addend (and factor >= 0 under a ReLU)."""
    name = graph.name(op.outputs[0])
    multiplier = graph.value(op.inputs[MULTIPLIER]) * factor
    bias = graph.value(op.inputs[BIAS]) * factor + offset
    for position, value, what in ((MULTIPLIER, multiplier, "multiplier"), (BIAS, bias, "bias")):
        op.set_input(position, graph.add_constant(value.astype(np.float32), f"{name}/{what}"))


def _never_negative(graph: Graph, op: Op | None) -> bool:
    """Whether an op's result is certainly >= 0, as a mean or box filter of |x| is."""
    if op is None:
        return False
    if op.kind in ("KgnScaleMap", "ABS", "RELU") or op.fused_activation == _RELU:
        return True
    if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        constants = [graph.constant(tensor) for tensor in op.inputs[1:] if tensor != ABSENT]
        if any(v is None or v.dtype != np.float32 or not (v >= 0).all() for v in constants):
            return False
    elif op.kind not in ("MEAN", "AVERAGE_POOL_2D", "RESHAPE"):
        return False
    return _never_negative(graph, graph.producer(op.inputs[0]))
