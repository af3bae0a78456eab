"""The geometry of ops with a window that moves over a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras_groupnet.conversion.flatbuffer.graph import Op

_SAME = 0


@dataclass(frozen=True)
class Window:
    """Kernel, strides and dilation, rows first; `padding` 0 (SAME) or 1 (VALID)."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    padding: int
    dilation: tuple[int, int] = (1, 1)

    def pads(self, source: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
        """Rows above and below the map, and columns to its left and right.

        Args:
            source: height and width of the map.
            target: of what comes out.
        """
        if self.padding != _SAME:
            return [(0, 0), (0, 0)]
        sides = zip(source, target, self.kernel, self.strides, self.dilation, strict=True)
        totals = [max((o - 1) * s + (k - 1) * d + 1 - n, 0) for n, o, k, s, d in sides]
        return [(total // 2, total - total // 2) for total in totals]


def window_of(op: Op, kernel: Sequence[int]) -> Window:
    """The window of a builtin op or of one of ours.

    Args:
        op: the op.
        kernel: height and width of the kernel.
    """
    height, width = kernel
    if op.options:
        options = op.options
        return Window(
            (height, width),
            (options["stride_height"], options["stride_width"]),
            options["padding"],
            (options.get("dilation_height", 1), options.get("dilation_width", 1)),
        )
    found = op.source.builtinOptions
    dilation = getattr(found, "dilationHFactor", 1), getattr(found, "dilationWFactor", 1)
    return Window((height, width), (found.strideH, found.strideW), found.padding, dilation)
