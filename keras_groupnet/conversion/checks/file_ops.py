"""A file's ops by the layers that they come from, and what their tensors hold on given inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_groupnet.conversion.checks.arithmetic import max_pooled, unpacked
from keras_groupnet.conversion.checks.probe import invoke
from keras_groupnet.conversion.export.origin import KERNEL, Origin
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    BIAS,
    KERNEL_OPS,
    MULTIPLIER,
    OFFSET,
    PIXEL_SCALE,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
    SECOND_ADDEND,
    SLOPE,
)
from keras_groupnet.conversion.weights.packed_kernel import WEIGHTS, packed_kernel
from keras_groupnet.deployment import Window
from keras_groupnet.deployment.same_padding import same_padding
from keras_groupnet.runtime.interpreter import Interpreter

_SAME_VALUES = ("CAST", "EXPAND_DIMS", "PAD", "RESHAPE", "SQUEEZE", "TRANSPOSE")
_MOVES = ("KgnMaxPool2D", "RESHAPE", "TILE")  # of packed values
_RUN_TIME = (0, PIXEL_SCALE, ADDEND, SECOND_ADDEND)


class FileOps:
    """The ops of a file, found by the names of their tensors (`origin`).

    Args:
        content: a `.tflite` file that `convert` wrote.

    Attributes:
        graph: of the file; every kernel op also gives its float value, before any quantizer.
        kernels: origin -> kernel op.
        tensors: origin of a quantizer or scale map -> its tensor.
        float_output: kernel op -> the tensor of that float value.
        written: packed tensor -> the kernel op or KgnQuantize that writes it.
    """

    def __init__(self, content: bytes):
        self.graph = graph = Graph(content)
        self.kernels: dict[Origin, Op] = {}
        self.float_output: dict[Op, int] = {}
        for op in graph.of_kind(*KERNEL_OPS):
            origin = Origin.of(graph.name(op.inputs[WEIGHTS]))
            if origin is not None and origin.what == KERNEL:
                self.kernels[origin] = op
            self.float_output[op] = _with_float_output(graph, op)
        self.tensors: dict[Origin, int] = {}
        self.written: dict[int, Op] = {}
        for op in graph.ops:
            for tensor in op.outputs:
                origin = Origin.of(graph.name(tensor))
                if origin is not None and origin.what != KERNEL:
                    self.tensors[origin] = tensor
            if op.kind == "KgnQuantize" or (op.kind in KERNEL_OPS and op.options["out_bits"]):
                self.written[op.outputs[-1]] = op

    def origin_of(self, op: Op) -> Origin | None:
        """The origin of a kernel op."""
        return Origin.of(self.graph.name(op.inputs[WEIGHTS])) if op.kind in KERNEL_OPS else None

    def sources(self, tensor: int) -> list[Op]:
        """The kernel ops whose sums make a value, as far as no other check covers them.

        Found by going back from the tensor through float ops and addends. An op whose value some op
        quantizes or multiplies is compared by itself; what lies behind it is left out.
        """
        found: list[Op] = []
        waiting = [self.graph.producer(tensor)]
        visited: set[Op] = set()
        while waiting:
            op = waiting.pop()
            if op is None or op in visited:
                continue
            visited.add(op)
            read = op.inputs
            if op.kind in KERNEL_OPS:
                if tensor not in op.outputs and self.is_compared(op):
                    continue
                found.append(op)
                read = tuple(op.input(at) for at in (ADDEND, SECOND_ADDEND))
            elif op.kind in ("KgnQuantize", "KgnScaleMap"):
                if op.outputs[0] != tensor:
                    continue
                read = op.inputs[:1]
            waiting += [self.graph.producer(one) for one in read if one != ABSENT]
        return found

    def is_compared(self, op: Op) -> bool:
        """Whether an op quantizes or multiplies what a kernel op writes as floats."""
        readers = self.graph.consumers(op.outputs[0])
        return bool(op.options["out_bits"]) or any(
            reader.kind == "KgnQuantize"
            or (reader.kind in KERNEL_OPS and reader.inputs[0] == op.outputs[0])
            for reader in readers
        )

    def source_of(self, tensor: int) -> int:
        """The tensor whose values, perhaps of another type or shape, a tensor has."""
        while (op := self.graph.producer(tensor)) is not None and op.kind in _SAME_VALUES:
            tensor = op.inputs[0]
        return tensor

    def step_of(self, op: Op) -> np.float32:
        """The step of the codes that a kernel op reads, from the quantizer that wrote them."""
        if op.options["bits"] in (1, 32):
            return np.float32(1)
        tensor = op.inputs[0]
        while tensor not in self.written:
            producer = self.graph.producer(tensor)
            if producer is None:  # packed by another program
                return np.float32(1)
            tensor = producer.inputs[0]
        writer = self.written[tensor]
        scale = writer.options["scale" if writer.kind == "KgnQuantize" else "out_scale"]
        return np.float32(1.0 / scale)

    def layers_of(self, ops: list[Op]) -> list[str]:
        """The names of the layers that ops come from, each once."""
        origins = [self.origin_of(op) for op in ops]
        return list(dict.fromkeys(origin.layer for origin in origins if origin is not None))

    def constant(self, op: Op, position: int) -> np.ndarray | None:
        """A constant input of an op; None if it is absent."""
        tensor = op.input(position)
        return None if tensor == ABSENT else self.graph.value(tensor)

    def run(self, inputs: list[np.ndarray]) -> Values:
        """Runs the file and keeps what the check needs to see."""
        wanted: dict[int, None] = {}
        for op in self.graph.ops:
            if op.kind in KERNEL_OPS:
                wanted |= dict.fromkeys(op.input(at) for at in _RUN_TIME)
                wanted |= dict.fromkeys(op.outputs)
            elif op.kind in ("KgnQuantize", "KgnScaleMap"):
                wanted |= dict.fromkeys((op.inputs[0], op.outputs[0]))
            elif op.kind == "KgnMaxPool2D":
                wanted |= dict.fromkeys(op.outputs)
        wanted |= dict.fromkeys(self.tensors.values())
        wanted.pop(ABSENT, None)
        graph = self.graph
        inside = [
            tensor
            for tensor in wanted
            if tensor not in graph.inputs and graph.constant(tensor) is None
        ]
        values = invoke(Interpreter(graph.with_outputs(inside)), inputs)
        count = len(graph.outputs)
        arrays = {
            tensor: graph.value(tensor)
            for tensor in wanted
            if tensor not in inside and tensor not in graph.inputs
        }
        arrays |= dict(zip(inside, values[count:], strict=True))
        arrays |= dict(zip(graph.outputs, values[:count], strict=True))
        arrays |= dict(zip(graph.inputs, inputs, strict=True))
        return Values(self, arrays, values[:count])


@dataclass
class Values:
    """What the tensors of a file hold on given inputs.

    Attributes:
        file: the ops.
        arrays: tensor -> value.
        outputs: of the model, in the file's order.
    """

    file: FileOps
    arrays: dict[int, np.ndarray]
    outputs: list[np.ndarray] = field(default_factory=list)

    def activations(self, op: Op, window: Window | None) -> np.ndarray:
        """What a kernel op reads, as float32: ±1, codes, or the floats themselves.

        Args:
            op: the op.
            window: of its layer. Where it does not pad and the op does, which a layer of padding in
                front became, the padding is part of the result.
        """
        value = self.arrays[op.inputs[0]]
        bits = op.options["bits"]
        if bits != 32:
            value = unpacked(value, bits, op.options["channels_in"])
        if window is None or window.padding == "same" or op.options["padding"] != 0:
            return value
        kernel = packed_kernel(self.file.graph, op).shape[1:3]
        edges = [
            same_padding(size, taps, stride, dilation)
            for size, taps, stride, dilation in zip(
                value.shape[1:3], kernel, window.strides, window.dilation, strict=True
            )
        ]
        pad = np.float32(op.options["pad_value"])
        return np.pad(value, [(0, 0), *edges, (0, 0)], constant_values=pad)

    def codes(self, tensor: int, bits: int, channels: int) -> np.ndarray:
        """A packed tensor as float32 ±1 or codes."""
        return unpacked(self.arrays[tensor], bits, channels)

    def epilogue_inputs(self, op: Op) -> dict[str, Any]:
        """The arguments of `arithmetic.epilogue` behind the sums, as they are in the file."""

        def at_run_time(position: int) -> np.ndarray | None:
            tensor = op.input(position)
            return None if tensor == ABSENT else self.arrays[tensor]

        return {
            "options": op.options,
            "multiplier": self.file.constant(op, MULTIPLIER),
            "bias": self.file.constant(op, BIAS),
            "pixel_scale": at_run_time(PIXEL_SCALE),
            "addend": at_run_time(ADDEND),
            "addend_multiplier": self.file.constant(op, ADDEND_MULTIPLIER),
            "second_addend": at_run_time(SECOND_ADDEND),
            "slope": self.file.constant(op, SLOPE),
            "offset": self.file.constant(op, OFFSET),
        }

    def quantized_floats(self, tensor: int) -> tuple[Op | None, int, np.ndarray]:
        """What a packed tensor is the quantized form of.

        Returns:
            The kernel op or KgnQuantize that quantizes (None: neither), the float tensor that it
            quantizes, and the values, with what is between them and the tensor.
        """
        graph = self.file.graph
        between: list[Op] = []
        while (op := self.file.written.get(tensor)) is None:
            producer = graph.producer(tensor)
            if producer is None or producer.kind not in _MOVES:
                return None, ABSENT, np.empty(0, np.float32)
            between.append(producer)
            tensor = producer.inputs[0]
        source = op.inputs[0] if op.kind == "KgnQuantize" else op.outputs[0]
        value = self.before_quantizer(op, self.arrays[source])
        for one in reversed(between):
            argument = self.file.constant(one, 1)
            if one.kind == "KgnMaxPool2D":
                value = max_pooled(value, one.options, argument)
            elif argument is not None and one.kind == "TILE":
                value = np.tile(value, argument)
            elif argument is not None:
                # One word more or less on the last axis are 32 channels; else they are the same.
                words = graph.shape(one.outputs[0])[-1]
                channels = value.shape[-1] * words // graph.shape(one.inputs[0])[-1]
                value = value.reshape(*graph.signature(one.outputs[0])[:-1], channels)
        return op, source, value

    def before_quantizer(self, op: Op, y: np.ndarray) -> np.ndarray:
        """What an op quantizes, if `y` is its float value (or the input of a KgnQuantize)."""
        positions = (1, 2) if op.kind == "KgnQuantize" else (QUANTIZE_MULTIPLIER, QUANTIZE_BIAS)
        multiplier, bias = (self.file.constant(op, position) for position in positions)
        return y if multiplier is None or bias is None else multiplier * y + bias


def _with_float_output(graph: Graph, op: Op) -> int:
    """Lets a kernel op write its float value too; the tensor of it."""
    if not op.options["float_output"]:
        (packed,) = op.outputs
        channels = len(graph.value(op.inputs[MULTIPLIER]))
        shape = (*graph.shape(packed)[:-1], channels)
        added = graph.add_tensor(shape, np.float32, f"{graph.name(packed)}/value", packed)
        op.options["float_output"] = 1
        op.outputs = [added, packed]
    return op.outputs[0]
