"""What a `.tflite` file holds: its ops with their work, and where its bytes are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from keras_groupnet.conversion.export.origin import Origin
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.flatbuffer.op import ABSENT, Op
from keras_groupnet.runtime.signature import OUTPUT_MARK

BINARY_WEIGHTS, FLOAT_WEIGHTS, INTEGER_WEIGHTS = "binary weights", "float weights", "int8 weights"
SCALES, OTHER = "scales and biases", "other constants"
CONSTANT_KINDS = (BINARY_WEIGHTS, FLOAT_WEIGHTS, INTEGER_WEIGHTS, SCALES, OTHER)
_LCE_CONVOLUTION = "LceBconv2d"
_KERNELS_OF_OURS = ("KgnConv2D", "KgnDense", _LCE_CONVOLUTION)
_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_WEIGHTS = 1
_COMPRESSED_TAPS = 9
_TYPE_NAMES = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}


@dataclasses.dataclass(frozen=True, eq=False)
class FileOp:
    """One op of a file.

    Attributes:
        op: in the graph.
        layer: the Keras layer that it is of, where that is known.
        output: name of the first tensor that it writes.
        name: the layer, else the first part of `output`, without the scope that all have.
        output_shape: of that tensor, without the batch; for packed ones in words.
        bits: `"W1A1"`, or the type of float weights; empty for ops without weights.
        channels: output channels of ops with weights; 0 for others.
        macs: multiply-accumulates for one sample; 0 for ops without weights.
        bytes: kind of constant -> how many bytes this op is the first to read.
    """

    op: Op
    layer: str | None
    output: str
    name: str
    output_shape: tuple[int, ...]
    bits: str
    channels: int
    macs: int
    bytes: Mapping[str, int]

    @property
    def kind(self) -> str:
        """Of the op: `"KgnConv2D"`, `"CONV_2D"`."""
        return self.op.kind

    @property
    def total_bytes(self) -> int:
        """Of its constants."""
        return sum(self.bytes.values())


class FileContents:
    """The ops of a file, and its bytes.

    Args:
        content: a `.tflite` file.
        layers: name of the tensor that an op writes -> its layer, as far as it is known; layers of
            our own ops are told by the file.

    Attributes:
        content: as given.
        graph: of the file.
        ops: in execution order.

    Raises:
        ValueError: no `.tflite` file, or one with control flow.
    """

    def __init__(self, content: bytes, layers: Mapping[str, str] | None = None):
        self.content = content
        self.graph = Graph(content)
        self._layers = layers or {}
        self._counted: set[int] = set()
        self._scope = self._common_scope()
        self.ops = [self._read(op) for op in self.graph.ops]

    @property
    def rest_bytes(self) -> int:
        """What is no constant: ops, names, metadata, padding."""
        return len(self.content) - sum(op.total_bytes for op in self.ops)

    def _read(self, op: Op) -> FileOp:
        graph = self.graph
        output = graph.name(op.outputs[0]) if op.outputs else ""
        layer = self._layer(op, output)
        return FileOp(
            op,
            layer,
            output,
            layer or output.partition(";")[0].removeprefix(self._scope),
            graph.shape(op.outputs[0])[1:] if op.outputs else (),
            self._bits(op),
            self._channels(op),
            self._macs(op),
            self._bytes(op),
        )

    def _common_scope(self) -> str:
        """What all names of tensors begin with that TFLiteConverter has made, `"model_1/"`."""
        names = [self.graph.name(op.outputs[0]) for op in self.graph.ops if op.outputs]
        scopes = {
            name.partition("/")[0] for name in names if "/" in name and Origin.of(name) is None
        }
        scopes -= {OUTPUT_MARK.rstrip("/")}
        return f"{scopes.pop()}/" if len(scopes) == 1 else ""

    def _channels(self, op: Op) -> int:
        if op.kind not in (*_KERNELS, *_KERNELS_OF_OURS):
            return 0
        # Those of compressed kernels are a stream; there is a multiplier for each channel.
        weights = self.graph.shape(op.inputs[2 if op.options.get("compression") else _WEIGHTS])
        return weights[-1 if op.kind == "DEPTHWISE_CONV_2D" else 0]

    def _layer(self, op: Op, output: str) -> str | None:
        names = [output]
        if op.kind in _KERNELS_OF_OURS:
            names.insert(0, self.graph.name(op.inputs[_WEIGHTS]))
        for name in names:
            origin = Origin.of(name)
            if origin is not None:
                return origin.layer
        return self._layers.get(output)

    def _bits(self, op: Op) -> str:
        if op.kind == _LCE_CONVOLUTION:
            return "W1A1"
        if op.kind in _KERNELS_OF_OURS:
            return f"W1A{op.options['bits']}"
        if op.kind in _KERNELS:
            return _TYPE_NAMES[self.graph.tensors[op.inputs[_WEIGHTS]].type]
        return ""

    def _macs(self, op: Op) -> int:
        if op.kind not in (*_KERNELS, *_KERNELS_OF_OURS):
            return 0
        weights = self.graph.shape(op.inputs[_WEIGHTS])
        outputs = self.graph.shape(op.outputs[0])[1:]
        places = math.prod(outputs[:-1])
        if op.kind == "DEPTHWISE_CONV_2D":
            return places * math.prod(weights)
        if op.kind == "TRANSPOSE_CONV":
            return math.prod(self.graph.shape(op.inputs[2])[1:3]) * math.prod(weights)
        if op.kind == "KgnDense":
            return weights[0] * op.options["channels_in"]
        if op.kind in _KERNELS_OF_OURS:
            options = _options(op)
            channels = options["channels_in"] // options.get("groups", 1)
            taps = _COMPRESSED_TAPS if len(weights) == 1 else math.prod(weights[1:3])
            if op.kind == _LCE_CONVOLUTION:
                channels = min(channels, weights[3] * 32)
            return places * self._channels(op) * taps * channels
        return places * math.prod(weights)

    def _bytes(self, op: Op) -> dict[str, int]:
        found: dict[str, int] = {}
        for position, tensor in enumerate(op.inputs):
            if tensor == ABSENT:
                continue
            entry = self.graph.tensors[tensor]
            data = self.graph.model.buffers[entry.buffer].data
            if data is None or not len(data) or entry.buffer in self._counted:
                continue
            self._counted.add(entry.buffer)
            kind = self._constant_kind(op, position, entry)
            found[kind] = found.get(kind, 0) + len(data)
        return found

    def _constant_kind(self, op: Op, position: int, entry: Any) -> str:
        if op.kind in _KERNELS_OF_OURS:
            return BINARY_WEIGHTS if position == _WEIGHTS else SCALES
        real = _TYPE_NAMES[entry.type].startswith(("float", "bfloat"))
        if op.kind in _KERNELS and position == _WEIGHTS:
            return FLOAT_WEIGHTS if real else INTEGER_WEIGHTS
        if op.kind in _KERNELS:
            return SCALES
        return SCALES if real else OTHER


def _options(op: Op) -> dict[str, Any]:
    if op.options:
        return op.options
    return flexbuffers.Loads(bytes(np.asarray(op.source.customOptions, np.uint8)))
