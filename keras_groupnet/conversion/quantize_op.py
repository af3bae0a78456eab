"""One float op → its int8 form, by the LiteRT quantizer.

The library knows neither our ops nor a delegate, so it never sees them: the op is cut out as a
model of its own, quantized, and put back.
"""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer_model import has_data, write_model
from keras_groupnet.conversion.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.int8_scheme import Scheme, data_input

SIGNATURE = "serving_default"


@dataclass
class Observed:
    """What a tensor was seen to hold: smallest and largest value, and the last shape."""

    low: float = np.inf
    high: float = -np.inf
    shape: tuple[int, ...] = ()

    def include(self, values: np.ndarray) -> None:
        """Widens the range to these values."""
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        self.shape = values.shape


def quantizer_library():
    """The modules `quantizer` and `recipe` of the LiteRT quantizer, by its new or old name.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    for name in ("litert_quantizer", "ai_edge_quantizer"):
        with contextlib.suppress(ModuleNotFoundError):
            package = __import__(name, fromlist=["quantizer", "recipe"])
            return package.quantizer, package.recipe
    raise ModuleNotFoundError(
        "int8 quantization needs the LiteRT quantizer. Install it with "
        "`pip install 'keras_groupnet[int8]'`."
    )


def quantize_op(graph: Graph, op: Op, scheme: Scheme, observed: dict[int, Observed]) -> None:
    """Replaces an op by its int8 form.

    Args:
        graph: where the op is; it is changed.
        op: one of `int8_scheme.quantizable_ops`.
        scheme: how.
        observed: tensor → values; a static op needs those of its data input and its output.
    """
    quantizer, recipe = quantizer_library()
    recipes = {
        Scheme.STATIC: recipe.static_wi8_ai8,
        Scheme.DYNAMIC_RANGE: recipe.dynamic_wi8_afp32,
        Scheme.WEIGHT_ONLY: recipe.weight_only_wi8_afp32,
    }
    calibration = None
    if scheme is Scheme.STATIC:
        calibration = {
            graph.name(tensor): {
                "min": np.full((1,) * len(observed[tensor].shape), observed[tensor].low),
                "max": np.full((1,) * len(observed[tensor].shape), observed[tensor].high),
            }
            for tensor in (data_input(op), op.outputs[0])
        }
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own interpreter's settings
        tool = quantizer.Quantizer(bytearray(_alone(graph, op, observed)))
        tool.load_quantization_recipe(recipes[scheme]())
        quantized = Graph(bytes(tool.quantize(calibration).quantized_model))
    _splice(graph, op, quantized)


def _alone(graph: Graph, op: Op, observed: dict[int, Observed]) -> bytes:
    """The op as a file: its activations are the input, what it writes is the output."""
    tensors = list(dict.fromkeys(t for t in (*op.inputs, *op.outputs) if t != ABSENT))
    index = {tensor: i for i, tensor in enumerate(tensors)} | {ABSENT: ABSENT}
    model, subgraph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.operatorCodes = 3, [subgraph], [op.code]
    model.buffers = [schema.BufferT()]
    subgraph.tensors = []
    for tensor in tensors:
        entry = copy.copy(graph.tensors[tensor])
        if has_data(graph.model, entry):
            model.buffers.append(graph.model.buffers[entry.buffer])
            entry.buffer = len(model.buffers) - 1
        else:
            entry.buffer = 0
            if tensor in observed:  # the quantizer allocates tensors: 1 for unknown does not do
                entry.shape = np.asarray(observed[tensor].shape, np.int32)
                entry.shapeSignature = None
        subgraph.tensors.append(entry)
    if op.kind == "TRANSPOSE_CONV":
        # Other ops may compute the shape of its output; here it is the one that was seen.
        model.buffers.append(_buffer(subgraph.tensors[index[op.outputs[0]]].shape))
        subgraph.tensors[index[op.inputs[0]]].buffer = len(model.buffers) - 1
    operator = copy.copy(op.source)
    operator.opcodeIndex = 0
    operator.inputs = np.asarray([index[t] for t in op.inputs], np.int32)
    operator.outputs = np.asarray([index[t] for t in op.outputs], np.int32)
    subgraph.operators = [operator]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE.encode(), 0
    for kind, chosen in (("inputs", [data_input(op)]), ("outputs", op.outputs)):
        places = [index[t] for t in chosen]
        setattr(subgraph, kind, np.asarray(places, np.int32))
        setattr(signature, kind, [_signature_entry(f"{kind}_{place}", place) for place in places])
    model.signatureDefs = [signature]
    return write_model(model)


def _buffer(value: np.ndarray) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = np.asarray(value, np.int32).view(np.uint8)
    return buffer


def _signature_entry(name: str, tensor: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), tensor
    return entry


def _splice(graph: Graph, op: Op, quantized: Graph) -> None:
    """Puts the quantized op where the float one was, converting at its int8 borders."""
    offset, buffer_offset = len(graph.tensors), len(graph.model.buffers)
    graph.model.buffers += quantized.model.buffers
    for entry in quantized.tensors:
        entry.buffer = entry.buffer + buffer_offset if entry.buffer else 0
        graph.tensors.append(entry)
    before, after = [], []
    outside = {ABSENT: ABSENT}
    inner_borders = [*quantized.inputs, *quantized.outputs]
    for inner, outer in zip(inner_borders, [data_input(op), *op.outputs], strict=True):
        quantized.tensors[inner].shape = graph.tensors[outer].shape
        quantized.tensors[inner].shapeSignature = graph.tensors[outer].shapeSignature
        if quantized.tensors[inner].type == graph.tensors[outer].type:
            outside[inner] = outer
        elif inner in quantized.inputs:
            before.append(graph.plain("QUANTIZE", outer, inner + offset))
        else:
            after.append(graph.plain("DEQUANTIZE", inner + offset, outer))

    def moved(each: list[int]) -> list[int]:
        return [outside.get(t, t + offset) for t in each]

    inner_ops = [
        Op(each.kind, moved(each.inputs), moved(each.outputs), {}, each.source, each.code)
        for each in quantized.ops
    ]
    for each in inner_ops:
        if each.kind == "TRANSPOSE_CONV":
            each.inputs[0] = op.inputs[0]
    position = graph.ops.index(op)
    graph.ops[position : position + 1] = [*before, *inner_ops, *after]
