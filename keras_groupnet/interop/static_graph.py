"""A file's graph with every shape known and everything constant computed."""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from keras_groupnet.conversion.checks.probe import invoke
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.runtime.interpreter import Interpreter

# Of our ops the version that is known; 1 for the others.
_NEWEST = {"KgnConv2D": 3, "KgnDense": 3, "KgnMaxPool2D": 2}
_OF_SHAPES = ("RANK", "SHAPE", "ZEROS_LIKE")  # whose results hang on no values


class StaticGraph:
    """The ops of a file that are left when its sizes are fixed.

    Files of any batch compute shapes with ops of their own (SHAPE, PACK, ...). The file is run once
    on zeros, which gives the shape of each tensor and the value of each that depends on shapes and
    constants alone.

    Args:
        content: a `.tflite` file.
        supported: kinds of ops that may be left.
        language: what they are to be written as, for messages.

    Attributes:
        graph: as it is in the file.
        ops: in execution order, without those whose results are constant.
        shapes: of each tensor that is no constant of the file.

    Raises:
        ValueError: a size other than the batch is open, a tensor is empty, or an op is not among
            the supported ones.
    """

    def __init__(self, content: bytes, supported: Container[str], language: str):
        self.graph = graph = Graph(content)
        graph.tidy()
        _fix_inputs(graph)
        self._computed: dict[int, np.ndarray] = {}
        known: set[int] = set()
        self.ops: list[Op] = []
        for op in graph.ops:
            if op.kind in _OF_SHAPES or all(t in known or self._is_constant(t) for t in op.inputs):
                known.update(op.outputs)
            else:
                self.ops.append(op)
        _refuse_unknown(graph, self.ops, supported, language)
        _refuse_newer(graph, self.ops, language)
        written = [tensor for op in graph.ops for tensor in op.outputs]
        inside = [tensor for tensor in written if tensor not in graph.outputs]
        zeros = [np.zeros(graph.shape(t), graph.dtype(t)) for t in graph.inputs]
        values = invoke(Interpreter(graph.with_outputs(inside)), zeros)
        found = dict(zip([*graph.outputs, *inside], values, strict=True))
        self._computed = {tensor: value for tensor, value in found.items() if tensor in known}
        self.shapes = {tensor: value.shape for tensor, value in found.items()}
        self.shapes |= {tensor: graph.shape(tensor) for tensor in graph.inputs}
        for tensor, shape in self.shapes.items():
            if 0 in shape:
                raise ValueError(
                    f"Expected tensors with values in them. Received: '{graph.name(tensor)}' of "
                    f"shape {list(shape)}"
                )

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape of any tensor."""
        return self.shapes[tensor] if tensor in self.shapes else self.graph.shape(tensor)

    def constant(self, tensor: int) -> np.ndarray | None:
        """The value of a constant; None for a tensor that is none."""
        if tensor in self._computed:
            return self._computed[tensor]
        return self.graph.constant(tensor)

    def value(self, op: Op, position: int, what: str) -> np.ndarray:
        """The value of an op's input that must be known.

        Raises:
            ValueError: it is computed at run time.
        """
        value = self.constant(op.inputs[position])
        if value is None:
            raise ValueError(
                f"Expected {what} of {describe(self.graph, op)} to be constant. Received: values "
                "that are computed at run time. Build the model with constant ones"
            )
        return value

    def _is_constant(self, tensor: int) -> bool:
        return tensor == ABSENT or self.graph.constant(tensor) is not None


def describe(graph: Graph, op: Op) -> str:
    """An op for messages and comments: its kind, and the tensor that it writes."""
    return f"{op.kind} '{graph.name(op.outputs[0])}'"


def _fix_inputs(graph: Graph) -> None:
    """An open batch becomes 1."""
    for tensor in graph.inputs:
        signature = graph.signature(tensor)
        if -1 in signature[1:]:
            raise ValueError(
                "Expected inputs whose sizes are fixed, but for the batch. Received: "
                f"'{graph.name(tensor)}' of shape {list(signature)}. Build the model with "
                "keras.Input of a full shape and convert it again"
            )
        shape = [1 if n == -1 else n for n in signature]
        graph.tensors[tensor].shape = np.asarray(shape, np.int32)


def _refuse_newer(graph: Graph, ops: list[Op], language: str) -> None:
    for op in ops:
        if op.options and op.options["version"] > _NEWEST.get(op.kind, 1):
            raise ValueError(
                f"Expected ops of versions that can be written as {language}. Received: "
                f"{describe(graph, op)} of version {op.options['version']}. Run the .tflite file "
                "with kgn.lite.Interpreter"
            )


def _refuse_unknown(graph: Graph, ops: list[Op], supported: Container[str], language: str) -> None:
    unknown = {op.kind: op for op in reversed(ops) if op.kind not in supported}
    if not unknown:
        return
    where = "; ".join(describe(graph, op) for op in reversed(unknown.values()))
    if any(kind.startswith("Lce") for kind in unknown):
        advice = "Export the Keras model, not a file of Larq's converter"
    elif {"QUANTIZE", "DEQUANTIZE"} & set(unknown):
        advice = "Convert with float_layers='float32' and float32 inputs and outputs"
    else:
        advice = "Use other layers there, or run the .tflite file with kgn.lite.Interpreter"
    raise ValueError(f"Expected ops that can be written as {language}. Received: {where}. {advice}")
