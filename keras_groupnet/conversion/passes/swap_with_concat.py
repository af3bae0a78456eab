"""Element-wise ops behind a concatenation of binary layers → in front of it, where they fold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS, is_float_only

_OF_ONE = ("LEAKY_RELU", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")
_WITH_CONSTANT = ("ADD", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "SUB")


def run(graph: Graph) -> bool:
    """`f(concat(x, y)) = concat(f(x), f(y))`, each part with its channels of f's constant.

    Where a ReActNet doubles its channels, an RPReLU stands behind two binary convolutions. It moves
    if all parts are written by kernel ops for the concatenation alone, for only then it costs
    nothing there.
    """
    changed = False
    for op in graph.of_kind("CONCATENATION"):
        reader = graph.only_consumer(op.outputs[0])
        if reader is None or not _joins_channels(graph, op) or not _folds(graph, op):
            continue
        constants = _constants(graph, op, reader)
        if constants is not None:
            _swap(graph, op, reader, constants)
            changed = True
    return changed


def _joins_channels(graph: Graph, op: Op) -> bool:
    rank = len(graph.shape(op.outputs[0]))
    return not op.fused_activation and op.source.builtinOptions.axis % rank == rank - 1


def _folds(graph: Graph, op: Op) -> bool:
    writers = [graph.producer(tensor) for tensor in op.inputs]
    return len(set(op.inputs)) == len(op.inputs) and all(
        writer is not None
        and writer.kind in KERNEL_OPS
        and is_float_only(writer)
        and graph.only_consumer(tensor) is op
        for writer, tensor in zip(writers, op.inputs, strict=True)
    )


def _constants(graph: Graph, op: Op, reader: Op) -> list[list[int]] | None:
    """The inputs of the reader's copy for each part, the part itself first or last as it was.

    None if the reader is not element-wise with a constant.
    """
    joined = op.outputs[0]
    if reader.kind in _OF_ONE:
        return [[part] for part in op.inputs]
    if reader.kind not in _WITH_CONSTANT or joined not in reader.inputs:
        return None
    position = 1 - reader.inputs.index(joined)
    constant = graph.constant(reader.inputs[position])
    if constant is None or reader.kind == "PRELU" and position == 0:
        return None
    if constant.ndim > len(graph.shape(joined)):
        return None
    pieces = []
    for part, piece in zip(op.inputs, _slices(graph, op, constant), strict=True):
        tensor = graph.add_constant(piece, f"{graph.name(part)}/{reader.kind.lower()}")
        pieces.append([tensor, part] if position == 0 else [part, tensor])
    return pieces


def _slices(graph: Graph, op: Op, constant: np.ndarray) -> Iterator[np.ndarray]:
    begin = 0
    for part in op.inputs:
        end = begin + graph.shape(part)[-1]
        whole = not constant.ndim or constant.shape[-1] == 1
        yield constant if whole else constant[..., begin:end]
        begin = end


def _swap(graph: Graph, op: Op, reader: Op, inputs: list[list[int]]) -> None:
    outputs = []
    for part, read in zip(op.inputs, inputs, strict=True):
        name = f"{graph.name(part)}/{reader.kind.lower()}"
        outputs.append(graph.add_tensor(graph.shape(part), np.float32, name, part))
        graph.append(Op(reader.kind, read, outputs[-1:], {}, reader.source, reader.code))
    target = reader.outputs
    graph.remove(reader)
    op.inputs, op.outputs = outputs, target
