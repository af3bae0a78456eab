"""`to_qonnx`: a net as a QONNX model."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_groupnet.atomic_file import check_folder, write_atomically
from keras_groupnet.conversion.flatbuffer.graph import OURS
from keras_groupnet.interop.qonnx import binary_ops, elementwise_ops, float_ops, movement_ops
from keras_groupnet.interop.qonnx.writer import QONNX_DOMAIN, Node, Writer, channels_first
from keras_groupnet.interop.signature_names import signature_names
from keras_groupnet.interop.static_graph import StaticGraph
from keras_groupnet.interop.tflite_content import tflite_content
from keras_groupnet.version import __version__

GENERATORS: dict[str, Callable[[Node], None]] = {
    **binary_ops.GENERATORS,
    **elementwise_ops.GENERATORS,
    **float_ops.GENERATORS,
    **movement_ops.GENERATORS,
}
# The oldest that has all ops used here (HardSwish), and in which ReduceMean has its axes as an
# attribute; QONNX's tools and FINN read files of this age.
_OPSET, _IR_VERSION = 14, 8


def to_qonnx(model: Any, path: str | os.PathLike | None = None) -> Any:
    """Writes a net as a QONNX model, for FINN, hls4ml and other tools that read QONNX.

    The graph is that of the converted file: what `kgn.convert` has folded stays folded. Activations
    of 1 bit come from a `BipolarQuant`, those of 2 and 4 bits from a `Quant` whose values are the
    codes 0 ... 2^bits - 1 (scale 1, unsigned); binary weights are initializers of ±1 behind a
    `BipolarQuant` of their own. Their sums are plain `Conv` and `MatMul` nodes, whole numbers;
    scales and batch norms are `Mul` and `Add` behind them and in front of the next quantizer.
    Everything else is standard ONNX of opset 14. Maps are [N, C, H, W], also inputs and outputs.

    Padding by ±1 is a `Pad` node in front of the `Conv`; with `pad_values=0`, taps outside of the
    map add nothing, as with the `pads` of a `Conv`.

    Reference:
        Pappalardo et al., "QONNX: Representing Arbitrary-Precision Quantized Neural Networks",
        arXiv:2206.07527, section V.

    Args:
        model: a Keras model, which is converted first (`kgn.convert`, strictly), or a `.tflite`
            file of float32 layers and ours: its path or its content. An open batch becomes 1; a
            fixed one stays.
        path: of the `.onnx` file to write; None only returns the model.

    Returns:
        The `onnx.ModelProto`.

    Raises:
        ValueError: the model has an op that cannot be written as ONNX, int8 layers, or sizes other
            than the batch that are open; or an argument does not fit.
        ConversionError: the model cannot be converted.
        FileNotFoundError: no such `.tflite` file.
        ModuleNotFoundError: the package `onnx` is not installed.
    """
    try:
        from onnx import checker
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "to_qonnx needs the package onnx: pip install 'keras-groupnet[qonnx]'"
        ) from error
    target = None if path is None else Path(path)
    if target is not None:
        check_folder(target)
        if target.suffix != ".onnx":
            raise ValueError(f"Expected a path that ends in .onnx. Received: path={str(path)!r}")
    made = _model_of(StaticGraph(tflite_content(model), GENERATORS, "ONNX"))
    checker.check_model(made)
    if target is not None:
        write_atomically(target, made.SerializeToString())
    return made


def _model_of(static: StaticGraph) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    types = {"bool": TensorProto.BOOL, "int32": TensorProto.INT32}
    writer = Writer(static)
    graph = static.graph

    def info(name: str) -> Any:
        kind = types.get(writer.dtypes[name], TensorProto.FLOAT)
        return helper.make_tensor_value_info(name, kind, writer.shapes[name])

    inputs = []
    for tensor, title in zip(graph.inputs, signature_names(graph, "inputs"), strict=True):
        name = writer.free(title)
        writer.shapes[name] = channels_first(static.shape(tensor))
        writer.dtypes[name] = str(graph.dtype(tensor))
        writer.bind(tensor, name)
        inputs.append(info(name))
    titles = [writer.free(title) for title in signature_names(graph, "outputs")]
    packed: set[int] = set()
    for op in static.ops:
        node = Node(writer, op)
        if op.kind.startswith(OURS):
            packed.update(t for t in op.outputs if graph.dtype(t) == np.int32)
        elif packed.intersection(op.inputs):  # its shapes and constants are those of words
            raise node.refusal("packed values")
        GENERATORS[op.kind](node)
    outputs = []
    for tensor, title in zip(graph.outputs, titles, strict=True):
        value = writer.name(tensor)
        writer.nodes.append(helper.make_node("Identity", [value], [title], name=title))
        writer.shapes[title], writer.dtypes[title] = writer.shapes[value], writer.dtypes[value]
        outputs.append(info(title))
    border = {one.name for one in (*inputs, *outputs)}
    between = [info(name) for node in writer.nodes for name in node.output if name not in border]
    read = {name for node in writer.nodes for name in node.input}
    constants = [
        numpy_helper.from_array(value, name)
        for name, value in writer.initializers.items()
        if name in read
    ]
    made = helper.make_graph(
        writer.nodes, "keras_groupnet", inputs, outputs, constants, value_info=between
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(QONNX_DOMAIN, 1)]
    return helper.make_model(
        made,
        opset_imports=opsets,
        ir_version=_IR_VERSION,
        producer_name="keras_groupnet",
        producer_version=__version__,
    )
