"""Float convolutions, dense layers and pools."""

from __future__ import annotations

import math

from keras_groupnet.interop.c_source.code import Code, Generator, call
from keras_groupnet.interop.c_source.loops import broadcast_strides, index, nest, strides
from keras_groupnet.interop.c_source.windows import declaration, limits
from keras_groupnet.interop.window import Window, window_of


def _conv2d(code: Code) -> list[str]:
    code.calls.append("conv2d")
    _, height, width, depth = code.shape(1)
    groups = code.shape(0)[-1] // depth
    window = window_of(code.op, (height, width))
    arguments = ["&window", *limits(code), *(code.input(i) for i in range(3)), code.output()]
    return [
        *declaration(window, code.shape(0), code.out_shape(), groups),
        call("kgn_conv2d", arguments),
    ]


def _depthwise_conv2d(code: Code) -> list[str]:
    code.calls.append("depthwise_conv2d")
    _, height, width, _ = code.shape(1)
    window = window_of(code.op, (height, width))
    arguments = ["&window", *limits(code), *(code.input(i) for i in range(3)), code.output()]
    return [
        *declaration(window, code.shape(0), code.out_shape()),
        call("kgn_depthwise_conv2d", arguments),
    ]


def _transpose_conv(code: Code) -> list[str]:
    """Weights [C_out, height, width, C_in]; the window is that of the op's gradient."""
    code.calls.append("transpose_conv2d")
    _, height, width, _ = code.shape(1)
    strides = code.option("strideH"), code.option("strideW")
    window = Window((height, width), strides, code.option("padding"))
    inputs = [code.input(position) for position in (2, 1, 3)]
    return [
        *declaration(window, code.out_shape(), code.shape(2)),
        call("kgn_transpose_conv2d", ["&window", *limits(code), *inputs, code.output()]),
    ]


def _fully_connected(code: Code) -> list[str]:
    units, depth = code.shape(1)
    if code.option("weightsFormat"):
        raise code.refusal("shuffled weights")
    rows = math.prod(code.shape(0)) // depth
    bias = code.input(2)
    first = "0.0f" if bias == "NULL" else f"{bias}[i1]"
    return nest(
        (rows, units),
        "i",
        [
            f"float sum = {first};",
            f"for (int32_t k = 0; k < {depth}; ++k) {{",
            f"  sum += {code.input(0)}[{depth} * i0 + k] * {code.input(1)}[{depth} * i1 + k];",
            "}",
            f"{code.output()}[{units} * i0 + i1] = {code.clamped('sum')};",
        ],
    )


def _batch_matmul(code: Code) -> list[str]:
    """Matrix products, the axes in front of the last two broadcast."""
    views = []
    *batch, rows, columns = code.out_shape()
    for position, flag in ((0, "adjX"), (1, "adjY")):
        *outer, _, _ = shape = code.shape(position)
        *_, row, column = strides(shape)
        own = [step * shape[-1] * shape[-2] for step in broadcast_strides(outer, batch)]
        views.append((own, (column, row) if code.option(flag) else (row, column)))
    (left, (left_row, left_k)), (right, (right_k, right_column)) = views
    depth = code.shape(0)[-2 if code.option("adjX") else -1]
    axis = len(batch)
    at_left = index([*left, left_row, 0], "i")
    at_right = index([*right, 0, right_column], "i")
    target = index(strides(code.out_shape()), "i")
    lines = [
        "float sum = 0.0f;",
        f"for (int32_t k = 0; k < {depth}; ++k) {{",
        f"  sum += {code.input(0)}[{at_left} + {left_k} * k] *",
        f"         {code.input(1)}[{at_right} + {right_k} * k];",
        "}",
        f"{code.output()}[{target}] = sum;",
    ]
    return nest((*batch, rows, columns)[: axis + 2], "i", lines)


def _pool(kind: str) -> Generator:
    def generate(code: Code) -> list[str]:
        code.calls.append(f"{kind}_pool2d")
        window = window_of(code.op, (code.option("filterHeight"), code.option("filterWidth")))
        arguments = ["&window", *limits(code), code.input(0), code.output()]
        return [
            *declaration(window, code.shape(0), code.out_shape()),
            call(f"kgn_{kind}_pool2d", arguments),
        ]

    return generate


GENERATORS: dict[str, Generator] = {
    "AVERAGE_POOL_2D": _pool("average"),
    "BATCH_MATMUL": _batch_matmul,
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv2d,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool("max"),
    "TRANSPOSE_CONV": _transpose_conv,
}
