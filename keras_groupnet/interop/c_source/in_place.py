"""Which inputs of an op its result may replace, element by element, while the op runs."""

from __future__ import annotations

from collections.abc import Sequence

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Op
from keras_groupnet.conversion.passes.epilogue import ADDEND, KERNEL_OPS, SECOND_ADDEND
from keras_groupnet.interop.c_source import elementwise_ops
from keras_groupnet.interop.static_graph import StaticGraph


def replaceable(static: StaticGraph, op: Op) -> list[int]:
    """The positions of inputs whose element i is read just before that of the result is written.

    Nothing that the op reads at another position may be at the same place; that is for the caller
    to check.
    """
    positions: Sequence[int] = ()
    if op.kind in KERNEL_OPS and op.options["float_output"]:
        positions = (ADDEND, SECOND_ADDEND)
    elif op.kind in elementwise_ops.GENERATORS:
        positions = range(len(op.inputs))
    target = op.outputs[0]
    return [
        position
        for position in positions
        if (tensor := op.input(position)) != ABSENT
        and static.constant(tensor) is None
        and static.shape(tensor) == static.shape(target)
        and static.graph.dtype(tensor) == static.graph.dtype(target)
    ]
