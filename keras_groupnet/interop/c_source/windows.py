"""Ops with a window that moves over a map: the struct that the C functions take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras_groupnet.interop.c_source.code import Code
from keras_groupnet.interop.c_source.literals import real

SAME = 0


@dataclass(frozen=True)
class Window:
    """Kernel, strides and dilation, rows first; `padding` 0 (SAME) or 1 (VALID)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: int
    dilation: tuple[int, int] = (1, 1)

    def pads(self, source: Sequence[int], target: Sequence[int]) -> list[int]:
        """Rows above and columns to the left of the map; an odd one is below or to the right."""
        if self.padding != SAME:
            return [0, 0]
        rows = zip(source, target, self.kernel, self.strides, self.dilation, strict=True)
        return [max((o - 1) * s + (k - 1) * d + 1 - n, 0) // 2 for n, o, k, s, d in rows]

    def declaration(
        self, source: Sequence[int], target: Sequence[int], groups: int = 1
    ) -> list[str]:
        """The struct, called `window`.

        Args:
            source: shape of the map, (batch, height, width, channels).
            target: of what comes out.
            groups: of channels.
        """
        batch, height, width, channels = source
        _, out_height, out_width, out_channels = target
        top, left = self.pads(source[1:3], target[1:3])
        sides = [
            ("kernel", self.kernel),
            ("stride", self.strides),
            ("dilation", self.dilation),
        ]
        moves = [
            f"    .{name}_height = {rows}, .{name}_width = {columns},"
            for name, (rows, columns) in sides
        ]
        return [
            "static const kgn_window window = {",
            f"    .batch = {batch}, .height = {height}, .width = {width}, .channels = {channels},",
            f"    .out_height = {out_height}, .out_width = {out_width},",
            f"    .out_channels = {out_channels}, .groups = {groups},",
            *moves,
            f"    .pad_top = {top}, .pad_left = {left}}};",
        ]


def builtin_window(code: Code, kernel: tuple[int, int]) -> Window:
    """The window of a builtin op."""
    dilation = code.option("dilationHFactor") or 1, code.option("dilationWFactor") or 1
    strides = code.option("strideH"), code.option("strideW")
    return Window(kernel, strides, code.option("padding"), dilation)


def limits(code: Code) -> list[str]:
    """The fused activation as two arguments."""
    return [real(limit) for limit in code.limits()]
