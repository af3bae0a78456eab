"""What the passes need to know of the epilogue of KgnConv2D and KgnDense (docs/ops.md)."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.graph import ABSENT, Graph, Op

KERNEL_OPS = ("KgnConv2D", "KgnDense")
MULTIPLIER, BIAS, PIXEL_SCALE = 2, 3, 4
ADDEND, ADDEND_MULTIPLIER, SECOND_ADDEND = 5, 6, 7
QUANTIZE_MULTIPLIER, QUANTIZE_BIAS = 8, 9


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


def scale_output(graph: Graph, op: Op, factor: np.ndarray, offset: np.ndarray) -> None:
    """Makes it y → factor * y + offset, for an op without addend (and factor >= 0 under a ReLU)."""
    name = graph.name(op.outputs[0])
    multiplier = graph.value(op.inputs[MULTIPLIER]) * factor
    bias = graph.value(op.inputs[BIAS]) * factor + offset
    op.inputs[MULTIPLIER] = graph.add_constant(multiplier.astype(np.float32), name + "/multiplier")
    op.inputs[BIAS] = graph.add_constant(bias.astype(np.float32), name + "/bias")
