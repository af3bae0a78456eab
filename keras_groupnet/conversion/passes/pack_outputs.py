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
    """quantize(max(x)) = max(quantize(x)): quantizing is monotone."""
    pool = graph.producer(quantize.inputs[0])
    if (
        len(quantize.inputs) > 1
        or pool is None
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
    quantize.inputs, quantize.outputs = [source], [packed]
    pooled = Op("KgnMaxPool2D", [packed], [target], max_pool_options(pool, bits, channels))
    graph.replace(pool, [pooled])
    return True
