"""Activations behind a kernel op → its epilogue: ReLU, limits, LeakyReLU, PReLU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    AFTER_ADDENDS,
    BEFORE_ADDENDS,
    KERNEL_OPS,
    NONE,
    OFFSET,
    RELU_BEFORE_ADDENDS,
    SLOPE,
    commutes_with_relu,
    is_float_only,
    is_plain,
    use_general_activation,
    use_version_3,
)

_LIMITS = {
    "RELU": (0.0, np.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


@dataclass(frozen=True)
class _Activation:
    """`min(max(y < 0 ? slope * y : y, low), high)`, slope a value a channel or None."""

    low: float = -np.inf
    high: float = np.inf
    slope: np.ndarray | None = None


def run(graph: Graph) -> bool:
    """Folds an activation where docs/ops.md's epilogue has room for it.

    A ReLU becomes pre_activation where y = multiplier * acc: `relu(multiplier * v) = multiplier *
    relu(v)` for multiplier >= 0 (and a pixel_scale >= 0), which leaves the bias free for a batch
    norm that follows. Else it is the activation, and so are all others: behind the addends if there
    are any. Limits that follow limits become one pair.
    """
    changed = False
    for op in graph.of_kind(*KERNEL_OPS):
        target = op.outputs[0]
        reader = graph.only_consumer(target)
        if reader is None or not is_float_only(op):
            continue
        activation = _read(graph, reader, target)
        if activation is None or not _fold(graph, op, activation):
            continue
        graph.remove(reader)
        op.outputs = reader.outputs
        changed = True
    return changed


def _read(graph: Graph, op: Op, source: int) -> _Activation | None:
    """What an op does to `source`, if it is such an activation."""
    if op.kind in _LIMITS:
        return _Activation(*_LIMITS[op.kind])
    if op.kind == "LEAKY_RELU":
        return _Activation(slope=np.asarray(op.source.builtinOptions.alpha))
    if op.kind in ("MINIMUM", "MAXIMUM"):
        limit = next((graph.constant(tensor) for tensor in op.inputs if tensor != source), None)
        if limit is None or limit.size != 1 or limit.dtype != np.float32:
            return None
        value = float(limit.reshape(()))
        if np.isnan(value):
            return None
        return _Activation(high=value) if op.kind == "MINIMUM" else _Activation(low=value)
    if op.kind == "PRELU" and op.inputs[0] == source:
        slope, channels = graph.constant(op.inputs[1]), graph.shape(source)[-1]
        if slope is not None and slope.dtype == np.float32 and slope.size in (1, channels):
            if slope.size == 1 or slope.shape[-1] == channels:
                return _Activation(slope=slope.reshape(-1))
    return None


def _fold(graph: Graph, op: Op, activation: _Activation) -> bool:
    adds = op.input(ADDEND) != ABSENT
    before = op.options["activation"]
    if before == NONE:
        if activation == _Activation(0.0) and not adds:
            pre = is_plain(graph, op) and commutes_with_relu(graph, op)
            if pre:
                op.options["pre_activation"] = 1
            else:
                op.options["activation"] = RELU_BEFORE_ADDENDS
            return True
        use_version_3(op)
        op.options["activation"] = AFTER_ADDENDS if adds else BEFORE_ADDENDS
        op.options |= {"activation_min": activation.low, "activation_max": activation.high}
        if activation.slope is not None:
            name = graph.name(op.outputs[0])
            slope = np.broadcast_to(activation.slope, graph.shape(op.outputs[0])[-1:])
            op.set_input(SLOPE, graph.add_constant(slope.astype(np.float32), f"{name}/slope"))
        return True
    behind = before == AFTER_ADDENDS or not adds
    if not behind or activation.slope is not None or op.input(OFFSET) != ABSENT:
        return False
    if before == RELU_BEFORE_ADDENDS:
        if activation == _Activation(0.0):
            return True
        use_general_activation(op)
    for end in ("activation_min", "activation_max"):
        limited = min(max(op.options[end], activation.low), activation.high)
        op.options[end] = float(limited)
    return True
