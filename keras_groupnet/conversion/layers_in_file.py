"""What became of each layer, read from the file."""

from __future__ import annotations

import math

import keras

from keras_groupnet.conversion.export.origin import KERNEL, Origin
from keras_groupnet.conversion.export.tracing import Traced
from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.int8.float_ops import FloatOp, float_ops
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.conversion.report import ConversionReport, ConvertedLayer
from keras_groupnet.deployment import describe
from keras_groupnet.deployment.layer_tree import layer_tree, own_kernels
from keras_groupnet.deployment.quant_layers import is_of_8_bits

_WEIGHTS = 1


def missing_ops(model: keras.Model, traced: Traced, graph: Graph) -> dict[str, str]:
    """The binary layers of which an op did not reach the file -> why that may be.

    Args:
        model: the model.
        traced: the model as it was traced.
        graph: of the file.
    """
    found = _kernel_ops(graph)
    missing = {}
    for layer, name in layer_tree(model).items():
        deployment = describe(layer) if name in traced.calls else None
        if deployment is None:
            continue
        expected = traced.calls[name] * deployment.op_count
        there = len(found.get(name, ()))
        if there < expected:
            missing[name] = (
                f"{there} of its {expected} binary ops are in the file: TFLiteConverter rewrote "
                "the rest, or nothing reads their result"
            )
    return missing


def converted_layers(
    model: keras.Model,
    traced: Traced,
    graph: Graph,
    stays_float: dict[str, str],
    report: ConversionReport,
) -> list[ConvertedLayer]:
    """One entry for every layer of the model that has a kernel, and for every binary one.

    Args:
        model: the model.
        traced: the model as it was traced.
        graph: of the finished file.
        stays_float: name of each binary layer that stayed float -> why.
        report: with the verification, and the compression if there was one.
    """
    tree = layer_tree(model)
    weights = own_kernels(tree)
    binary = _kernel_ops(graph)
    floats: dict[str, list[FloatOp]] = {}
    for op in _float_ops(model, traced, graph):
        if op.layer is not None:
            floats.setdefault(op.layer, []).append(op)
    low_bit = {} if report.verification is None else report.verification.low_bit_inputs
    layers = []
    for layer, name in tree.items():
        if name in binary and name not in stays_float:
            detail = _what_it_reads(binary[name])
            if name in low_bit:
                detail += f", though its input has {low_bit[name]} levels"
            size = _binary_bytes(graph, binary[name])
            layers.append(ConvertedLayer(name, "binary", detail, size))
        elif layer in weights:
            ordinary = "trained for int8" if is_of_8_bits(layer) else "an ordinary layer"
            why = stays_float.get(name, ordinary)
            layers.append(_float_layer(name, why, floats.get(name, []), 4 * weights[layer]))
    return layers


def int8_layers(model: keras.Model, traced: Traced, graph: Graph) -> list[str]:
    """The layers that are int8 in a file; the tensor that an op writes where its layer is unknown.

    Args:
        model: the model.
        traced: the model as it was traced.
        graph: of the file.
    """
    found = [op for op in _float_ops(model, traced, graph) if op.weights != "float32"]
    return list(dict.fromkeys(op.layer or op.tensor for op in found))


def layers_by_tensor(model: keras.Model, traced: Traced, graph: Graph) -> dict[str, str]:
    """Name of the tensor that an op with float weights writes -> its layer, where it is known."""
    found = _float_ops(model, traced, graph)
    return {op.tensor: op.layer for op in found if op.layer is not None}


def _float_ops(model: keras.Model, traced: Traced, graph: Graph) -> list[FloatOp]:
    tree = layer_tree(model)
    sizes = {
        tree[layer]: [math.prod(v.shape) for v in layer.weights if len(v.shape) >= 2]
        for layer in own_kernels(tree)
    }
    return float_ops(graph, traced.scopes, sizes)


def _kernel_ops(graph: Graph) -> dict[str, list[Op]]:
    """Name of each layer -> its kernel ops in a file."""
    found: dict[str, list[Op]] = {}
    for op in graph.of_kind(*KERNEL_OPS):
        origin = Origin.of(graph.name(op.inputs[_WEIGHTS]))
        if origin is not None and origin.what == KERNEL:
            found.setdefault(origin.layer, []).append(op)
    return found


def _what_it_reads(ops: list[Op]) -> str:
    bits = sorted({op.options["bits"] for op in ops})
    return " and ".join(f"{n}-bit" if n < 32 else "float32" for n in bits) + " activations"


def _binary_bytes(graph: Graph, ops: list[Op]) -> int:
    # Several calls of a layer share their weights, which the file holds once.
    kernels = {graph.value(op.inputs[_WEIGHTS]).tobytes() for op in ops}
    return sum(map(len, kernels))


def _float_layer(name: str, why: str, ops: list[FloatOp], float_bytes: int) -> ConvertedLayer:
    if not ops:
        return ConvertedLayer(name, "float32", f"{why}; not found by name in the file", float_bytes)
    kept = {op.weight_tensor: op for op in ops}.values()
    status = " and ".join(sorted({op.weights for op in kept}))
    precision = sorted({op.precision for op in kept})
    detail = why if precision == ["float32"] else f"{why}: {', '.join(precision)}"
    return ConvertedLayer(name, status, detail, sum(op.weight_bytes for op in kept))
