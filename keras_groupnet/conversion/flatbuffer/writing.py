"""A graph's ops and tensors → the bytes of a `.tflite` file."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.model_io import write_model
from keras_groupnet.conversion.flatbuffer.op import ABSENT, OURS, Op, builtin_code


def write(
    original,
    all_tensors: Sequence,
    ops: Sequence[Op],
    inputs: Sequence[int],
    outputs: Sequence[int],
    signatures: Sequence,
) -> bytes:
    """Writes a model of one subgraph with only the tensors and buffers that it uses.

    Args:
        original: the ModelT that lends its buffers and metadata. It stays as it is, as do all
            other arguments.
        all_tensors: the TensorT objects to which ops, inputs and outputs refer by index.
        ops: in execution order.
        inputs: of the model.
        outputs: of the model.
        signatures: SignatureDefT objects, by the same indices.

    Raises:
        ValueError: a signature names a tensor that is no input or output of the model.
    """
    used = {t for op in ops for t in (*op.inputs, *op.outputs, *op.intermediates)}
    order = sorted(used.union(inputs, outputs) - {ABSENT})
    index = {ABSENT: ABSENT} | {old: new for new, old in enumerate(order)}
    model, subgraph = copy.copy(original), copy.copy(original.subgraphs[0])

    buffers, buffer_index = [schema.BufferT()], {}
    subgraph.tensors = []
    for old in order:
        tensor = copy.copy(all_tensors[old])
        data = original.buffers[tensor.buffer].data
        tensor.buffer = 0
        if data is not None and len(data) > 0 and old not in inputs:
            key = (bytes(data), tensor.type)  # equal constants share one buffer
            if key not in buffer_index:
                buffer_index[key] = len(buffers)
                buffers.append(_buffer(data))
            tensor.buffer = buffer_index[key]
        subgraph.tensors.append(tensor)
    model.metadata, model.metadataBuffer = [], None
    for entry in original.metadata or []:
        buffers.append(_buffer(original.buffers[entry.buffer].data))
        entry = copy.copy(entry)
        entry.buffer = len(buffers) - 1
        model.metadata.append(entry)
    model.buffers = buffers

    codes: dict[tuple, int] = {}
    model.operatorCodes, subgraph.operators = [], []
    for op in ops:
        code = _custom_code(op.kind) if op.kind.startswith(OURS) else op.code
        entry = (op.kind, code.version)
        if entry not in codes:
            codes[entry] = len(model.operatorCodes)
            model.operatorCodes.append(code)
        subgraph.operators.append(op.written(codes[entry], index))
    subgraph.inputs = np.asarray([index[t] for t in inputs], np.int32)
    subgraph.outputs = np.asarray([index[t] for t in outputs], np.int32)
    model.subgraphs = [subgraph]
    model.signatureDefs = [_moved(s, index, inputs, outputs) for s in signatures]

    return write_model(model)


def _buffer(data) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = data
    return buffer


def _custom_code(kind: str) -> schema.OperatorCodeT:
    code = builtin_code("CUSTOM")
    code.customCode = kind.encode()
    return code


def signature_entry(name: str | bytes, tensor: int) -> schema.TensorMapT:
    """One name of a signature."""
    entry = schema.TensorMapT()
    entry.name = name.encode() if isinstance(name, str) else name
    entry.tensorIndex = tensor
    return entry


def _moved(signature, index: dict[int, int], inputs, outputs) -> Any:
    """The signature by the tensors' indices in the file."""
    signature = copy.copy(signature)
    for side, present in (("inputs", inputs), ("outputs", outputs)):
        entries = getattr(signature, side) or []
        for entry in entries:
            if entry.tensorIndex not in present:
                raise ValueError(
                    f"Expected each tensor of a signature's {side} among those of the graph. "
                    f"Received: {entry.name!r}, tensor {entry.tensorIndex}, in "
                    f"{signature.signatureKey!r}"
                )
        setattr(signature, side, [signature_entry(e.name, index[e.tensorIndex]) for e in entries])
    return signature
