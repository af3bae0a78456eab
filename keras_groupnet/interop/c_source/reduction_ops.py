"""Ops that make one number of many: sums, means, extrema, softmax."""

from __future__ import annotations

import math

from keras_groupnet.interop.c_source.code import Code, Generator
from keras_groupnet.interop.c_source.literals import real
from keras_groupnet.interop.c_source.loops import collapsed, index, nest, strides

# First value of `y`, and what each value x does to it.
_STEPS = {
    "MEAN": ("0.0f", "y += x;"),
    "SUM": ("0.0f", "y += x;"),
    "REDUCE_PROD": ("1.0f", "y *= x;"),
    "REDUCE_MAX": ("-INFINITY", "if (x > y) y = x;"),
    "REDUCE_MIN": ("INFINITY", "if (x < y) y = x;"),
}


def _reduce(code: Code) -> list[str]:
    first, step = _STEPS[code.op.kind]
    shape = code.shape(0)
    if code.names.kind(code.op.inputs[0]) != "float":
        raise code.refusal("integers")
    axes = {int(axis) % len(shape) for axis in code.value(1, "the axes").ravel()}
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    gone = sorted(axes)
    steps = strides(shape)
    outer = [shape[axis] for axis in kept]
    extents, (source, target) = collapsed(outer, [[steps[a] for a in kept], strides(outer)])
    inner, (within,) = collapsed([shape[a] for a in gone], [[steps[a] for a in gone]])
    value = f"{code.input(0)}[{index(source, 'i')} + {index(within, 'j')}]"
    count = math.prod(shape[axis] for axis in axes)
    result = f"y / {real(count)}" if code.op.kind == "MEAN" else "y"
    return nest(
        extents,
        "i",
        [
            f"float y = {first};",
            *nest(inner, "j", [f"const float x = {value};", step]),
            f"{code.output()}[{index(target, 'i')}] = {result};",
        ],
    )


def _rows(code: Code) -> tuple[int, int]:
    *outer, last = code.shape(0)
    return math.prod(outer), last


def _softmax(code: Code) -> list[str]:
    """exp(beta (x - max)) over its sum, along the last axis."""
    rows, last = _rows(code)
    return nest(
        (rows,),
        "i",
        [
            f"const float *x = {code.input(0)} + {last} * i0;",
            f"float *y = {code.output()} + {last} * i0;",
            "float largest = x[0], sum = 0.0f;",
            *nest((last,), "j", ["if (x[j0] > largest) largest = x[j0];"]),
            *nest(
                (last,),
                "j",
                [
                    f"y[j0] = expf({real(code.option('beta'))} * (x[j0] - largest));",
                    "sum += y[j0];",
                ],
            ),
            *nest((last,), "j", ["y[j0] = y[j0] / sum;"]),
        ],
    )


def _log_softmax(code: Code) -> list[str]:
    rows, last = _rows(code)
    return nest(
        (rows,),
        "i",
        [
            f"const float *x = {code.input(0)} + {last} * i0;",
            f"float *y = {code.output()} + {last} * i0;",
            "float largest = x[0], sum = 0.0f;",
            *nest((last,), "j", ["if (x[j0] > largest) largest = x[j0];"]),
            *nest((last,), "j", ["sum += expf(x[j0] - largest);"]),
            *nest((last,), "j", ["y[j0] = x[j0] - largest - logf(sum);"]),
        ],
    )


GENERATORS: dict[str, Generator] = {
    **dict.fromkeys(_STEPS, _reduce),
    "LOG_SOFTMAX": _log_softmax,
    "SOFTMAX": _softmax,
}
