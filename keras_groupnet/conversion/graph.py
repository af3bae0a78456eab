"""A TFLite model as a list of ops that passes can rewrite."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from keras_groupnet.conversion.flatbuffer_model import read_model, write_model

_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT64: np.int64,
}
_TYPES = {np.dtype(dtype): tensor_type for tensor_type, dtype in _DTYPES.items()}
ABSENT = -1
OURS = "Kgn"


def _code(kind: str) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = 1
    return code


@dataclass(eq=False)
class Op:
    """One operator.

    Attributes:
        kind: builtin name ("ADD") or custom code ("KgnConv2D").
        inputs, outputs: tensor indices; ABSENT for an optional input that is not there.
        options: the FlexBuffer map of one of our ops; empty for any other.
        source: the flatbuffer's object; None for one of our ops that a pass made.
        code: the flatbuffer's entry in the table of op codes; None likewise.
    """

    kind: str
    inputs: list[int]
    outputs: list[int]
    options: dict = field(default_factory=dict)
    source: Any = field(default=None, repr=False)
    code: Any = field(default=None, repr=False)

    @property
    def fused_activation(self) -> int:
        """ActivationFunctionType of a builtin op, 0 (NONE) where it has none."""
        options = self.source.builtinOptions if self.source else None
        return getattr(options, "fusedActivationFunction", 0)

    def input(self, position: int) -> int:
        """The tensor at an optional position, ABSENT if the list is shorter."""
        return self.inputs[position] if position < len(self.inputs) else ABSENT

    def set_input(self, position: int, tensor: int) -> None:
        """Puts a tensor at an optional position, filling the gap with ABSENT."""
        self.inputs += [ABSENT] * (position + 1 - len(self.inputs))
        self.inputs[position] = tensor


class Graph:
    """The main subgraph of a model, editable; `to_bytes` writes it back."""

    def __init__(self, content: bytes):
        self.model = read_model(content)
        if len(self.model.subgraphs) != 1:
            raise ValueError(
                "Expected a model without control flow (one subgraph). "
                f"Received: {len(self.model.subgraphs)} subgraphs."
            )
        self.subgraph = self.model.subgraphs[0]
        self.tensors = self.subgraph.tensors
        self.ops = [self._read(op) for op in self.subgraph.operators]

    def _read(self, op) -> Op:
        code = self.model.operatorCodes[op.opcodeIndex]
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        options = {}
        kind = _NAMES[builtin]
        if builtin == schema.BuiltinOperator.CUSTOM:
            kind = code.customCode.decode()
            if kind.startswith(OURS):
                options = flexbuffers.Loads(bytes(op.customOptions))
        return Op(kind, list(op.inputs), list(op.outputs), options, op, code)

    # ---- looking ----

    @property
    def inputs(self) -> list[int]:
        """The model's input tensors."""
        return list(self.subgraph.inputs)

    @property
    def outputs(self) -> list[int]:
        """The model's output tensors."""
        return list(self.subgraph.outputs)

    def of_kind(self, *kinds: str) -> list[Op]:
        """The ops of these kinds, in execution order, as a list that survives edits."""
        return [op for op in self.ops if op.kind in kinds]

    def producer(self, tensor: int) -> Op | None:
        """The op that writes a tensor; None for inputs and constants."""
        return next((op for op in self.ops if tensor in op.outputs), None)

    def consumers(self, tensor: int) -> list[Op]:
        """The ops that read a tensor, one entry an op."""
        return [op for op in self.ops if tensor in op.inputs]

    def only_consumer(self, tensor: int) -> Op | None:
        """The one op that reads a tensor; None if several do or it is an output of the model."""
        readers = self.consumers(tensor)
        return readers[0] if len(readers) == 1 and tensor not in self.outputs else None

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape, with 1 for a dynamic batch."""
        shape = self.tensors[tensor].shape
        return () if shape is None else tuple(int(n) for n in shape)

    def constant(self, tensor: int) -> np.ndarray | None:
        """The value of a constant tensor; None for any other."""
        if tensor == ABSENT or tensor in self.inputs:
            return None
        entry = self.tensors[tensor]
        data = self.model.buffers[entry.buffer].data
        if data is None or len(data) == 0 or entry.type not in _DTYPES:
            return None
        return np.frombuffer(bytes(data), _DTYPES[entry.type]).reshape(self.shape(tensor))

    def value(self, tensor: int) -> np.ndarray:
        """The value of a tensor that must be a constant."""
        value = self.constant(tensor)
        if value is None:
            raise ValueError(f"Expected a constant tensor. Received: '{self.name(tensor)}'")
        return value

    # ---- editing ----

    def add_constant(self, value: np.ndarray, name: str) -> int:
        """Adds a constant tensor."""
        buffer = schema.BufferT()
        value = np.ascontiguousarray(value)
        buffer.data = value.reshape(-1).view(np.uint8)
        self.model.buffers.append(buffer)
        tensor = self.add_tensor(value.shape, value.dtype, name)
        self.tensors[tensor].buffer = len(self.model.buffers) - 1
        self.tensors[tensor].shapeSignature = None
        return tensor

    def add_tensor(self, shape: Iterable[int], dtype, name: str, like: int | None = None) -> int:
        """Adds a tensor without value; `like` lends its dynamic dimensions but the last."""
        tensor = schema.TensorT()
        tensor.name = name.encode()
        tensor.shape = np.asarray(list(shape), np.int32)
        tensor.type = _TYPES[np.dtype(dtype)]
        tensor.buffer = 0
        tensor.hasRank = True
        if like is not None and self.tensors[like].shapeSignature is not None:
            signature = np.array(self.tensors[like].shapeSignature, np.int32)
            signature[-1] = tensor.shape[-1]
            tensor.shapeSignature = signature
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def name(self, tensor: int) -> str:
        """A tensor's name."""
        name = self.tensors[tensor].name
        return name.decode() if isinstance(name, bytes) else str(name)

    def replace_tensor(self, old: int, new: int, where: Callable[[Op], bool] = lambda op: True):
        """Makes the ops (those that `where` admits) read `new` instead of `old`."""
        for op in self.ops:
            if old in op.inputs and where(op):
                op.inputs = [new if tensor == old else tensor for tensor in op.inputs]

    def elementwise(self, kind: str, left: int, right: int, output: int) -> Op:
        """A new float ADD or MUL; the caller puts it into `ops`."""
        source = schema.OperatorT()
        source.builtinOptions = {"ADD": schema.AddOptionsT, "MUL": schema.MulOptionsT}[kind]()
        source.builtinOptionsType = {
            "ADD": schema.BuiltinOptions.AddOptions,
            "MUL": schema.BuiltinOptions.MulOptions,
        }[kind]
        return Op(kind, [left, right], [output], {}, source, _code(kind))

    def plain(self, kind: str, source: int, target: int) -> Op:
        """A new builtin op without options, from one tensor to one; the caller puts it in."""
        return Op(kind, [source], [target], {}, schema.OperatorT(), _code(kind))

    def tidy(self) -> None:
        """Drops ops whose outputs nobody reads; puts the rest in a stable execution order."""
        needed, alive = set(self.outputs), []
        for op in reversed(self._sorted()):
            if needed.intersection(op.outputs):
                alive.append(op)
                needed.update(op.inputs)
        self.ops = alive[::-1]

    def _sorted(self) -> list[Op]:
        """Topological order that keeps the present order wherever dependencies allow."""
        producer = {tensor: i for i, op in enumerate(self.ops) for tensor in op.outputs}
        waits = [{producer[t] for t in op.inputs if t in producer} for op in self.ops]
        readers: dict[int, list[int]] = {}
        for i, needs in enumerate(waits):
            for need in needs:
                readers.setdefault(need, []).append(i)
        ready = [i for i, needs in enumerate(waits) if not needs]
        heapq.heapify(ready)
        order = []
        while ready:
            i = heapq.heappop(ready)
            order.append(self.ops[i])
            for reader in readers.get(i, ()):
                waits[reader].discard(i)
                if not waits[reader]:
                    heapq.heappush(ready, reader)
        if len(order) != len(self.ops):
            raise RuntimeError("A conversion pass made a cycle; please report this model.")
        return order

    # ---- writing ----

    def to_bytes(self) -> bytes:
        """Writes the model with only what is used; the graph must not be used afterwards."""
        self.tidy()
        used = {t for op in self.ops for t in (*op.inputs, *op.outputs) if t != ABSENT}
        used.update(self.inputs, self.outputs)
        order = sorted(used)
        index = {ABSENT: ABSENT} | {old: new for new, old in enumerate(order)}
        subgraph, model = self.subgraph, self.model

        buffers, buffer_index = [schema.BufferT()], {}
        tensors = []
        for old in order:
            tensor = self.tensors[old]
            data = model.buffers[tensor.buffer].data
            if data is None or len(data) == 0:
                tensor.buffer = 0
            else:
                key = (bytes(data), tensor.type)  # equal constants share one buffer
                if key not in buffer_index:
                    buffer_index[key] = len(buffers)
                    buffers.append(model.buffers[tensor.buffer])
                tensor.buffer = buffer_index[key]
            tensors.append(tensor)
        for entry in model.metadata or []:
            buffers.append(model.buffers[entry.buffer])
            entry.buffer = len(buffers) - 1
        model.buffers = buffers

        codes: dict[tuple, int] = {}
        code_objects: list[schema.OperatorCodeT] = []
        operators = []
        for op in self.ops:
            out, code = op.source or schema.OperatorT(), op.code
            if op.kind.startswith(OURS):
                code = schema.OperatorCodeT()
                code.builtinCode = schema.BuiltinOperator.CUSTOM
                code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
                code.customCode = op.kind.encode()
                code.version = 1
                out.customOptions = np.frombuffer(flexbuffers.Dumps(op.options), np.uint8)
            entry = (op.kind, code.version)
            if entry not in codes:
                codes[entry] = len(code_objects)
                code_objects.append(code)
            out.opcodeIndex = codes[entry]
            out.inputs = np.asarray([index[t] for t in op.inputs], np.int32)
            out.outputs = np.asarray([index[t] for t in op.outputs], np.int32)
            operators.append(out)
        model.operatorCodes = code_objects
        subgraph.operators = operators
        subgraph.tensors = self.tensors = tensors
        subgraph.inputs = np.asarray([index[t] for t in self.inputs], np.int32)
        subgraph.outputs = np.asarray([index[t] for t in self.outputs], np.int32)
        for signature in model.signatureDefs or []:
            for entry in (*(signature.inputs or []), *(signature.outputs or [])):
                entry.tensorIndex = index[entry.tensorIndex]

        return write_model(model)
