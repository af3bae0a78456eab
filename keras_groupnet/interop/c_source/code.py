"""What the generators of C code get, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.interop.c_source.literals import real
from keras_groupnet.interop.static_graph import StaticGraph, describe

ACTIVATIONS = {0: (-np.inf, np.inf), 1: (0.0, np.inf), 2: (-1.0, 1.0), 3: (0.0, 6.0)}


class Names(Protocol):
    """Where tensors and constants are in the C code."""

    def pointer(self, tensor: int) -> str:
        """The pointer to a tensor's first element, constants included."""

    def kind(self, tensor: int) -> str:
        """The C type of a tensor's values."""

    def words(self, tensor: int) -> str:
        """The pointer to a packed tensor's first word."""

    def constant(self, what: str, value: np.ndarray) -> str:
        """The name of a constant array."""


@dataclass
class Code:
    """The C code of an op, as its generator writes it.

    Attributes:
        static: the graph.
        op: the op.
        names: where things are.
        calls: names of files of `runtime/` whose functions are called.
        scratch: words of memory that the op needs while it runs.
    """

    static: StaticGraph
    op: Op
    names: Names
    calls: list[str] = field(default_factory=list)
    scratch: int = 0

    @property
    def graph(self) -> Graph:
        """The file's graph."""
        return self.static.graph

    def shape(self, position: int) -> tuple[int, ...]:
        """The shape of an input."""
        return self.static.shape(self.op.inputs[position])

    def out_shape(self, position: int = 0) -> tuple[int, ...]:
        """The shape of an output."""
        return self.static.shape(self.op.outputs[position])

    def input(self, position: int) -> str:
        """The pointer to an input; NULL for one that is absent."""
        tensor = self.op.input(position)
        return "NULL" if tensor == ABSENT else self.names.pointer(tensor)

    def output(self, position: int = 0) -> str:
        """The pointer to an output."""
        return self.names.pointer(self.op.outputs[position])

    def value(self, position: int, what: str) -> np.ndarray:
        """The value of an input that must be constant."""
        return self.static.value(self.op, position, what)

    def option(self, name: str) -> int:
        """An option of a builtin op, 0 if the file has none."""
        options = self.op.source.builtinOptions if self.op.source else None
        return getattr(options, name, 0)

    def limits(self) -> tuple[float, float]:
        """Between which values the op's fused activation holds its result.

        Raises:
            ValueError: it is no such activation.
        """
        found = ACTIVATIONS.get(self.op.fused_activation)
        if found is None:
            raise self.refusal(f"the activation {self.op.fused_activation}")
        return found

    def clamped(self, value: str) -> str:
        """An expression for what the fused activation makes of a variable."""
        low, high = self.limits()
        if high != np.inf:
            value = f"({value} > {real(high)} ? {real(high)} : {value})"
        if low != -np.inf:
            value = f"{value} < {real(low)} ? {real(low)} : {value}"
        return value

    def refusal(self, what: str) -> ValueError:
        """The error for something that an op has and the C code lacks."""
        return ValueError(
            f"Expected ops that can be written as C. Received: {describe(self.graph, self.op)} "
            f"with {what}. Use another layer there, or run the .tflite file with "
            "kgn.lite.Interpreter"
        )


Generator = Callable[[Code], list[str]]


def call(function: str, arguments: Sequence[str | int]) -> str:
    """A call as a statement."""
    return f"{function}({', '.join(map(str, arguments))});"
