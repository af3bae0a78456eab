"""A `Layout` drawn with matplotlib, as SVG or PNG: the same layout gives the same bytes."""

from __future__ import annotations

import io
from typing import Any

from keras_groupnet.drawing.shapes import Circle, Layout, Line, Rectangle, Shape, Text

FORMATS = ("svg", "png")
_POINTS_PER_INCH = 72
_PNG_DPI = 144
# Face and edge.
_BOXES = {
    "binary": ("#cfe2f7", "#2f6db0"),
    "float": ("#fbe3c3", "#c07a1d"),
    "mixed": ("#dfeadb", "#5d8a4f"),
    "other": ("#f1f1f1", "#8a8a8a"),
    "input": ("#ffffff", "#555555"),
    "panel": ("#f6f8fb", "#b9c6d6"),
    "repeat": ("#fafafa", "#a9a9a9"),
}
_TEXTS = {"text": "#222222", "title": "#000000", "light": "#555555", "shape": "#777777"}
_LINES = {"line": ("#444444", 0.9), "skip": ("#a5a5a5", 0.8)}
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "svg.fonttype": "none",
    "svg.hashsalt": "keras_groupnet",
}


def render(layout: Layout, format: str) -> bytes:
    """The picture as the content of a file.

    Args:
        layout: what to draw.
        format: `"svg"` or `"png"`.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Drawing needs matplotlib: pip install 'keras-groupnet[plot]'."
        ) from error
    size = (layout.width / _POINTS_PER_INCH, layout.height / _POINTS_PER_INCH)
    canvas_class, metadata = {
        "svg": (FigureCanvasSVG, {"Date": None, "Creator": None}),
        "png": (FigureCanvasAgg, {"Software": None}),
    }[format]
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(size, dpi=_PNG_DPI)
        canvas = canvas_class(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
        axes.axis("off")
        for order, shape in enumerate(layout.shapes):
            _draw(axes, shape, order)
        content = io.BytesIO()
        getattr(canvas, f"print_{format}")(content, metadata=metadata)
    return content.getvalue()


def _draw(axes, shape: Shape, order: int) -> None:
    from matplotlib import patches

    if isinstance(shape, Rectangle):
        face, edge = _BOXES[shape.look]
        rounding = f"round,pad=0,rounding_size={3 if shape.look != 'input' else 7}"
        axes.add_patch(
            patches.FancyBboxPatch(
                (shape.x, shape.y),
                shape.width,
                shape.height,
                boxstyle=rounding,
                facecolor=face,
                edgecolor=edge,
                linewidth=0.8,
                linestyle=(0, (4, 2)) if shape.look == "repeat" else "solid",
                zorder=order,
            )
        )
    elif isinstance(shape, Text):
        align = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        axes.text(
            shape.x,
            shape.y,
            shape.text.replace("$", r"\$"),
            fontsize=shape.size,
            color=_TEXTS[shape.look],
            weight="bold" if shape.look == "title" else "normal",
            ha=align,
            va="baseline",
            zorder=order,
        )
    elif isinstance(shape, Line):
        colour, width = _LINES[shape.look]
        *_, before, end = shape.points
        axes.plot(*zip(*shape.points, strict=True), color=colour, lw=width, zorder=order)
        if shape.arrow:
            style = patches.ArrowStyle("-|>", head_length=0.28, head_width=0.13)
            axes.add_patch(
                patches.FancyArrowPatch(
                    before,
                    end,
                    arrowstyle=style,
                    mutation_scale=12,
                    shrinkA=0,
                    shrinkB=0,
                    color=colour,
                    lw=width,
                    zorder=order,
                )
            )
    elif isinstance(shape, Circle):
        circle = patches.Circle(
            (shape.x, shape.y), shape.radius, fc="#ffffff", ec="#444444", lw=0.9
        )
        circle.set_zorder(order)
        axes.add_patch(circle)
        axes.text(
            shape.x,
            shape.y,
            shape.text,
            fontsize=9,
            ha="center",
            va="center_baseline",
            zorder=order,
        )
