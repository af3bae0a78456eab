"""What a file really holds for the layers that are not binary: read from it, never assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.export.layer_scopes import layer_of
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.flatbuffer.model_io import has_data

_TYPE_NAMES = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}
# Kind → positions at which weights may be; only constant ones are.
_WEIGHT_INPUTS = {
    "CONV_2D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "FULLY_CONNECTED": (1,),
    "TRANSPOSE_CONV": (1,),
    "CONV_3D": (1,),
    "CONV_3D_TRANSPOSE": (1,),
    "EMBEDDING_LOOKUP": (1,),
    "GATHER": (0,),
    "BATCH_MATMUL": (0, 1),
}


@dataclass(frozen=True)
class FloatOp:
    """A builtin op with constant weights, as it is in a file.

    Attributes:
        kind: of the op, e.g. `"CONV_2D"`.
        tensor: the name of the tensor that it writes.
        weight_tensor: the name of its weights; the calls of one layer have the same.
        layer: the Keras layer; None if nothing in the file tells.
        weights: type of the weights in the file: `"float32"`, `"int8"`, `"int4"`, …
        activations: type of what the op writes.
        weights_made_float: the runtime makes the weights float when it loads the file.
        weight_count, weight_bytes: of the weights, without bias and scales.
    """

    kind: str
    tensor: str
    weight_tensor: str
    layer: str | None
    weights: str
    activations: str
    weights_made_float: bool
    weight_count: int
    weight_bytes: int

    @property
    def precision(self) -> str:
        """`"float32"`, `"int8"`, `"int8 dynamic range"` or `"int8 weight only"`, as LiteRT says."""
        if self.weights == self.activations:
            return self.weights
        if self.weights_made_float:
            return f"{self.weights} weight only"
        return f"{self.weights} dynamic range"


def float_ops(
    graph: Graph,
    scopes: Mapping[str, str] | None = None,
    kernel_sizes: Mapping[str, Sequence[int]] | None = None,
) -> list[FloatOp]:
    """The builtin ops of a file that have constant weights, in execution order.

    Args:
        graph: of the finished file.
        scopes: of `layer_scopes.recorded_scopes`, to find the layers.
        kernel_sizes: layer → number of elements of each of its kernels. Where a name was lost, ops
            of a size are given to the layers of this size that have none, in the order of the
            calls, if there are as many of both.

    Returns:
        One entry an op; a layer has several if it is called several times or has several kernels.
    """
    found = []
    for op in graph.ops:
        for position in _WEIGHT_INPUTS.get(op.kind, ()):
            entry = _read(graph, op, op.inputs[position], scopes or {})
            if entry is not None:
                found.append(entry)
    return _with_lost_layers(found, scopes or {}, kernel_sizes or {})


def _read(graph: Graph, op: Op, tensor: int, scopes: Mapping[str, str]) -> FloatOp | None:
    if tensor == ABSENT:
        return None
    producer = graph.producer(tensor)
    made_float = False
    if producer is not None and producer.kind == "DEQUANTIZE":
        (tensor,), made_float = producer.inputs, True
    entry, output = graph.tensors[tensor], graph.tensors[op.outputs[0]]
    if not has_data(graph.model, entry) or not _holds_numbers(entry):
        return None
    names = [graph.name(tensor), *map(graph.name, op.outputs)]
    layers = [layer for name in names if (layer := layer_of(name, scopes)) is not None]
    return FloatOp(
        kind=op.kind,
        tensor=graph.name(op.outputs[0]),
        weight_tensor=graph.name(tensor),
        layer=layers[0] if layers else None,
        weights=_TYPE_NAMES[entry.type],
        activations=_TYPE_NAMES[output.type],
        weights_made_float=made_float,
        weight_count=int(np.prod(graph.shape(tensor))),
        weight_bytes=len(graph.model.buffers[entry.buffer].data),
    )


def _holds_numbers(tensor: schema.TensorT) -> bool:
    """Whether a constant is a weight rather than a shape or an index."""
    quantized = tensor.quantization is not None and tensor.quantization.scale is not None
    return quantized or _TYPE_NAMES[tensor.type].startswith(("float", "bfloat"))


def _with_lost_layers(
    found: list[FloatOp], scopes: Mapping[str, str], kernel_sizes: Mapping[str, Sequence[int]]
) -> list[FloatOp]:
    of_weights = {entry.weight_tensor: entry.layer for entry in found if entry.layer is not None}
    found = [replace(e, layer=e.layer or of_weights.get(e.weight_tensor)) for e in found]
    named = {entry.layer for entry in found}
    waiting = [layer for layer in dict.fromkeys(scopes.values()) if layer not in named]
    for size in {entry.weight_count for entry in found if entry.layer is None}:
        lost = [i for i, e in enumerate(found) if e.layer is None and e.weight_count == size]
        layers = [layer for layer in waiting if size in kernel_sizes.get(layer, ())]
        if len(lost) == len(layers):
            for i, layer in zip(lost, layers, strict=True):
                found[i] = replace(found[i], layer=layer)
    return found
