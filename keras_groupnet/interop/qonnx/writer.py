"""Collects the nodes and initializers of an ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Op
from keras_groupnet.interop.static_graph import StaticGraph, describe

QONNX_DOMAIN = "qonnx.custom_op.general"
_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def channels_first(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of a map in ONNX: [N, C, H, W]; any other shape stays."""
    return tuple(shape[axis] for axis in _TO_NCHW) if len(shape) == 4 else tuple(shape)


def onnx_axis(axis: int, rank: int) -> int:
    """Where an axis of a file's tensor is in ONNX."""
    axis %= rank
    return _TO_NCHW.index(axis) if rank == 4 else axis


class Writer:
    """The ONNX graph of a file's graph.

    Tensors of rank 4 are maps and have the channels first in ONNX. A packed tensor is held as the
    numbers that it stands for: ±1, or codes 0, 1, ...

    Args:
        static: the file's graph.

    Attributes:
        nodes: `NodeProto`s, in order.
        initializers: name -> value.
        shapes: name -> shape of every value that a node gives.
        dtypes: likewise, "float32" or "bool" or "int32".
    """

    def __init__(self, static: StaticGraph):
        from onnx import helper

        self._helper = helper
        self.static = static
        self.nodes: list[Any] = []
        self.initializers: dict[str, np.ndarray] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, str] = {}
        self._names: dict[int, str] = {}
        self._taken: set[str] = set()
        self._transposed: dict[tuple[str, tuple[int, ...]], str] = {}

    # ---- values ----

    def bind(self, tensor: int, name: str) -> None:
        """Says which value a tensor of the file is."""
        self._names[tensor] = name

    def name(self, tensor: int) -> str:
        """The value that a tensor is; a constant becomes an initializer."""
        if tensor not in self._names:
            value = self.static.constant(tensor)
            if value is None:
                raise ValueError(f"tensor {tensor} was not written yet")
            if value.ndim == 4:
                value = value.transpose(_TO_NCHW)
            self._names[tensor] = self.constant(self.static.graph.name(tensor), value)
        return self._names[tensor]

    def constant(self, what: str, value: np.ndarray | np.generic) -> str:
        """A new initializer."""
        name, value = self.free(what), np.asarray(value)
        self.initializers[name] = value
        self.shapes[name] = value.shape
        self.dtypes[name] = str(value.dtype)
        return name

    def free(self, name: str) -> str:
        """The name, or the first of name_2, ... that is free."""
        candidate, number = name, 2
        while candidate in self._taken:
            candidate, number = f"{name}_{number}", number + 1
        self._taken.add(candidate)
        return candidate

    # ---- nodes ----

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        shape: Sequence[int],
        *,
        name: str | None = None,
        dtype: str = "float32",
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Adds a node of one output; the name of it.

        Args:
            kind: of the ONNX op.
            inputs: names of values.
            shape: of the output.
            name: of the output, made unique; the node's kind if None.
            dtype: of the output.
            domain: of the op.
            **attributes: of the op.
        """
        output = self.free(kind.lower() if name is None else name)
        made = self._helper.make_node(
            kind, list(inputs), [output], name=output, domain=domain, **attributes
        )
        self.nodes.append(made)
        self.shapes[output] = tuple(int(extent) for extent in shape)
        self.dtypes[output] = dtype
        return output

    def transpose(self, value: str, order: Sequence[int]) -> str:
        """The value with its axes in another order; the same request gives the same node."""
        key = (value, tuple(order))
        if key not in self._transposed:
            shape = [self.shapes[value][axis] for axis in order]
            made = self.node(
                "Transpose", [value], shape, dtype=self.dtypes[value], perm=list(order)
            )
            self._transposed[key] = made
        return self._transposed[key]

    def as_in_file(self, tensor: int) -> str:
        """A tensor with the axes as in the file."""
        value = self.name(tensor)
        return self.transpose(value, _TO_NHWC) if len(self.shapes[value]) == 4 else value

    def from_file(self, value: str) -> str:
        """The value of a tensor, from one with the axes as in the file."""
        return self.transpose(value, _TO_NCHW) if len(self.shapes[value]) == 4 else value

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """The same numbers in another shape."""
        if tuple(shape) == self.shapes[value]:
            return value
        if value in self.initializers:
            return self.constant(value, self.initializers[value].reshape(shape))
        target = self.constant("shape", np.array(shape, np.int64))
        return self.node("Reshape", [value, target], shape, dtype=self.dtypes[value])

    # ---- quantized values ----

    def quantized(self, value: str, bits: int, scale: float, name: str) -> str:
        """±1, or the codes 0 ... 2^bits - 1 of `scale * value`."""
        shape = self.shapes[value]
        one = self.constant("scale", np.float32(1))
        if bits == 1:
            return self.node("BipolarQuant", [value, one], shape, name=name, domain=QONNX_DOMAIN)
        if scale != 1:
            value = self.node("Mul", [value, self.constant("steps", np.float32(scale))], shape)
        zero, width = (self.constant(w, np.float32(v)) for w, v in (("zero", 0), ("bits", bits)))
        return self.node(
            *("Quant", [value, one, zero, width], shape),
            name=name,
            domain=QONNX_DOMAIN,
            signed=0,
            narrow=0,
            rounding_mode="ROUND",
        )

    def affine(self, value: str, multiplier: np.ndarray, bias: np.ndarray, axis: int) -> str:
        """`multiplier * value + bias` with a number of each along an axis, where they matter."""
        shape = self.shapes[value]
        along = [1] * len(shape)
        along[axis] = -1
        if not (multiplier == 1).all():
            factor = self.constant("multiplier", multiplier.reshape(along))
            value = self.node("Mul", [value, factor], shape)
        if bias.any():
            offset = self.constant("bias", bias.reshape(along))
            value = self.node("Add", [value, offset], shape)
        return value


class Node:
    """An op of the file for its generator.

    Args:
        writer: of the ONNX graph.
        op: the op.
    """

    def __init__(self, writer: Writer, op: Op):
        self.writer = writer
        self.op = op
        self.options: Any = op.source.builtinOptions if op.source else None

    def has(self, position: int) -> bool:
        """Whether an optional input is there."""
        return self.op.input(position) != ABSENT

    def input(self, position: int) -> str:
        """An input as ONNX has it."""
        return self.writer.name(self.op.inputs[position])

    def shape(self, position: int) -> tuple[int, ...]:
        """The shape of an input in the file."""
        return self.writer.static.shape(self.op.inputs[position])

    def out_shape(self, position: int = 0) -> tuple[int, ...]:
        """The shape of an output in the file."""
        return self.writer.static.shape(self.op.outputs[position])

    def value(self, position: int, what: str) -> np.ndarray:
        """The value of an input that must be constant, as in the file."""
        return self.writer.static.value(self.op, position, what)

    def title(self, position: int = 0) -> str:
        """What the file calls an output."""
        return self.writer.static.graph.name(self.op.outputs[position])

    def option(self, name: str) -> Any:
        """An option of a builtin op, 0 if the file has none."""
        return getattr(self.options, name, 0)

    def give(self, value: str, position: int = 0) -> None:
        """Says that a value is an output of the op."""
        self.writer.bind(self.op.outputs[position], value)

    def activated(self, value: str) -> str:
        """What the op's fused activation makes of a value.

        Raises:
            ValueError: ONNX has no such activation.
        """
        kind = self.op.fused_activation
        shape = self.writer.shapes[value]
        if kind == 0:
            return value
        if kind == 1:
            return self.writer.node("Relu", [value], shape)
        if kind not in _LIMITS:
            raise self.refusal(f"the activation {kind}")
        low, high = (self.writer.constant("limit", np.float32(x)) for x in _LIMITS[kind])
        return self.writer.node("Clip", [value, low, high], shape)

    def refusal(self, what: str) -> ValueError:
        """The error for something that an op has and this export lacks."""
        return ValueError(
            "Expected ops that can be written as ONNX. Received: "
            f"{describe(self.writer.static.graph, self.op)} with {what}. Use another layer there"
        )


_LIMITS = {2: (-1, 1), 3: (0, 6)}
