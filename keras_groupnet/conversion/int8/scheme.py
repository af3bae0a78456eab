"""Which int8 quantization a float op of a binary network gets.

A static int8 output has one step for all channels; what is less than half of it away from 0 becomes
0, and `sign` turns 0 into +1. So an op whose result reaches one of our quantizers keeps a float
output. XNNPACK has dynamic range for convolutions and dense layers only; elsewhere the runtime has
slow kernels, so the weights of other kinds are quantized alone, which keeps float's speed. 16-bit
activations (16x8) are not in XNNPACK at all.

What each scheme flips and what it costs, with the commands that measure it: docs/conversion.md,
"int8 for the float layers" (`examples/int8_precision.py`, `examples/int8_layers.py`).
"""

from __future__ import annotations

import enum

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.int8.trained_ranges import trained_parameters

WEIGHTS = 1  # the position of the constant among the inputs of every op of FLOAT_KERNELS
FLOAT_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


class Scheme(enum.Enum):
    """LiteRT's ways to quantize an op after training; weights are int8, one scale a channel."""

    STATIC = "static"
    """Activations are int8 in the file, by ranges that were seen on representative data."""
    DYNAMIC_RANGE = "dynamic range"
    """Activations are float in the file; the runtime quantizes what the op reads, image by image,
    multiplies integers, and writes floats."""
    WEIGHT_ONLY = "weight only"
    """The runtime makes the weights float when it loads the file."""


def data_input(op: Op) -> int:
    """The tensor of activations that an op of FLOAT_KERNELS reads."""
    return op.inputs[2 if op.kind == "TRANSPOSE_CONV" else 0]


def quantizable_ops(graph: Graph) -> list[Op]:
    """The float ops with constant weights that the LiteRT quantizer knows."""
    return [
        op
        for op in graph.of_kind(*FLOAT_KERNELS)
        if (value := graph.constant(op.inputs[WEIGHTS])) is not None and value.dtype == np.float32
    ]


def scheme_of(graph: Graph, op: Op) -> Scheme:
    """Static where no quantizer of ours reads the result, else what keeps a float output.

    Static, too, where the network was trained with what that rounds: with ranges for what the op
    reads and what it writes.
    """
    trained = trained_parameters(graph)
    if {data_input(op), op.outputs[0]} <= trained.keys() or not reaches_quantizer(graph, op):
        return Scheme.STATIC
    if op.kind in ("CONV_2D", "FULLY_CONNECTED"):
        return Scheme.DYNAMIC_RANGE
    return Scheme.WEIGHT_ONLY


def reaches_quantizer(graph: Graph, op: Op) -> bool:
    """Whether one of our quantizers reads what becomes of the op's result."""
    reached: set[int] = set()
    waiting = list(op.outputs)
    while waiting:
        for reader in graph.consumers(waiting.pop()):
            if reader.kind == "KgnQuantize" or reader.options.get("out_bits"):
                return True
            new = set(reader.outputs) - reached
            reached |= new
            waiting += new
    return False
