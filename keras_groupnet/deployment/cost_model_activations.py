"""What is left of an activation, or of an operation of `keras.ops`, in the converted file."""

from __future__ import annotations

from typing import Any

# What is left of an activation in the file: the kinds of element-wise ops that it becomes.
# "simple" is an op of one operand, "add" one of two.
_ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "linear": (),
    "relu": ("simple",),
    "relu6": ("simple",),
    "leaky_relu": ("simple",),
    "sigmoid": ("logistic",),
    "hard_sigmoid": ("simple", "simple", "simple"),
    "hard_silu": ("simple", "simple", "add"),
    "hard_swish": ("simple", "simple", "add"),
    "silu": ("logistic", "add"),
    "swish": ("logistic", "add"),
    "gelu": ("gelu",),
    "tanh": ("tanh",),
    "softmax": ("softmax",),
    "log_softmax": ("softmax", "exp"),
    "elu": ("exp",),
    "selu": ("exp", "simple", "simple"),
    "exponential": ("exp",),
    "softplus": ("exp", "exp"),
    "mish": ("exp", "exp", "tanh", "add"),
}
FUSED = ("linear", "relu", "relu6")
# Operations of `keras.ops` in functional models whose names are not those of activations.
_OPERATIONS: dict[str, tuple[str, ...]] = {
    "exp": ("exp",),
    "log": ("exp",),
    "sqrt": ("simple",),
    "rprelu": ("simple", "add"),
    "transpose": ("transpose",),
    "swapaxes": ("transpose",),
    "moveaxis": ("transpose",),
    "reshape": (),
    "expanddims": (),
    "squeeze": (),
}


def activation_name(activation: Any) -> str:
    """The name of a function; `"linear"` for None, `"other"` where it has none."""
    return "linear" if activation is None else getattr(activation, "__name__", "other")


def activation_kinds(activation: Any) -> tuple[str, ...]:
    """The element-wise ops of an activation function; of an unknown one: one op."""
    return _ACTIVATIONS.get(activation_name(activation), ("simple",))


def operation_kinds(operation: type) -> tuple[str, ...]:
    """The ops of a layer without weights or an operation, by its class."""
    named = {name.replace("_", ""): kinds for name, kinds in _ACTIVATIONS.items()}
    return (named | _OPERATIONS).get(operation.__name__.lower(), ("simple",))
