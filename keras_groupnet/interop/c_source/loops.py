"""Nested loops over arrays with strides, as C."""

from __future__ import annotations

from collections.abc import Sequence


def strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of a dense array, in elements."""
    steps = [1]
    for extent in reversed(shape[1:]):
        steps.append(steps[-1] * extent)
    return tuple(reversed(steps)) if shape else ()


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Strides with which a dense array is read as one of the shape that it is broadcast to."""
    own = [0 if extent == 1 else step for extent, step in zip(shape, strides(shape), strict=True)]
    return (0,) * (len(target) - len(shape)) + tuple(own)


def collapsed(
    extents: Sequence[int], views: Sequence[Sequence[int]]
) -> tuple[list[int], list[list[int]]]:
    """Fewer loops that visit the same elements in the same order.

    Args:
        extents: of the loops, outermost first.
        views: for each array its strides, one a loop.

    Returns:
        New extents and strides: loops of one step are gone, and two are one where each array goes
        on behind the inner loop where the outer one takes it.
    """
    kept: list[int] = []
    steps: list[list[int]] = [[] for _ in views]
    for axis, extent in enumerate(extents):
        if extent == 1:
            continue
        inner = [view[axis] for view in views]
        joins = bool(kept) and all(s[-1] == i * extent for s, i in zip(steps, inner, strict=True))
        if joins:
            kept[-1] *= extent
        else:
            kept.append(extent)
        for own, step in zip(steps, inner, strict=True):
            if joins:
                own[-1] = step
            else:
                own.append(step)
    return kept, steps


def index(steps: Sequence[int], letter: str, offset: int = 0) -> str:
    """The position that loops of this letter have reached in an array."""
    terms = [
        f"{letter}{axis}" if step == 1 else f"{step} * {letter}{axis}"
        for axis, step in enumerate(steps)
        if step
    ]
    if offset or not terms:
        terms.append(str(offset))
    return " + ".join(terms)


def nest(extents: Sequence[int], letter: str, body: Sequence[str]) -> list[str]:
    """Loops round some lines."""
    lines = []
    for axis, extent in enumerate(extents):
        name = f"{letter}{axis}"
        lines.append(f"{'  ' * axis}for (int32_t {name} = 0; {name} < {extent}; ++{name}) {{")
    lines += ["  " * len(extents) + line for line in body]
    return lines + ["  " * axis + "}" for axis in reversed(range(len(extents)))]


def elementwise(
    extents: Sequence[int],
    arrays: Sequence[tuple[str, Sequence[int], int]],
    statements: Sequence[str],
) -> list[str]:
    """Some statements for each element.

    Args:
        extents: of the loops.
        arrays: for each array its pointer, strides and first position.
        statements: with {0}, {1}, ... in the place of elements.
    """
    kept, steps = collapsed(extents, [view for _, view, _ in arrays])
    elements = [
        f"{pointer}[{index(own, 'i', offset)}]"
        for (pointer, _, offset), own in zip(arrays, steps, strict=True)
    ]
    return nest(kept, "i", [statement.format(*elements) for statement in statements])
