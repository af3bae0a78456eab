"""KgnFakeQuantize (float to float) → KgnQuantize, KgnDequantize."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op


def run(graph: Graph) -> bool:
    """Splits each fake quantizer at its packed tensor."""
    found = graph.of_kind("KgnFakeQuantize")
    for op in found:
        (source,), (target,) = op.inputs, op.outputs
        bits, scale = int(op.options["bits"]), float(op.options["scale"])
        *outer, channels = graph.shape(source)
        packed = graph.add_tensor(
            (*outer, bits * -(-channels // 32)), np.int32, graph.name(target), source
        )
        # The packed tensor is the one that keeps the quantizer's name, whatever reads it.
        graph.tensors[target].name = f"{graph.name(target)}/float".encode()
        options = {"version": 1, "bits": bits}
        # 1 / scale is rounded to float32 once here, as Keras rounds beta / (2^bits - 1).
        step = float(np.float32(1.0 / scale))
        back = options | {"channels": channels, "scale": step}
        graph.replace(
            op,
            [
                Op("KgnQuantize", [source], [packed], options | {"scale": scale}),
                Op("KgnDequantize", [packed], [target], back),
            ],
        )
    return bool(found)
