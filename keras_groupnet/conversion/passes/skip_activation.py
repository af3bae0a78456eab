"""Activations that the quantizer behind them cannot notice → the quantizer reads past them.

`quantize(y, bits, scale)` (docs/ops.md) clips codes to 0 … 2^bits - 1, and with 1 bit sees only
y < 0. Batch norm or a kernel op in front of the activation can then take the quantizer.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS

_RANGES = {
    "RELU": (0.0, float("inf")),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
_FUSED = {getattr(schema.ActivationFunctionType, kind): kind for kind in _RANGES}


def run(graph: Graph) -> bool:
    """Lets quantizers read what the activation reads, where their codes are the same."""
    changed = False
    for op in graph.of_kind("KgnQuantize"):
        activation = graph.producer(op.inputs[0])
        if activation is None or activation.kind not in _RANGES:
            continue
        if _stays(graph, activation):
            continue
        if _ignores(op, activation.kind):
            op.set_input(0, activation.inputs[0])
            changed = True
    return changed


def _stays(graph: Graph, activation: Op) -> bool:
    """Whether others read the activation, so that `fold_activation` puts it into a kernel op."""
    source = graph.producer(activation.inputs[0])
    target = activation.outputs[0]
    read = target in graph.outputs or any(
        reader.kind != "KgnQuantize" or not _ignores(reader, activation.kind)
        for reader in graph.consumers(target)
    )
    return read and source is not None and source.kind in KERNEL_OPS


def ignores_fused(quantize: Op, activation: int) -> bool:
    """Whether the activation (ActivationFunctionType) of the op before goes unnoticed."""
    return activation in _FUSED and _ignores(quantize, _FUSED[activation])


def _ignores(quantize: Op, kind: str) -> bool:
    """Whether clipping to the activation's range, which holds 0, leaves every code as it is."""
    low, high = _RANGES[kind]
    bits, scale = quantize.options["bits"], quantize.options["scale"]
    if len(quantize.inputs) > 1:
        return False  # a batch norm of its own comes between
    if bits == 1:
        return low < 0 < high  # a ReLU would make all of them +1
    return high * scale >= 2**bits - 1
