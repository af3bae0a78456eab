"""One float op → its int8 form, by the LiteRT quantizer.

The library knows neither our ops nor a delegate, so it never sees them: the op is cut out as a
model of its own, quantized, and put back.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.checks.probe import Observed
from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.int8.scheme import Scheme, data_input


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


def quantize_op(
    graph: Graph,
    op: Op,
    scheme: Scheme,
    observed: dict[int, Observed],
    trained: Mapping[int, schema.QuantizationParametersT] = MappingProxyType({}),
) -> None:
    """Replaces an op by its int8 form.

    Args:
        graph: where the op is; it is changed.
        op: one of `int8_scheme.quantizable_ops`.
        scheme: how.
        observed: tensor → values; a static op needs those of its data input and its output.
        trained: tensor → scale and zero point that it was trained with, of which `observed` holds
            the range.
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
    _splice(graph, op, quantized, trained)


def _alone(graph: Graph, op: Op, observed: dict[int, Observed]) -> bytes:
    """The op as a file: its activations are the input, what it writes is the output."""
    borders = (data_input(op), *op.outputs)
    copied = op.moved({tensor: tensor for tensor in (*op.inputs, *op.outputs)})
    if op.kind == "TRANSPOSE_CONV":
        # Other ops may compute the shape of its output; here it is the one that was seen.
        (target,) = op.outputs
        shape = observed[target].shape if target in observed else graph.shape(target)
        name = f"{graph.name(target)}/shape"
        copied.set_input(0, graph.add_constant(np.asarray(shape, np.int32), name))
    alone = graph.subgraph_of([copied], borders[:1], op.outputs)
    for inner, outer in zip((*alone.inputs, *alone.outputs), borders, strict=True):
        if outer in observed:  # the quantizer allocates tensors: 1 for unknown does not do
            alone.tensors[inner].shape = np.asarray(observed[outer].shape, np.int32)
            alone.tensors[inner].shapeSignature = None
    return alone.to_bytes()


def _splice(
    graph: Graph,
    op: Op,
    quantized: Graph,
    trained: Mapping[int, schema.QuantizationParametersT],
) -> None:
    """Puts the quantized op where the float one was, converting at its int8 borders."""
    ops, adopted = graph.adopt(quantized)
    before, after = [], []
    outside: dict[int, int] = {}
    borders = (data_input(op), *op.outputs)
    for number, outer in enumerate(borders):
        inner = adopted[(*quantized.inputs, *quantized.outputs)[number]]
        graph.tensors[inner].shape = graph.tensors[outer].shape
        graph.tensors[inner].shapeSignature = graph.tensors[outer].shapeSignature
        if graph.tensors[inner].type == graph.tensors[outer].type:
            outside[inner] = outer
            continue
        # The library has the same numbers, but for the last place of the scale.
        graph.tensors[inner].quantization = trained.get(outer, graph.tensors[inner].quantization)
        if number == 0:
            before.append(graph.plain("QUANTIZE", outer, inner))
        else:
            after.append(graph.plain("DEQUANTIZE", inner, outer))
    for each in ops:
        each.inputs = [outside.get(tensor, tensor) for tensor in each.inputs]
        each.outputs = [outside.get(tensor, tensor) for tensor in each.outputs]
        if each.kind == "TRANSPOSE_CONV":
            each.set_input(0, op.inputs[0])
    graph.replace(op, [*before, *ops, *after])
