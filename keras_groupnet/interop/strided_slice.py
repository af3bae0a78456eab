"""What the builtin op STRIDED_SLICE takes of each axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def axis_ranges(
    options: Any,
    begin: Sequence[int],
    end: Sequence[int],
    by: Sequence[int],
    shape: Sequence[int],
) -> list[range | int]:
    """For each axis the positions, or the one position of an axis that goes.

    Args:
        options: of the op: masks say which bounds are open and which axes go. It must add no axes
            and leave out none in the middle.
        begin: bounds, one for each of the first axes, as numpy has them.
        end: as `begin`.
        by: as `begin`.
        shape: of the input.
    """
    found: list[range | int] = []
    for axis, size in enumerate(shape):
        if axis >= len(begin):
            found.append(range(size))
            continue
        if options.shrinkAxisMask >> axis & 1:
            found.append(begin[axis] % size)
            continue
        start = None if options.beginMask >> axis & 1 else begin[axis]
        stop = None if options.endMask >> axis & 1 else end[axis]
        if stop is not None and options.offset:
            stop += begin[axis]
        found.append(range(size)[slice(start, stop, by[axis])])
    return found
