"""Ops that make one number from one number of each input, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from keras_groupnet.interop.qonnx.writer import Node, channels_first

_PLAIN = {
    "ABS": "Abs",
    "ADD": "Add",
    "CEIL": "Ceil",
    "COS": "Cos",
    "DIV": "Div",
    "ELU": "Elu",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "HARD_SWISH": "HardSwish",
    "LOG": "Log",
    "LOGISTIC": "Sigmoid",
    "MAXIMUM": "Max",
    "MINIMUM": "Min",
    "MUL": "Mul",
    "NEG": "Neg",
    "POW": "Pow",
    "PRELU": "PRelu",
    "RELU": "Relu",
    "ROUND": "Round",
    "SELECT": "Where",
    "SELECT_V2": "Where",
    "SIGN": "Sign",
    "SIN": "Sin",
    "SQRT": "Sqrt",
    "SUB": "Sub",
    "TANH": "Tanh",
}
_COMPARISONS = {
    "EQUAL": "Equal",
    "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterOrEqual",
    "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual",
    "LOGICAL_AND": "And",
    "LOGICAL_NOT": "Not",
    "LOGICAL_OR": "Or",
}
_CLIPS = {"RELU6": (0, 6), "RELU_0_TO_1": (0, 1), "RELU_N1_TO_1": (-1, 1)}


def _operands(node: Node) -> list[str]:
    """The inputs, ready to be broadcast: beside maps, others get axes and their channels first."""
    writer, rank = node.writer, len(node.out_shape())
    found = []
    for position, tensor in enumerate(node.op.inputs):
        value, own = node.input(position), node.shape(position)
        if rank == 4 and 0 < len(own) < 4:
            value = writer.reshape(writer.as_in_file(tensor), (1,) * (4 - len(own)) + own)
            value = _moved(node, value)
        found.append(value)
    return found


def _moved(node: Node, value: str) -> str:
    """Channels first; a constant is moved here and now."""
    writer = node.writer
    if value in writer.initializers:
        return writer.constant(value, writer.initializers[value].transpose(0, 3, 1, 2))
    return writer.from_file(value)


def _elementwise(kind: str, dtype: str = "float32") -> Callable[[Node], None]:
    def generate(node: Node) -> None:
        shape = channels_first(node.out_shape())
        made = node.writer.node(kind, _operands(node), shape, name=node.title(), dtype=dtype)
        node.give(node.activated(made))

    return generate


def _clip(low: float, high: float) -> Callable[[Node], None]:
    def generate(node: Node) -> None:
        writer, value = node.writer, node.input(0)
        limits = [writer.constant("limit", np.float32(limit)) for limit in (low, high)]
        node.give(writer.node("Clip", [value, *limits], writer.shapes[value], name=node.title()))

    return generate


def _leaky_relu(node: Node) -> None:
    value, alpha = node.input(0), float(node.option("alpha"))
    shape = node.writer.shapes[value]
    node.give(node.writer.node("LeakyRelu", [value], shape, name=node.title(), alpha=alpha))


def _rsqrt(node: Node) -> None:
    writer, value = node.writer, node.input(0)
    shape = writer.shapes[value]
    root = writer.node("Sqrt", [value], shape)
    node.give(writer.node("Reciprocal", [root], shape, name=node.title()))


def _square(node: Node) -> None:
    value = node.input(0)
    node.give(node.writer.node("Mul", [value, value], node.writer.shapes[value]))


def _squared_difference(node: Node) -> None:
    writer, shape = node.writer, channels_first(node.out_shape())
    value = writer.node("Sub", _operands(node), shape)
    node.give(writer.node("Mul", [value, value], shape, name=node.title()))


def _gelu(node: Node) -> None:
    """X (1 + erf(x / sqrt(2))) / 2."""
    if node.option("approximate"):
        raise node.refusal("the approximation by tanh")
    writer, value = node.writer, node.input(0)
    shape = writer.shapes[value]
    root, one, half = (writer.constant("number", np.float32(x)) for x in (2**0.5, 1, 0.5))
    inner = writer.node("Erf", [writer.node("Div", [value, root], shape)], shape)
    share = writer.node("Mul", [writer.node("Add", [inner, one], shape), half], shape)
    node.give(writer.node("Mul", [value, share], shape, name=node.title()))


GENERATORS: dict[str, Callable[[Node], None]] = {
    **{kind: _elementwise(name) for kind, name in _PLAIN.items()},
    **{kind: _elementwise(name, "bool") for kind, name in _COMPARISONS.items()},
    **{kind: _clip(*limits) for kind, limits in _CLIPS.items()},
    "GELU": _gelu,
    "LEAKY_RELU": _leaky_relu,
    "RSQRT": _rsqrt,
    "SQUARE": _square,
    "SQUARED_DIFFERENCE": _squared_difference,
}
