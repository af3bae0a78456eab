"""One operator of a TFLite model (`graph.Graph`)."""

from __future__ import annotations

import copy
import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

if TYPE_CHECKING:
    from keras_groupnet.conversion.flatbuffer.graph import Graph

ABSENT = -1
OURS = "Kgn"


def builtin_code(kind: str) -> schema.OperatorCodeT:
    """An entry in the table of op codes, for a builtin op or for CUSTOM."""
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    # Older readers know only this field, which holds what fits a byte.
    code.deprecatedBuiltinCode = min(
        code.builtinCode, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
    )
    code.version = 1
    return code


class Op:
    """One operator.

    `inputs` and `outputs` are tuples of tensor indices, so that an edit is an assignment, of which
    the graph that holds the op learns.

    Args:
        kind: builtin name ("ADD") or custom code ("KgnConv2D").
        inputs: tensor indices; ABSENT for an optional input that is not there.
        outputs: tensor indices.
        options: the FlexBuffer map of one of our ops; None for any other.
        source: the flatbuffer's object; None for one of our ops that a pass made.
        code: the flatbuffer's entry in the table of op codes; None likewise.
    """

    def __init__(
        self,
        kind: str,
        inputs: Iterable[int],
        outputs: Iterable[int],
        options: dict | None = None,
        source: Any = None,
        code: Any = None,
    ):
        self.kind = kind
        self.options = {} if options is None else options
        self.source = source
        self.code = code
        self._inputs = tuple(inputs)
        self._outputs = tuple(outputs)
        self._graph: Graph | None = None

    def __repr__(self) -> str:
        """Kind and connections, for error messages."""
        return f"{self.kind}({list(self.inputs)} -> {list(self.outputs)})"

    @property
    def graph(self) -> Graph | None:
        """The graph that holds the op; None before it is put in and after it is removed."""
        return self._graph

    @property
    def inputs(self) -> tuple[int, ...]:
        """The tensors it reads, ABSENT for an optional one that is not there."""
        return self._inputs

    @inputs.setter
    def inputs(self, tensors: Iterable[int]) -> None:
        self._connect(tuple(tensors), self._outputs)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The tensors it writes."""
        return self._outputs

    @outputs.setter
    def outputs(self, tensors: Iterable[int]) -> None:
        self._connect(self._inputs, tuple(tensors))

    def input(self, position: int) -> int:
        """The tensor at an optional position, ABSENT if there are fewer."""
        return self._inputs[position] if position < len(self._inputs) else ABSENT

    def set_input(self, position: int, tensor: int) -> None:
        """Puts a tensor at a position, filling the gap before it with ABSENT."""
        inputs = list(self._inputs) + [ABSENT] * (position + 1 - len(self._inputs))
        inputs[position] = tensor
        self.inputs = inputs

    @property
    def fused_activation(self) -> int:
        """ActivationFunctionType of a builtin op, 0 (NONE) where it has none."""
        options = self.source.builtinOptions if self.source else None
        return getattr(options, "fusedActivationFunction", 0)

    @property
    def intermediates(self) -> tuple[int, ...]:
        """Tensors of an LSTM that hold the ranges of its inner values."""
        tensors = self.source.intermediates if self.source else None
        return () if tensors is None else tuple(int(tensor) for tensor in tensors)

    def enter(self, graph: Graph) -> None:
        """Joins a graph; for `Graph` alone."""
        if self._graph is not None:
            raise ValueError(f"Expected an op that is in no graph yet. Received: {self}")
        graph.index(self)
        self._graph = graph

    def leave(self) -> None:
        """Leaves its graph; for `Graph` alone."""
        if self._graph is not None:
            self._graph.forget(self)
        self._graph = None

    def _connect(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        if self._graph is not None:
            self._graph.forget(self)
        self._inputs, self._outputs = inputs, outputs
        if self._graph is not None:
            self._graph.index(self)

    def moved(self, index: dict[int, int]) -> Op:
        """A copy, in no graph, that reads and writes other tensors."""
        source = copy.deepcopy(self.source)
        if self.intermediates:
            source.intermediates = np.asarray([index[t] for t in self.intermediates], np.int32)
        inputs, outputs = ([index[t] for t in side] for side in (self.inputs, self.outputs))
        return Op(self.kind, inputs, outputs, dict(self.options), source, self.code)

    def written(self, code_index: int, index: dict[int, int]) -> Any:
        """The flatbuffer's object, with the tensors' indices in the file."""
        out = copy.copy(self.source) if self.source else schema.OperatorT()
        out.opcodeIndex = code_index
        out.inputs = np.asarray([index[t] for t in self.inputs], np.int32)
        out.outputs = np.asarray([index[t] for t in self.outputs], np.int32)
        if self.intermediates:
            out.intermediates = np.asarray([index[t] for t in self.intermediates], np.int32)
        if self.kind.startswith(OURS):
            out.customOptions = np.frombuffer(flexbuffers.Dumps(self.options), np.uint8)
        return out


def in_order(ops: Iterable[Op]) -> list[Op]:
    """Topological order that keeps the present order wherever dependencies allow.

    Raises:
        RuntimeError: there is none.
    """
    ops = list(ops)
    producer = {tensor: i for i, op in enumerate(ops) for tensor in op.outputs}
    waits = [{producer[t] for t in op.inputs if t in producer} for op in ops]
    readers: dict[int, list[int]] = {}
    for i, needs in enumerate(waits):
        for need in needs:
            readers.setdefault(need, []).append(i)
    ready = [i for i, needs in enumerate(waits) if not needs]
    heapq.heapify(ready)
    order = []
    while ready:
        i = heapq.heappop(ready)
        order.append(ops[i])
        for reader in readers.get(i, ()):
            waits[reader].discard(i)
            if not waits[reader]:
                heapq.heappush(ready, reader)
    if len(order) != len(ops):
        stuck = [ops[i] for i, needs in enumerate(waits) if needs]
        raise RuntimeError(
            f"A conversion pass made a cycle; please report this model. Among: {stuck[:8]}"
        )
    return order
