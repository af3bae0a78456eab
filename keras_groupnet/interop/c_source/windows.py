"""Ops with a window that moves over a map: the struct that the C functions take."""

from __future__ import annotations

from collections.abc import Sequence

from keras_groupnet.interop.c_source.code import Code
from keras_groupnet.interop.c_source.literals import real
from keras_groupnet.interop.window import Window


def declaration(
    window: Window, source: Sequence[int], target: Sequence[int], groups: int = 1
) -> list[str]:
    """The struct, called `window`.

    Args:
        window: the geometry.
        source: shape of the map, (batch, height, width, channels).
        target: of what comes out.
        groups: of channels.
    """
    batch, height, width, channels = source
    _, out_height, out_width, out_channels = target
    (top, _), (left, _) = window.pads(source[1:3], target[1:3])
    sides = {"kernel": window.kernel, "stride": window.strides, "dilation": window.dilation}
    moves = [
        f"    .{name}_height = {rows}, .{name}_width = {columns},"
        for name, (rows, columns) in sides.items()
    ]
    return [
        "static const kgn_window window = {",
        f"    .batch = {batch}, .height = {height}, .width = {width}, .channels = {channels},",
        f"    .out_height = {out_height}, .out_width = {out_width},",
        f"    .out_channels = {out_channels}, .groups = {groups},",
        *moves,
        f"    .pad_top = {top}, .pad_left = {left}}};",
    ]


def limits(code: Code) -> list[str]:
    """The fused activation as two arguments."""
    return [real(limit) for limit in code.limits()]
