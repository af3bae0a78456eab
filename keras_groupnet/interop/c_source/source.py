"""The C file of a graph, put together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from keras_groupnet.conversion.flatbuffer.graph import Op
from keras_groupnet.interop.c_source import (
    binary_ops,
    block_ops,
    elementwise_ops,
    float_convolutions,
    literals,
    movement_ops,
    reduction_ops,
    resize_ops,
    runtime_files,
)
from keras_groupnet.interop.c_source.code import Code, Generator
from keras_groupnet.interop.c_source.layout import Layout, kinds
from keras_groupnet.interop.signature_names import signature_names
from keras_groupnet.interop.static_graph import StaticGraph, describe
from keras_groupnet.version import __version__

GENERATORS: dict[str, Generator] = {
    **binary_ops.GENERATORS,
    **block_ops.GENERATORS,
    **elementwise_ops.GENERATORS,
    **float_convolutions.GENERATORS,
    **movement_ops.GENERATORS,
    **reduction_ops.GENERATORS,
    **resize_ops.GENERATORS,
}


@dataclass(frozen=True)
class CSource:
    """A net as C.

    Attributes:
        text: of the file.
        name: what its function and macros begin with.
        constant_bytes: read-only memory of weights and other constants.
        arena_bytes: static memory of tensors; inputs and outputs are the caller's.
    """

    text: str
    name: str
    constant_bytes: int
    arena_bytes: int


@dataclass(frozen=True)
class _Parameter:
    """An input or output of the C function."""

    tensor: int
    name: str
    macro: str
    kind: str
    shape: tuple[int, ...]

    def line(self) -> str:
        extents = " x ".join(map(str, self.shape))
        return f"#define {self.macro} {math.prod(self.shape)} /* {extents} */"


@dataclass
class _Block:
    """The code of one op; empty where its result is at the place of its input."""

    title: str = ""
    lines: list[str] = field(default_factory=list)
    used: dict[str, tuple[int, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    scratch: int = 0

    def text(self, layout: Layout, at: Mapping[int, int], number: int) -> list[str]:
        if not self.title:
            return []
        declarations = [
            layout.declaration(variable, tensor, kind, at)
            for variable, (tensor, kind) in self.used.items()
        ]
        if self.scratch:
            declarations.append(f"kgn_word *const patch = arena + {at[-1 - number]};")
        inside = [f"    {line}" for line in declarations + self.lines]
        return [f"  /* {literals.comment(self.title)} */", "  {", *inside, "  }"]


def c_source(content: bytes, name: str) -> CSource:
    """Writes the ops of a `.tflite` file as C.

    Args:
        content: of the file.
        name: what function and macros begin with.

    Raises:
        ValueError: an op, a type or an open size for which there is no C code.
    """
    static = StaticGraph(content, GENERATORS, "C")
    inputs = _parameters(static, "input", name)
    outputs = _parameters(static, "output", name)
    parameters = {one.tensor: one.name for one in (*reversed(outputs), *inputs)}
    layout = Layout(static, parameters)
    blocks = [_block(static, layout, op) for op in static.ops]
    copies = [
        f"  memcpy({one.name}, {source}, {one.macro} * sizeof(*{one.name}));"
        for one in outputs
        if (source := _source_of(static, layout, parameters, one)) != one.name
    ]
    read = {layout.root(tensor) for block in blocks for tensor, _ in block.used.values()}
    unread = [
        f"  (void){one.name};"
        for one in inputs
        if one.tensor not in read and one.tensor not in static.graph.outputs
    ]
    at, words = layout.place([block.scratch for block in blocks])
    constant_bytes = sum(value.nbytes for value in layout.constants.values())
    calls = {called for block in blocks for called in block.calls}
    arguments = [f"const {one.kind} *{one.name}" for one in inputs]
    arguments += [f"{one.kind} *{one.name}" for one in outputs]
    prototype = f"void {name}_run({', '.join(arguments)})"
    lines = [
        *_head(prototype, constant_bytes, 4 * words),
        *(one.line() for one in (*inputs, *outputs)),
        "",
        f"{prototype};",
        "",
        *(line for part in runtime_files.functions(calls) for line in (part, "")),
        *(line for item in layout.constants.items() for line in literals.array(*item)),
        "",
        *([f"static kgn_word arena[{words}];", ""] if words else []),
        f"{prototype} {{",
        *unread,
        *(line for i, block in enumerate(blocks) for line in block.text(layout, at, i)),
        *copies,
        "}",
        "",
    ]
    return CSource("\n".join(lines), name, constant_bytes, 4 * words)


def _block(static: StaticGraph, layout: Layout, op: Op) -> _Block:
    if layout.is_alias(op):
        return _Block()
    code = Code(static, op, layout)
    lines = GENERATORS[op.kind](code)
    title = describe(static.graph, op)
    return _Block(title, lines, layout.take_used(), code.calls, code.scratch)


def _parameters(static: StaticGraph, side: str, name: str) -> list[_Parameter]:
    graph = static.graph
    tensors = getattr(graph, f"{side}s")
    found: list[_Parameter] = []
    taken: set[str] = set()
    for tensor, title in zip(tensors, signature_names(graph, f"{side}s"), strict=True):
        base = called = side if len(tensors) == 1 else f"{side}_{literals.identifier(title)}"
        number = 2
        while called.upper() in taken:
            called, number = f"{base}_{number}", number + 1
        taken.add(called.upper())
        macro = f"{name}_{called}_SIZE".upper()
        kind = kinds(graph, tensor)[0]
        found.append(_Parameter(tensor, called, macro, kind, static.shape(tensor)))
    return found


def _source_of(
    static: StaticGraph, layout: Layout, parameters: Mapping[int, str], output: _Parameter
) -> str:
    """Where an output's values are: inputs, constants and doubles have to be copied."""
    if static.constant(output.tensor) is not None:
        kind = kinds(static.graph, output.tensor)[0]
        return f"(const {kind} *){layout.pointer(output.tensor)}"
    return parameters[output.tensor]


def _head(prototype: str, constant_bytes: int, arena_bytes: int) -> list[str]:
    return [
        f"/* A neural network in C99, written by keras_groupnet {__version__}: change the model,",
        "   not this file. A program that calls it declares",
        "",
        f"       {prototype};",
        "",
        "   Pointers are to arrays of the sizes below, in C order, which must not overlap. The",
        "   function uses one static arena, so only one call at a time may run.",
        "",
        f"   Read-only data: {constant_bytes} bytes. Static memory: {arena_bytes} bytes, shared by",
        "   tensors that are not needed at once. No other memory but a small stack.",
        "",
        "   Compile it without -ffast-math and link the C library's mathematics (-lm). */",
        "",
        runtime_files.text("preamble"),
        "",
    ]
