"""What the tensors of a graph are called in C, and where they lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.interop.c_source import literals
from keras_groupnet.interop.c_source.in_place import replaceable
from keras_groupnet.interop.c_source.memory import Lifetime, offsets
from keras_groupnet.interop.c_source.movement_ops import ALIASES
from keras_groupnet.interop.static_graph import StaticGraph

# Type of a value, and of the array that holds it where it shares memory with others.
_KINDS = {
    "float32": ("float", "float"),
    "int32": ("int32_t", "kgn_int"),
    "bool": ("uint8_t", "uint8_t"),
    "uint8": ("uint8_t", "uint8_t"),
    "int8": ("int8_t", "int8_t"),
}
_WORD = 4


class Layout:
    """The names and places of tensors and constants.

    Args:
        static: the graph.
        parameters: of the C function, by the tensors that they are: its inputs and outputs.

    Attributes:
        constants: name -> value of every constant array.
    """

    def __init__(self, static: StaticGraph, parameters: Mapping[int, str]):
        self._static = static
        self._parameters = parameters
        self.constants: dict[str, np.ndarray] = {}
        self._by_content: dict[tuple, str] = {}
        self._used: dict[str, tuple[int, str]] = {}  # variable -> tensor, type
        self._root: dict[int, int] = {}
        for op in static.ops:
            if self.is_alias(op):
                self._root[op.outputs[0]] = self.root(op.inputs[0])
        self._reuse()

    # ---- what the generators ask ----

    def kind(self, tensor: int) -> str:
        """The C type of a tensor's values."""
        return self._kinds(tensor)[0]

    def pointer(self, tensor: int) -> str:
        """The pointer to a tensor's first element, constants included."""
        value = self._static.constant(tensor)
        if value is not None:
            self._kinds(tensor)
            return self.constant("constant", value)
        return self._variable(f"t{tensor}", tensor, self._kinds(tensor)[1])

    def words(self, tensor: int) -> str:
        """The pointer to a packed tensor's first word."""
        value = self._static.constant(tensor)
        if value is not None:
            return self.constant("packed", value.view(np.uint32))
        return self._variable(f"w{tensor}", tensor, "kgn_word")

    def constant(self, what: str, value: np.ndarray) -> str:
        """The name of a constant array; equal ones are one."""
        key = (str(value.dtype), value.tobytes())
        if key not in self._by_content:
            self._by_content[key] = f"{what}_{len(self.constants)}"
            self.constants[self._by_content[key]] = value
        return self._by_content[key]

    # ---- what the writer asks ----

    def is_alias(self, op: Op) -> bool:
        """Whether an op's result is its input, at the same place."""
        source, target = op.inputs[0], op.outputs[0]
        return (
            op.kind in ALIASES
            and target not in self._static.graph.outputs
            and self._static.constant(source) is None
        )

    def root(self, tensor: int) -> int:
        """The tensor at whose place another one is."""
        while tensor in self._root:
            tensor = self._root[tensor]
        return tensor

    def take_used(self) -> dict[str, tuple[int, str]]:
        """The variables that were asked for since the last call: tensor and type of each."""
        used, self._used = self._used, {}
        return used

    def place(self, scratch: Sequence[int]) -> tuple[dict[int, int], int]:
        """Where each tensor lies in the arena, in words, and how many words that takes.

        Args:
            scratch: words that each op needs while it runs; op i's are at key -1 - i.
        """
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for number, op in enumerate(self._static.ops):
            for tensor in (*op.inputs, *op.outputs):
                if tensor < 0 or self._static.constant(tensor) is not None:
                    continue
                root = self.root(tensor)
                if root not in self._parameters:
                    first.setdefault(root, number)
                    last[root] = number
        lifetimes = {
            tensor: Lifetime(self._size(tensor), first[tensor], last[tensor]) for tensor in first
        }
        for number, words in enumerate(scratch):
            if words:
                lifetimes[-1 - number] = Lifetime(words, number, number)
        return offsets(lifetimes)

    def declaration(self, variable: str, tensor: int, kind: str, at: Mapping[int, int]) -> str:
        """The statement that declares a variable."""
        root = self.root(tensor)
        fixed = "const " if root in self._static.graph.inputs else ""
        if root in self._parameters:
            source = self._parameters[root]
            cast = "" if kind == self._kinds(root)[0] else f"({fixed}{kind} *)"
            return f"{fixed}{kind} *const {variable} = {cast}{source};"
        place = f"arena + {at[root]}"
        place = place if kind == "kgn_word" else f"({kind} *)({place})"
        return f"{kind} *const {variable} = {place};"

    def _reuse(self) -> None:
        """Puts results at the places of inputs that nobody reads afterwards."""
        last: dict[int, int] = {}
        for number, op in enumerate(self._static.ops):
            last |= {self.root(tensor): number for tensor in (*op.inputs, *op.outputs)}
        for number, op in enumerate(self._static.ops):
            target = op.outputs[0]
            if self.is_alias(op) or target in self._parameters:
                continue
            usable = replaceable(self._static, op)
            others = {self.root(t) for i, t in enumerate(op.inputs) if i not in usable}
            for position in usable:
                root = self.root(op.inputs[position])
                if last[root] == number and root not in self._parameters and root not in others:
                    last[root] = last[target]
                    self._root[target] = root
                    break

    def _size(self, tensor: int) -> int:
        dtype = self._static.graph.dtype(tensor)
        itemsize = 1 if dtype is None else dtype.itemsize
        return -(-math.prod(self._static.shape(tensor)) * itemsize // _WORD)

    def _variable(self, name: str, tensor: int, kind: str) -> str:
        self._used[name] = (tensor, kind)
        return name

    def _kinds(self, tensor: int) -> tuple[str, str]:
        return kinds(self._static.graph, tensor)


def kinds(graph: Graph, tensor: int) -> tuple[str, str]:
    """The C type of a tensor's values, and of the array that holds them.

    Raises:
        ValueError: there is none, or the values stand for others.
    """
    dtype = graph.dtype(tensor)
    quantization = graph.tensors[tensor].quantization
    scale = None if quantization is None else quantization.scale
    if scale is not None and len(scale) > 0:
        raise ValueError(
            "Expected a file without int8 layers. Received: "
            f"'{literals.comment(graph.name(tensor))}' of quantized {dtype}. Convert the model "
            "with float_layers='float32' and float32 inputs and outputs"
        )
    if str(dtype) not in _KINDS:
        raise ValueError(
            f"Expected tensors of {', '.join(_KINDS)}. Received: '{graph.name(tensor)}' of "
            f"{dtype}. Build the model with float32 or int32 there"
        )
    return _KINDS[str(dtype)]
