"""KgnQuantize behind a kernel op → the op writes packed bits itself."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import (
    KERNEL_OPS,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
    is_float_only,
)
from keras_groupnet.conversion.passes.pack_inputs import max_pool_options
from keras_groupnet.conversion.weights.bitpack import pack_bits


def run(graph: Graph) -> bool:
    """Fuses quantizers; keeps the float output only where somebody reads it."""
    changed = False
    for quantize in graph.of_kind("KgnQuantize"):
        changed |= _swap_with_max_pool(graph, quantize)
        source = quantize.inputs[0]
        op = graph.producer(source)
        if op is None or op.kind not in KERNEL_OPS or not is_float_only(op):
            continue
        for position, tensor in zip(
            (QUANTIZE_MULTIPLIER, QUANTIZE_BIAS), quantize.inputs[1:], strict=False
        ):
            op.set_input(position, tensor)
        op.options["out_bits"] = quantize.options["bits"]
        op.options["out_scale"] = quantize.options["scale"]
        graph.remove(quantize)
        if graph.consumers(source) or source in graph.outputs:
            op.outputs = [source, quantize.outputs[0]]
        else:
            op.options["float_output"] = 0
            op.outputs = [quantize.outputs[0]]
        changed = True
    return changed


def _swap_with_max_pool(graph: Graph, quantize: Op) -> bool:
    """quantize(max(x)) = max(quantize(x)): quantizing is monotone.

    In channels in which a batch norm in front of the quantizer has a negative factor it falls, and
    the maximum becomes a minimum.
    """
    pool = graph.producer(quantize.inputs[0])
    if (
        pool is None
        or pool.kind != "MAX_POOL_2D"
        or pool.fused_activation
        or graph.only_consumer(pool.outputs[0]) is not quantize
        or graph.only_consumer(pool.inputs[0]) is not pool
    ):
        return False
    producer = graph.producer(pool.inputs[0])
    if producer is None or producer.kind not in KERNEL_OPS:
        return False
    source, channels = pool.inputs[0], graph.shape(pool.inputs[0])[-1]
    bits, target = quantize.options["bits"], quantize.outputs[0]
    packed = graph.add_tensor(
        (*graph.shape(source)[:-1], graph.shape(target)[-1]),
        np.int32,
        graph.name(source) + "/packed",
        source,
    )
    constants = quantize.inputs[1:]
    quantize.inputs, quantize.outputs = [source, *constants], [packed]
    pooled = Op("KgnMaxPool2D", [packed], [target], max_pool_options(pool, bits, channels))
    if constants and (falling := graph.value(constants[0]) < 0).any():
        minimum = graph.add_constant(pack_bits(falling), f"{graph.name(target)}/minimum")
        pooled.inputs = [packed, minimum]
        pooled.options["version"] = 2
    graph.replace(pool, [pooled])
    return True
