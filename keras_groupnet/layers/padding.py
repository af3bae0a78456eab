"""TensorFlow's SAME padding with a value other than zero."""

from typing import Any

from keras import ops


def check_padding(
    pad_values: float,
    padding: str,
    data_format: str,
    paddings: tuple[str, ...] = ("same", "valid"),
) -> None:
    """Raises ValueError unless a quantized layer can pad like this."""
    if data_format != "channels_last":
        raise ValueError(
            "Quantized layers support data_format='channels_last' only. "
            f"Received: data_format={data_format!r}"
        )
    if padding not in paddings:
        raise ValueError(f"`padding` must be one of {paddings}. Received: padding={padding!r}")
    if pad_values not in (-1, 0, 1):
        raise ValueError(f"`pad_values` must be -1, 0 or 1. Received: pad_values={pad_values!r}")
    if pad_values != 0 and padding != "same":
        raise ValueError(
            "`pad_values` other than 0 need padding='same'. "
            f"Received: pad_values={pad_values!r}, padding={padding!r}"
        )


def pad_same(
    inputs: Any,
    kernel_size: tuple[int, ...],
    strides: tuple[int, ...],
    dilation_rate: tuple[int, ...],
    value: float,
) -> Any:
    """Pads `(N, ..., C)` so that a "valid" convolution gives the "same" one.

    Per axis: `out = ceil(in / s)`, `total = max((out - 1) * s + (k - 1) * d + 1 - in, 0)`,
    `total // 2` in front and the rest (the odd row or column) behind.
    """
    widths: list[tuple[Any, Any]] = []
    for axis, (size, stride, dilation) in enumerate(
        zip(kernel_size, strides, dilation_rate, strict=True), start=1
    ):
        extent = (size - 1) * dilation + 1
        # (out - 1) * s is the largest multiple of s below `length`.
        length = inputs.shape[axis]
        if stride == 1:
            total = extent - 1
        elif length is not None:
            total = max((length - 1) // stride * stride + extent - length, 0)
        else:
            length = ops.shape(inputs)[axis]
            total = ops.maximum((length - 1) // stride * stride + extent - length, 0)
        widths.append((total // 2, total - total // 2))
    return ops.pad(inputs, [(0, 0), *widths, (0, 0)], constant_values=value)
