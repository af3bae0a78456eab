"""What pictures are made of: shapes at coordinates in points, y downwards."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A filled box; `look` is one of the styles of `picture`."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclasses.dataclass(frozen=True)
class Text:
    """A line of text, its baseline at `y`; `anchor` is `"start"`, `"middle"` or `"end"`."""

    x: float
    y: float
    text: str
    size: float
    look: str = "text"
    anchor: str = "start"


@dataclasses.dataclass(frozen=True)
class Line:
    """Straight lines through some points."""

    points: tuple[tuple[float, float], ...]
    look: str = "line"
    arrow: bool = False


@dataclasses.dataclass(frozen=True)
class Circle:
    """A circle with a character in it."""

    x: float
    y: float
    radius: float
    text: str


Shape = Rectangle | Text | Line | Circle


@dataclasses.dataclass(frozen=True)
class Layout:
    """Shapes in a rectangle from (0, 0).

    Attributes:
        width, height: of the rectangle.
        axis: at which height the tensor comes in and goes out.
        shapes: what to draw, the lowest first.
    """

    width: float
    height: float
    axis: float
    shapes: tuple[Shape, ...]

    def moved(self, x: float, y: float) -> tuple[Shape, ...]:
        """The shapes at another place."""
        return tuple(_moved(shape, x, y) for shape in self.shapes)


def _moved(shape: Shape, x: float, y: float) -> Shape:
    if isinstance(shape, Line):
        points = tuple((px + x, py + y) for px, py in shape.points)
        return dataclasses.replace(shape, points=points)
    return dataclasses.replace(shape, x=shape.x + x, y=shape.y + y)
