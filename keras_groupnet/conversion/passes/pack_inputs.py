"""Ops that read a dequantized tensor → read the packed one instead."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op


def run(graph: Graph) -> bool:
    """Moves KgnDequantize behind its readers, where they have a packed form."""
    changed = False
    for dequantize in graph.of_kind("KgnDequantize"):
        for reader in graph.consumers(dequantize.outputs[0]):
            rewrite = _REWRITES.get(reader.kind)
            changed |= bool(rewrite and rewrite(graph, dequantize, reader))
    return changed


def _kernel_op(graph: Graph, dequantize: Op, op: Op) -> bool:
    """The accumulator becomes the integer sum of codes; their step goes into the multiplier."""
    if op.inputs[0] != dequantize.outputs[0] or op.options["bits"] != 32:
        return False
    bits, step = dequantize.options["bits"], dequantize.options["scale"]
    if bits > 1 and op.options.get("pad_value"):
        return False  # there is no code for -1, and the code of 1 depends on the step
    op.set_input(0, dequantize.inputs[0])
    op.options["bits"] = bits
    if step != 1.0:
        multiplier = graph.value(op.inputs[2]) * np.float32(step)
        op.set_input(2, graph.add_constant(multiplier, graph.name(op.inputs[2]) + "/step"))
    return True


def _max_pool(graph: Graph, dequantize: Op, op: Op) -> bool:
    """max(dequantize(x)) = dequantize(max(x)): the step is positive."""
    if op.fused_activation:
        return False
    bits, channels = dequantize.options["bits"], dequantize.options["channels"]
    packed = dequantize.inputs[0]
    target = op.outputs[0]
    pooled = graph.add_tensor(
        (*graph.shape(target)[:-1], graph.shape(packed)[-1]),
        np.int32,
        graph.name(target) + "/packed",
        target,
    )
    graph.replace(
        op,
        [
            Op("KgnMaxPool2D", [packed], [pooled], max_pool_options(op, bits, channels)),
            Op("KgnDequantize", [pooled], [target], dict(dequantize.options)),
        ],
    )
    return True


def _reshape(graph: Graph, dequantize: Op, op: Op) -> bool:
    """reshape(dequantize(quantize(x))) = dequantize(quantize(reshape(x))): both are element-wise.

    Moving the reshape to the float side lets dense layers and convolutions along time read packed
    bits.
    """
    quantize = graph.producer(dequantize.inputs[0])
    target = op.outputs[0]
    readers = graph.consumers(target)
    if (
        op.inputs[0] != dequantize.outputs[0]
        or target in graph.outputs
        or not readers
        or not all(reader.kind in ("KgnDense", "KgnConv2D") for reader in readers)
        or quantize is None
        or quantize.kind != "KgnQuantize"
        or len(quantize.inputs) > 1
    ):
        return False
    *outer, channels = graph.shape(target)
    bits = quantize.options["bits"]
    name = graph.name(target)
    flat = graph.add_tensor(graph.shape(target), np.float32, name + "/float", target)
    packed = graph.add_tensor(
        (*outer, bits * -(-channels // 32)), np.int32, graph.name(quantize.outputs[0]), target
    )
    reshape = Op("RESHAPE", [quantize.inputs[0], *op.inputs[1:]], [flat], {}, op.source, op.code)
    graph.replace(
        op,
        [
            reshape,
            Op("KgnQuantize", [flat], [packed], dict(quantize.options)),
            Op("KgnDequantize", [packed], [target], dequantize.options | {"channels": channels}),
        ],
    )
    return True


def max_pool_options(op: Op, bits: int, channels: int) -> dict[str, int]:
    """KgnMaxPool2D's options from a MAX_POOL_2D."""
    pool = op.source.builtinOptions
    return {
        "version": 1,
        "bits": bits,
        "channels": channels,
        "filter_height": pool.filterHeight,
        "filter_width": pool.filterWidth,
        "stride_height": pool.strideH,
        "stride_width": pool.strideW,
        "padding": int(pool.padding),
    }


_REWRITES = {
    "KgnConv2D": _kernel_op,
    "KgnDense": _kernel_op,
    "MAX_POOL_2D": _max_pool,
    "RESHAPE": _reshape,
}
