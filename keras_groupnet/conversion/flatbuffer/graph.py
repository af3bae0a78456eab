"""A TFLite model as ops and tensors that passes can rewrite."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence

import ml_dtypes
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from keras_groupnet.conversion.flatbuffer.model_io import read_model
from keras_groupnet.conversion.flatbuffer.op import ABSENT, OURS, Op, builtin_code, in_order
from keras_groupnet.conversion.flatbuffer.writing import signature_entry, write
from keras_groupnet.runtime.signature import OUTPUT_MARK

_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
_DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.BFLOAT16: ml_dtypes.bfloat16,
    schema.TensorType.FLOAT64: np.float64,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.UINT16: np.uint16,
    schema.TensorType.UINT32: np.uint32,
    schema.TensorType.UINT64: np.uint64,
    schema.TensorType.BOOL: np.bool_,
    schema.TensorType.COMPLEX64: np.complex64,
    schema.TensorType.COMPLEX128: np.complex128,
}
_TYPES = {np.dtype(dtype): tensor_type for tensor_type, dtype in _DTYPES.items()}


def _integers(vector) -> tuple[int, ...]:
    """A flatbuffer's vector of numbers; what an empty one unpacks to differs."""
    return () if vector is None else tuple(int(n) for n in vector)


class Graph:
    """The one subgraph of a model: its ops, its tensors, what it reads and writes.

    Tensors are known by their index in `tensors`. Ops are edited through their own `inputs`,
    `outputs` and `set_input` and through `append`, `remove` and `replace`; which op writes and
    which ops read a tensor is kept up to date by all of these.

    Args:
        content: a `.tflite` file.

    Raises:
        ValueError: no `.tflite` file, several subgraphs (control flow), weights in other files, or
            two ops that write one tensor.
    """

    def __init__(self, content: bytes):
        if content[4:8] != b"TFL3":
            raise ValueError(
                "Expected the content of a .tflite file. "
                f"Received: {len(content)} bytes that begin with {bytes(content[:8])!r}"
            )
        self.model = read_model(content)
        if len(self.model.subgraphs) != 1:
            raise ValueError(
                "Expected a model without control flow (one subgraph). "
                f"Received: {len(self.model.subgraphs)} subgraphs."
            )
        if self.model.externalBuffers:
            raise ValueError(
                "Expected a model that is one file. "
                f"Received: {len(self.model.externalBuffers)} buffers in files of their own."
            )
        subgraph = self.model.subgraphs[0]
        self.tensors = subgraph.tensors or []
        self._inputs = _integers(subgraph.inputs)
        self._outputs = _integers(subgraph.outputs)
        self._ops: list[Op] = []
        self._producer: dict[int, Op] = {}
        self._readers: dict[int, dict[Op, None]] = {}  # a set that keeps its order
        for op in subgraph.operators or []:
            self.append(self._read(op))

    def _read(self, op) -> Op:
        code = self.model.operatorCodes[op.opcodeIndex]
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        options = {}
        kind = _NAMES.get(builtin, f"BUILTIN_{builtin}")
        if builtin == schema.BuiltinOperator.CUSTOM:
            kind = code.customCode.decode()
            if kind.startswith(OURS) and op.customOptions is not None:
                options = flexbuffers.Loads(bytes(op.customOptions))
        return Op(kind, _integers(op.inputs), _integers(op.outputs), options, op, code)

    # ---- looking ----

    @property
    def inputs(self) -> tuple[int, ...]:
        """The model's input tensors."""
        return self._inputs

    @property
    def outputs(self) -> tuple[int, ...]:
        """The model's output tensors."""
        return self._outputs

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops, in execution order after `tidy`."""
        return tuple(self._ops)

    def of_kind(self, *kinds: str) -> list[Op]:
        """The ops of these kinds, in the order of `ops`, as a list that survives edits."""
        return [op for op in self._ops if op.kind in kinds]

    def __contains__(self, op: Op) -> bool:
        """Whether the op is one of this graph's (and was not removed)."""
        return op.graph is self

    def producer(self, tensor: int) -> Op | None:
        """The op that writes a tensor; None for inputs and constants."""
        return self._producer.get(tensor)

    def consumers(self, tensor: int) -> list[Op]:
        """The ops that read a tensor, one entry an op."""
        return list(self._readers.get(tensor, ()))

    def only_consumer(self, tensor: int) -> Op | None:
        """The one op that reads a tensor; None if several do or it is an output of the model."""
        readers = self._readers.get(tensor, ())
        if len(readers) != 1 or tensor in self._outputs:
            return None
        return next(iter(readers))

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape, with 1 for dimensions that are only known at run time."""
        return _integers(self.tensors[tensor].shape)

    def signature(self, tensor: int) -> tuple[int, ...]:
        """The shape, with -1 for dimensions that are only known at run time."""
        return _integers(self.tensors[tensor].shapeSignature) or self.shape(tensor)

    def dtype(self, tensor: int) -> np.dtype | None:
        """The type of a tensor's values; None for one that numpy lacks (4 bits, strings, …)."""
        dtype = _DTYPES.get(self.tensors[tensor].type)
        return None if dtype is None else np.dtype(dtype)

    def name(self, tensor: int) -> str:
        """A tensor's name."""
        name = self.tensors[tensor].name
        return name.decode() if isinstance(name, bytes) else str(name)

    def constant(self, tensor: int) -> np.ndarray | None:
        """The value of a constant tensor, read-only.

        None for a tensor that is none, and for a constant whose buffer is not the array itself
        (sparse, or of a type that numpy lacks).
        """
        if tensor == ABSENT or tensor in self._inputs or tensor in self._producer:
            return None
        entry, dtype, shape = self.tensors[tensor], self.dtype(tensor), self.shape(tensor)
        if dtype is None or entry.sparsity is not None or entry.isVariable:
            return None
        data = self.model.buffers[entry.buffer].data
        if data is None or len(data) == 0:
            return np.empty(shape, dtype) if 0 in shape else None
        value = np.frombuffer(data, dtype).reshape(shape)
        value.flags.writeable = False
        return value

    def value(self, tensor: int) -> np.ndarray:
        """The value of a tensor that must be a constant."""
        value = self.constant(tensor)
        if value is None:
            raise ValueError(f"Expected a constant tensor. Received: '{self.name(tensor)}'")
        return value

    # ---- editing ----

    def append(self, op: Op) -> None:
        """Adds an op; `tidy` finds its place in the execution order."""
        self._ops.append(op)
        op.enter(self)

    def remove(self, op: Op) -> None:
        """Takes an op out."""
        self._ops.remove(op)
        op.leave()

    def replace(self, op: Op, new: Iterable[Op]) -> None:
        """Puts ops where one was."""
        position = self._ops.index(op)
        self.remove(op)
        new = list(new)
        self._ops[position:position] = new
        for each in new:
            each.enter(self)

    def index(self, op: Op) -> None:
        """Enters an op's connections; for `Op` alone."""
        for tensor in op.outputs:
            other = self._producer.setdefault(tensor, op)
            if other is not op:
                raise ValueError(
                    f"Expected one op to write the tensor '{self.name(tensor)}'. "
                    f"Received: {other} and {op}"
                )
        for tensor in op.inputs:
            if tensor != ABSENT:
                self._readers.setdefault(tensor, {})[op] = None

    def forget(self, op: Op) -> None:
        """Drops an op's connections; for `Op` alone."""
        for tensor in op.outputs:
            del self._producer[tensor]
        for tensor in set(op.inputs) - {ABSENT}:
            del self._readers[tensor][op]

    def add_constant(self, value: np.ndarray, name: str) -> int:
        """Adds a constant tensor."""
        buffer = schema.BufferT()
        value = np.asarray(value)
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        tensor = self.add_tensor(value.shape, value.dtype, name)
        self.tensors[tensor].buffer = len(self.model.buffers) - 1
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

    def adopt(self, other: Graph) -> tuple[list[Op], dict[int, int]]:
        """Copies another graph's tensors into this one.

        Returns:
            Copies of its ops, connected to the copied tensors but not yet in this graph, and where
            each of its tensors went: `{index there: index here}`.
        """
        moved = {ABSENT: ABSENT}
        buffers = {0: 0}
        for old, tensor in enumerate(other.tensors):
            tensor = copy.deepcopy(tensor)
            if tensor.buffer not in buffers:
                self.model.buffers.append(copy.copy(other.model.buffers[tensor.buffer]))
                buffers[tensor.buffer] = len(self.model.buffers) - 1
            tensor.buffer = buffers[tensor.buffer]
            self.tensors.append(tensor)
            moved[old] = len(self.tensors) - 1
        return [op.moved(moved) for op in other.ops], moved

    def replace_tensor(self, old: int, new: int, where: Callable[[Op], bool] = lambda op: True):
        """Makes the ops (those that `where` admits) read `new` instead of `old`."""
        for op in self.consumers(old):
            if where(op):
                op.inputs = [new if tensor == old else tensor for tensor in op.inputs]

    def elementwise(self, kind: str, left: int, right: int, output: int) -> Op:
        """A new float op of two tensors; the caller puts it in."""
        source = schema.OperatorT()
        options = {
            "ADD": "AddOptions",
            "MUL": "MulOptions",
            "MAXIMUM": "MaximumMinimumOptions",
            "MINIMUM": "MaximumMinimumOptions",
        }.get(kind)
        if options is not None:
            source.builtinOptions = getattr(schema, f"{options}T")()
            source.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        return Op(kind, [left, right], [output], {}, source, builtin_code(kind))

    def plain(self, kind: str, source: int, target: int) -> Op:
        """A new builtin op without options, from one tensor to one; the caller puts it in."""
        return Op(kind, [source], [target], {}, schema.OperatorT(), builtin_code(kind))

    def name_interface(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Renames the inputs and outputs of the one signature and puts them in this order.

        Args:
            inputs: for each input that is called `input_0`, `input_1`, ... its name.
            outputs: for each output that is called `output_0`, `output_1`, ... its name.
        """
        (signature,) = self.model.signatureDefs
        found = {entry.name.decode(): entry for entry in (*signature.inputs, *signature.outputs)}
        ordered = [
            [found[f"{kind}_{number}"] for number in range(len(names))]
            for kind, names in (("input", inputs), ("output", outputs))
        ]
        for entries, names in zip(ordered, (inputs, outputs), strict=True):
            for entry, name in zip(entries, names, strict=True):
                entry.name = name.encode()
        signature.inputs, signature.outputs = ordered
        for entry in signature.outputs:
            if entry.tensorIndex not in self._inputs:
                mark = f"{OUTPUT_MARK}{entry.name.decode()}"
                self.tensors[entry.tensorIndex].name = mark.encode()
        self._inputs, self._outputs = (
            tuple(entry.tensorIndex for entry in entries) for entries in ordered
        )

    def replace_border(self, side: str, old: int, new: int) -> None:
        """Makes `new` the model's input or output that `old` was, also in the signatures.

        Args:
            side: `"inputs"` or `"outputs"`.
            old: what is there now; ops that read or write it still do.
            new: what is there afterwards.
        """
        tensors = tuple(new if tensor == old else tensor for tensor in getattr(self, side))
        setattr(self, f"_{side}", tensors)
        for signature in self.model.signatureDefs or []:
            for entry in getattr(signature, side) or []:
                if entry.tensorIndex == old:
                    entry.tensorIndex = new

    def tidy(self) -> None:
        """Drops ops whose outputs nobody reads; puts the rest in a stable execution order."""
        ordered = in_order(self._ops)
        needed, alive = set(self._outputs), []
        for op in reversed(ordered):
            if not op.outputs or needed.intersection(op.outputs):  # none: it has a side effect
                alive.append(op)
                needed.update(op.inputs)
        for op in set(ordered).difference(alive):
            op.leave()
        self._ops = alive[::-1]

    # ---- writing ----

    def to_bytes(self) -> bytes:
        """The model as a file with only what is used; the graph itself is only tidied."""
        self.tidy()
        signatures = self.model.signatureDefs or []
        return self._written(self._ops, self._inputs, self._outputs, signatures)

    def with_outputs(self, tensors: Iterable[int]) -> bytes:
        """The model as a file that also gives these tensors, behind its own outputs.

        It has no signatures: they would name only the model's own outputs.
        """
        return self._written(self._ops, self._inputs, [*self._outputs, *tensors], [])

    def subgraph_of(
        self, ops: Iterable[Op], inputs: Sequence[int], outputs: Sequence[int]
    ) -> Graph:
        """Some ops as a graph of their own, which shares nothing with this one.

        It numbers its tensors anew; its `inputs` and `outputs` are in the order given here. Its one
        signature, `serving_default`, calls them `input_0`, …, `output_0`, ….

        Args:
            ops: ops of this graph, in any order.
            inputs: tensors of this graph that become inputs; constants may be among them.
            outputs: tensors of this graph that become outputs.

        Raises:
            ValueError: an op reads, or `outputs` names, a tensor that is neither a constant, nor an
                input, nor written by one of the ops.
        """
        ops = list(ops)
        known = {*inputs, ABSENT, *(tensor for op in ops for tensor in op.outputs)}
        for tensor in (*outputs, *(tensor for op in ops for tensor in op.inputs)):
            entry = self.tensors[tensor]
            if tensor in known or entry.isVariable or self._is_stored(tensor):
                continue
            raise ValueError(
                "Expected every tensor to be a constant, an input or written by one of the ops. "
                f"Received: '{self.name(tensor)}'. Add it to `inputs`, or its op to `ops`."
            )
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
        signature.inputs = [signature_entry(f"input_{i}", t) for i, t in enumerate(inputs)]
        signature.outputs = [signature_entry(f"output_{i}", t) for i, t in enumerate(outputs)]
        return Graph(self._written(ops, inputs, outputs, [signature]))

    def _is_stored(self, tensor: int) -> bool:
        """Whether the file holds the tensor's value, in whatever form."""
        data = self.model.buffers[self.tensors[tensor].buffer].data
        return (data is not None and len(data) > 0) or self.constant(tensor) is not None

    def _written(
        self, ops: Sequence[Op], inputs: Sequence[int], outputs: Sequence[int], signatures
    ) -> bytes:
        return write(self.model, self.tensors, in_order(ops), inputs, outputs, signatures)
