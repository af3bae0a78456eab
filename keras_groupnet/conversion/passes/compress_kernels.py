"""Packed 3×3 weights → Huffman's code, where that is shorter. Only on demand (`compress=`)."""

from __future__ import annotations

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.conversion.report import KernelCompression
from keras_groupnet.conversion.weights.huffman import encode
from keras_groupnet.conversion.weights.kernel_symbols import (
    changed_weights,
    cluster,
    counts_of,
    entropy,
    symbols_of,
)

WEIGHTS = 1


def run(graph: Graph, keep: int | None = None) -> list[KernelCompression]:
    """Compresses the weights of every KgnConv2D for which it pays.

    Args:
        graph: a graph whose other passes are done: they read packed weights.
        keep: how many different kernels a layer keeps (`cluster`); None changes no weight. A layer
            that is left uncompressed is not clustered either.

    Returns:
        What became of each weight tensor, in the order of the ops.
    """
    done: dict[tuple, tuple[int, KernelCompression]] = {}
    for op in graph.of_kind(*KERNEL_OPS):
        # Equal words are other kernels for another number of channels.
        key = op.inputs[WEIGHTS], op.options["channels_in"], op.options.get("groups")
        if key not in done:
            done[key] = _compressed(graph, op, keep)
        tensor, result = done[key]
        op.set_input(WEIGHTS, tensor)
        if not result.skipped:
            version = max(op.options["version"], 2)
            op.options |= {"version": version, "compression": 1}
    return [result for _, result in done.values()]


def _compressed(graph: Graph, op: Op, keep: int | None) -> tuple[int, KernelCompression]:
    """The tensor of the compressed weights, or the packed one with the reason."""
    tensor = op.inputs[WEIGHTS]
    packed = graph.value(tensor)
    layer = graph.name(tensor).rpartition("/")[0]
    if packed.shape[1:3] != (3, 3):
        return tensor, KernelCompression(layer, packed.nbytes, packed.nbytes, "not 3x3")
    original = symbols_of(packed, op.options["channels_in"] // op.options["groups"])
    symbols = original if keep is None else cluster(original, keep)
    stream = encode(symbols)
    kernels, bits = len(symbols), entropy(counts_of(symbols))
    if stream.nbytes >= packed.nbytes:
        why = f"no gain: {stream.nbytes:,} bytes with the table"
        return tensor, KernelCompression(layer, packed.nbytes, packed.nbytes, why, kernels, bits)
    changed = int((symbols != original).sum()), changed_weights(original, symbols)
    return graph.add_constant(stream, graph.name(tensor)), KernelCompression(
        layer, packed.nbytes, stream.nbytes, "", kernels, bits, *changed
    )
