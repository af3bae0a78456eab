"""What the passes need to know of the epilogue of KgnConv2D and KgnDense (docs/ops.md)."""

from __future__ import annotations

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op

KERNEL_OPS = ("KgnConv2D", "KgnDense")
MULTIPLIER, BIAS, PIXEL_SCALE = 2, 3, 4
ADDEND, ADDEND_MULTIPLIER, SECOND_ADDEND = 5, 6, 7
QUANTIZE_MULTIPLIER, QUANTIZE_BIAS = 8, 9
SLOPE, OFFSET = 10, 11
# Values of the option `activation`.
NONE, RELU_BEFORE_ADDENDS, BEFORE_ADDENDS, AFTER_ADDENDS = range(4)
_RELU = 1  # ActivationFunctionType of builtin ops


def is_float_only(op: Op) -> bool:
    """Whether the op writes a float tensor and nothing else."""
    return bool(op.options["float_output"]) and not op.options["out_bits"]


def is_plain(graph: Graph, op: Op) -> bool:
    """Whether the epilogue is only a multiplication: y = multiplier * acc (acc perhaps ReLU'd)."""
    return (
        is_float_only(op)
        and not op.options["activation"]
        and op.input(ADDEND) == ABSENT
        and not graph.value(op.inputs[BIAS]).any()
    )


def commutes_with_relu(graph: Graph, op: Op) -> bool:
    """Whether a ReLU of the accumulator is one of `multiplier * acc * pixel_scale`."""
    scale = op.input(PIXEL_SCALE)
    return bool((graph.value(op.inputs[MULTIPLIER]) >= 0).all()) and (
        scale == ABSENT or _never_negative(graph, graph.producer(scale))
    )


def use_version_3(op: Op) -> None:
    """Gives the op the options of version 3, which say what they said before."""
    if op.options["version"] < 3:
        op.options |= {"version": 3, "activation_min": -np.inf, "activation_max": np.inf}
        if op.kind == "KgnConv2D":
            op.options.setdefault("compression", 0)


def use_general_activation(op: Op) -> None:
    """Says an activation in front of the addends as limits, slope and offset."""
    use_version_3(op)
    if op.options["activation"] == RELU_BEFORE_ADDENDS:
        op.options["activation_min"] = 0.0
    op.options["activation"] = BEFORE_ADDENDS


def can_scale_output(op: Op, factor: np.ndarray) -> bool:
    """Whether `scale_output` is possible for an op without addends.

    Slopes and limits of 0 and infinity let a factor >= 0 through, others let none but 1.
    """
    if op.options["activation"] == NONE or (factor == 1).all():
        return True
    limits = {op.options.get("activation_min", 0.0), op.options.get("activation_max", np.inf)}
    return limits <= {0.0, np.inf, -np.inf} and bool((factor >= 0).all())


def scale_output(graph: Graph, op: Op, factor: np.ndarray, offset: np.ndarray) -> None:
    """Makes it y → factor * y + offset, for an op that `can_scale_output`."""
    name = graph.name(op.outputs[0])
    channels = graph.value(op.inputs[MULTIPLIER]).shape
    nothing = np.zeros((), np.float32)

    def change(position: int, what: str, added: np.ndarray) -> None:
        tensor = op.input(position)
        before = np.zeros(channels, np.float32) if tensor == ABSENT else graph.value(tensor)
        value = (before * factor + added).astype(np.float32)
        if tensor != ABSENT or value.any():
            op.set_input(position, graph.add_constant(value, f"{name}/{what}"))

    change(MULTIPLIER, "multiplier", nothing)
    if op.options["activation"] == NONE:
        change(BIAS, "bias", offset)
        return
    change(BIAS, "bias", nothing)
    if np.any(offset):
        use_general_activation(op)
    if op.options["activation"] == BEFORE_ADDENDS:
        change(OFFSET, "offset", offset)


def add_offset(graph: Graph, op: Op, offset: np.ndarray) -> None:
    """Adds to what the general activation of an op gives."""
    name = graph.name(op.outputs[0])
    shape = graph.value(op.inputs[MULTIPLIER]).shape
    before = np.float32(0) if op.input(OFFSET) == ABSENT else graph.value(op.inputs[OFFSET])
    value = np.broadcast_to(before + offset, shape).astype(np.float32)
    op.set_input(OFFSET, graph.add_constant(value, f"{name}/offset"))


def _never_negative(graph: Graph, op: Op | None) -> bool:
    """Whether an op's result is certainly >= 0, as a mean or box filter of |x| is."""
    if op is None:
        return False
    if (
        op.kind in ("KgnScaleMap", "ABS", "RELU", "RELU6", "LOGISTIC")
        or op.fused_activation == _RELU
    ):
        return True
    if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        constants = [graph.constant(tensor) for tensor in op.inputs[1:] if tensor != ABSENT]
        if any(v is None or v.dtype != np.float32 or not (v >= 0).all() for v in constants):
            return False
    elif op.kind not in ("MEAN", "AVERAGE_POOL_2D", "RESHAPE"):
        return False
    return _never_negative(graph, graph.producer(op.inputs[0]))
