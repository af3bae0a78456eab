"""Ops that make one number from one number of each input, with broadcasting."""

from __future__ import annotations

from keras_groupnet.interop.c_source.code import Code, Generator
from keras_groupnet.interop.c_source.literals import literal, real
from keras_groupnet.interop.c_source.loops import broadcast_strides, elementwise

# The C expression of the inputs x, y and z.
_EXPRESSIONS = {
    "ABS": "fabsf(x)",
    "ADD": "x + y",
    "CEIL": "ceilf(x)",
    "COS": "cosf(x)",
    "DIV": "x / y",
    "ELU": "x < 0.0f ? expm1f(x) : x",
    "EQUAL": "x == y",
    "EXP": "expf(x)",
    "FLOOR": "floorf(x)",
    "FLOOR_DIV": "floorf(x / y)",
    "GREATER": "x > y",
    "GREATER_EQUAL": "x >= y",
    "HARD_SWISH": "x * (x < -3.0f ? 0.0f : x > 3.0f ? 6.0f : x + 3.0f) * (1.0f / 6.0f)",
    "LESS": "x < y",
    "LESS_EQUAL": "x <= y",
    "LOG": "logf(x)",
    "LOGICAL_AND": "x && y",
    "LOGICAL_NOT": "!x",
    "LOGICAL_OR": "x || y",
    "LOGISTIC": "1.0f / (1.0f + expf(-x))",
    "MAXIMUM": "x > y ? x : y",
    "MINIMUM": "x < y ? x : y",
    "MUL": "x * y",
    "NEG": "-x",
    "NOT_EQUAL": "x != y",
    "POW": "powf(x, y)",
    "PRELU": "x < 0.0f ? x * y : x",
    "RELU": "x > 0.0f ? x : 0.0f",
    "RELU6": "x > 6.0f ? 6.0f : x > 0.0f ? x : 0.0f",
    "RELU_0_TO_1": "x > 1.0f ? 1.0f : x > 0.0f ? x : 0.0f",
    "RELU_N1_TO_1": "x > 1.0f ? 1.0f : x > -1.0f ? x : -1.0f",
    "ROUND": "rintf(x)",
    "RSQRT": "1.0f / sqrtf(x)",
    "SELECT": "x ? y : z",
    "SELECT_V2": "x ? y : z",
    "SIGN": "(float)((x > 0.0f) - (x < 0.0f))",
    "SIN": "sinf(x)",
    "SQRT": "sqrtf(x)",
    "SQUARE": "x * x",
    "SQUARED_DIFFERENCE": "(x - y) * (x - y)",
    "SUB": "x - y",
    "TANH": "tanhf(x)",
}
_LETTERS = "xyz"
# gelu(x) = x Φ(x), and its approximation by tanh (arXiv:1606.08415, section 2).
_GELU = "0.5f * x * (1.0f + erff(x * 0.70710678f))"
_GELU_TANH = "0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)))"


def _generate(code: Code, expression: str) -> list[str]:
    shape = code.out_shape()
    arrays = [(code.output(), broadcast_strides(shape, shape), 0)]
    lines = []
    for letter, position in zip(_LETTERS, range(len(code.op.inputs)), strict=False):
        element = _uniform(code, position)
        if element is None:
            element = f"{{{len(arrays)}}}"
            own = broadcast_strides(code.shape(position), shape)
            arrays.append((code.input(position), own, 0))
        lines.append(f"const {code.names.kind(code.op.inputs[position])} {letter} = {element};")
    limits = code.limits()
    if limits == (float("-inf"), float("inf")):
        lines.append(f"{{0}} = {expression};")
    else:
        lines += [f"const float r = {expression};", f"{{0}} = {code.clamped('r')};"]
    return elementwise(shape, arrays, lines)


def _uniform(code: Code, position: int) -> str | None:
    """The literal of a constant that is the same number everywhere."""
    value = code.static.constant(code.op.inputs[position])
    if value is None or len({one.tobytes() for one in value.ravel()}) != 1:
        return None
    return literal(value.ravel()[0])


def _plain(kind: str) -> Generator:
    def generate(code: Code) -> list[str]:
        if kind in ("FLOOR_DIV", "ABS", "POW") and code.names.kind(code.op.inputs[0]) != "float":
            raise code.refusal("integers")
        if kind == "SELECT" and code.shape(0) != code.out_shape():
            raise code.refusal("a condition of another shape")
        return _generate(code, _EXPRESSIONS[kind])

    return generate


def _leaky_relu(code: Code) -> list[str]:
    return _generate(code, f"x < 0.0f ? x * {real(code.option('alpha'))} : x")


def _gelu(code: Code) -> list[str]:
    return _generate(code, _GELU_TANH if code.option("approximate") else _GELU)


def _cast(code: Code) -> list[str]:
    kind = code.names.kind(code.op.outputs[0])
    return _generate(code, "x != 0" if kind == "uint8_t" else f"({kind})x")


GENERATORS: dict[str, Generator] = {
    **{kind: _plain(kind) for kind in _EXPRESSIONS},
    "CAST": _cast,
    "GELU": _gelu,
    "LEAKY_RELU": _leaky_relu,
}
