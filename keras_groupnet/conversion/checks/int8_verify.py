"""Is an int8 file its float32 file, but for the quantization?

Behind an int8 layer values differ from Keras', and rightly so: comparing them proves nothing. But
quantization only makes weights integers and puts QUANTIZE and DEQUANTIZE between ops. All else (the
ops, their options, what reads what, every constant of ours) must be as in the float32 file, which
`verify` compares with Keras value by value. Weights that are integers must be the float ones within
half a step. Scales of activations must be there if they were trained: where the float32 file has
int8 values, this one has them with the same scale. Others come from representative data and are not
judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_groupnet.conversion.checks.problems import Problem
from keras_groupnet.conversion.export.origin import Origin
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.int8.merge_columns import merge_columns
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.conversion.weights.packed_kernel import WEIGHTS, packed_kernel

_CASTS = ("QUANTIZE", "DEQUANTIZE")
_STORAGE = ("version", "compression")  # options of ours that say how, not what
# Options of builtin ops that only say how the runtime multiplies integers.
_OF_INTEGERS = ("asymmetricQuantizeInputs", "quantizedBiasType")
_HALF_A_STEP = 0.505  # with what float32 rounds


def has_integers(graph: Graph) -> bool:
    """Whether a file has quantized tensors of builtin ops."""
    return any(
        _is_quantized(graph, tensor)
        for op in graph.ops
        for tensor in (*op.inputs, *op.outputs)
        if tensor != ABSENT
    )


def int8_problems(reference: Graph, graph: Graph, layers: Mapping[str, str]) -> list[Problem]:
    """Where an int8 file differs from the float32 file by more than quantization.

    Args:
        reference: of the float32 file; columns are merged in it where the int8 file has them so.
        graph: of the int8 file.
        layers: name of a tensor of the float32 file -> the float layer whose op writes it.
    """
    return _Comparison(reference, graph, layers).problems()


class _Comparison:
    """Goes back from the outputs of both files at once."""

    def __init__(self, reference: Graph, graph: Graph, layers: Mapping[str, str]):
        self.reference = reference
        self.graph = graph
        self.layers = layers
        self._found: dict[Problem, None] = {}
        self._waiting: list[tuple[str, int, int]] = []

    def problems(self) -> list[Problem]:
        """All of them, each once."""
        for side in ("inputs", "outputs"):
            expected, found = (len(getattr(g, side)) for g in (self.reference, self.graph))
            if expected != found:
                return [Problem(f"the model's {side}", str(expected), str(found))]
        done: set[tuple[int, int]] = set()
        for number, (left, right) in enumerate(
            zip(self.reference.outputs, self.graph.outputs, strict=True)
        ):
            self._waiting.append((f"output {number}", left, right))
        while self._waiting:
            reader, left, right = self._waiting.pop()
            if (left, right) not in done:
                done.add((left, right))
                self._compare(reader, left, right)
        return list(self._found)

    def _compare(self, reader: str, left: int, right: int) -> None:
        """Two tensors that the same op reads in both files, and the ops that write them."""
        trained, given = _casts(self.reference, left), _casts(self.graph, right)
        left, right = _uncast(self.reference, left), _uncast(self.graph, right)
        for parameters in trained:
            if parameters not in given:
                there = ", ".join(map(_text, given)) or "floats"
                self._problem(reader, f"reading int8 of {_text(parameters)}", there)
        if ABSENT in (left, right):
            if left != right:
                self._differs(reader, self._described(self.reference, left), self.graph, right)
            return
        mine, theirs = self.reference.producer(left), self.graph.producer(right)
        if mine is None or theirs is None:
            same = mine is theirs and (
                self.reference.inputs.index(left) == self.graph.inputs.index(right)
                if left in self.reference.inputs and right in self.graph.inputs
                else self._same_constant(left, right)
            )
            if not same:
                self._differs(reader, self._described(self.reference, left), self.graph, right)
            return
        name = self._name(mine)
        if (mine.kind, mine.outputs.index(left)) != (theirs.kind, theirs.outputs.index(right)):
            self._differs(name, f"the op {mine.kind}", self.graph, right)
            return
        if mine.kind == "CONV_2D" and self._has_merged_columns(mine, theirs):
            merge_columns(self.reference, mine)
        self._compare_options(name, mine, theirs)
        self._wait_for_inputs(name, mine, theirs)

    def _has_merged_columns(self, mine: Op, theirs: Op) -> bool:
        return self.reference.shape(mine.inputs[1]) != self.graph.shape(theirs.inputs[1])

    def _wait_for_inputs(self, name: str, mine: Op, theirs: Op) -> None:
        first = 0
        if mine.kind in KERNEL_OPS:
            self._compare_kernels(name, mine, theirs)
            self._waiting.append((name, mine.inputs[0], theirs.inputs[0]))
            first = WEIGHTS + 1
        for position in range(first, max(len(mine.inputs), len(theirs.inputs))):
            self._waiting.append((name, mine.input(position), theirs.input(position)))

    def _compare_kernels(self, name: str, mine: Op, theirs: Op) -> None:
        expected = packed_kernel(self.reference, mine)
        try:
            found = packed_kernel(self.graph, theirs)
        except ValueError as error:
            self._problem(name, "its kernel", str(error))
            return
        if found.shape != expected.shape:
            self._problem(name, f"a kernel {expected.shape}", f"one of shape {found.shape}")
        elif (found != expected).any():
            bits = int(np.bitwise_count((found ^ expected).view(np.uint32)).sum())
            self._problem(name, "its binary kernel", f"another in {bits} weights")

    def _compare_options(self, name: str, mine: Op, theirs: Op) -> None:
        expected, found = _options(mine), _options(theirs)
        for key in sorted(expected.keys() | found.keys()):
            if expected.get(key) != found.get(key):
                self._problem(name, f"{key}={expected.get(key)}", f"{key}={found.get(key)}")

    def _same_constant(self, left: int, right: int) -> bool:
        expected, found = self.reference.constant(left), self.graph.constant(right)
        if expected is None or found is None:  # of a type that numpy lacks
            buffers = [
                bytes(g.model.buffers[g.tensors[t].buffer].data)
                for g, t in ((self.reference, left), (self.graph, right))
            ]
            return buffers[0] == buffers[1]
        if expected.shape != found.shape:
            return False
        if not _is_quantized(self.graph, right):
            return np.array_equal(expected, found, equal_nan=expected.dtype.kind == "f")
        scale, zero_point = _scale(self.graph, right)
        difference = np.abs((found.astype(np.float64) - zero_point) * scale - expected)
        return bool((difference <= _HALF_A_STEP * scale).all())

    def _name(self, op: Op) -> str:
        """The layer of an op; its tensor where nothing tells the layer."""
        read = [op.inputs[WEIGHTS]] if op.kind in KERNEL_OPS else []
        names = [self.reference.name(tensor) for tensor in (*read, *op.outputs)]
        for name in names:
            origin = Origin.of(name)
            layer = self.layers.get(name) if origin is None else origin.layer
            if layer is not None:
                return layer
        return names[0]

    def _differs(self, name: str, expected: str, graph: Graph, tensor: int) -> None:
        self._problem(name, expected, self._described(graph, tensor))

    def _described(self, graph: Graph, tensor: int) -> str:
        if tensor == ABSENT:
            return "no input"
        producer = graph.producer(tensor)
        if producer is not None:
            return f"the op {producer.kind}, output {producer.outputs.index(tensor)}"
        if tensor in graph.inputs:
            return f"input {graph.inputs.index(tensor)} of the model"
        value = graph.constant(tensor)
        if value is None or not value.size:
            return "a constant"
        if _is_quantized(graph, tensor):
            scale, zero_point = _scale(graph, tensor)
            value = (value - zero_point) * scale
        middle = (
            f" from {value.min():.6g} to {value.max():.6g}" if value.dtype.kind in "fiu" else ""
        )
        return f"the constant '{graph.name(tensor)}' {value.shape}{middle}"

    def _problem(self, layer: str, expected: str, found: str) -> None:
        if expected == found:
            found = "other values"
        self._found[Problem(layer, expected, found)] = None


def _uncast(graph: Graph, tensor: int) -> int:
    """The tensor in front of QUANTIZE and DEQUANTIZE."""
    producer = graph.producer(tensor)
    while producer is not None and producer.kind in _CASTS:
        (tensor,) = producer.inputs
        producer = graph.producer(tensor)
    return tensor


def _casts(graph: Graph, tensor: int) -> list[tuple[float, int]]:
    """Scale and zero point of the int8 tensors from one tensor back to that of `_uncast`."""
    found = []
    while tensor != ABSENT:
        quantized = graph.constant(tensor) is None and _is_quantized(graph, tensor)
        if quantized and len(graph.tensors[tensor].quantization.scale) == 1:
            parameters = graph.tensors[tensor].quantization
            found.append((float(parameters.scale[0]), int(parameters.zeroPoint[0])))
        producer = graph.producer(tensor)
        if producer is None or producer.kind not in _CASTS:
            break
        (tensor,) = producer.inputs
    return found


def _text(parameters: tuple[float, int]) -> str:
    return f"scale {parameters[0]:g} and zero point {parameters[1]}"


def _is_quantized(graph: Graph, tensor: int) -> bool:
    entry, dtype = graph.tensors[tensor], graph.dtype(tensor)
    scale = None if entry.quantization is None else entry.quantization.scale
    return scale is not None and len(scale) > 0 and (dtype is None or dtype.kind in "iu")


def _scale(graph: Graph, tensor: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of a quantized tensor, so that they broadcast over its values."""
    quantization = graph.tensors[tensor].quantization
    shape = [1] * len(graph.shape(tensor))
    scale = np.asarray(quantization.scale, np.float64)
    if len(scale) > 1:
        shape[quantization.quantizedDimension] = len(scale)
    zero_point = np.asarray(quantization.zeroPoint, np.float64)
    return scale.reshape(shape), zero_point.reshape(shape)


def _options(op: Op) -> dict[str, Any]:
    """What an op's options mean, to be compared."""
    options = {key: value for key, value in op.options.items() if key not in _STORAGE}
    if op.options or op.source is None:
        return options
    for block in (op.source.builtinOptions, op.source.builtinOptions2):
        options |= _plain(block) or {}
    if op.source.customOptions is not None:
        options["customOptions"] = bytes(op.source.customOptions)
    return {key: value for key, value in options.items() if key not in _OF_INTEGERS}


def _plain(value: Any) -> Any:
    """A flatbuffer's object as values that can be compared."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {k: _plain(v) for k, v in vars(value).items()} if hasattr(value, "__dict__") else value
