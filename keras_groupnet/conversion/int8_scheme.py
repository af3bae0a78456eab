"""Which int8 quantization a float op of a binary network gets.

A static int8 output has one step for all channels; what is less than half of it away from 0 becomes
0, and `sign` turns 0 into +1. So an op whose result reaches one of our quantizers keeps a float
output. Measured (docs/conversion.md, "int8 for the float layers", with the commands): codes that
differ from the float32 file's at the first quantizer of ResNet-18, and milliseconds of its stem and
of a transposed convolution:

    scheme          1 bit    2 bits   4 bits   stem    transposed
    float32                                    2.77    1.81
    static          0.22 %   0.78 %   3.99 %   1.16    0.94
    dynamic range   0.07 %   0.20 %   0.97 %   1.31    23.06
    weight only     0.03 %   0.07 %   0.34 %   2.92    1.89

Dynamic range flips a third to a quarter of static's and costs 0.15 ms of a whole net. XNNPACK has
it for convolutions and dense layers only; elsewhere the runtime falls back to slow kernels, so the
weights of other kinds are quantized alone, which keeps float's speed. int16 activations (16x8) are
not in XNNPACK: the same stem takes 120 to 170 ms.
"""

from __future__ import annotations

import enum

import numpy as np

from keras_groupnet.conversion.graph import Graph, Op

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
    """Static where no quantizer of ours reads the result, else what keeps a float output."""
    if not reaches_quantizer(graph, op):
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
