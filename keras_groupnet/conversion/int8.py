"""int8 for what stays float, by the LiteRT quantizer.

The library knows neither our ops nor a delegate, so it never sees them: each float convolution or
dense op is cut out as a model of its own, quantised, and put back.

* Ops whose result reaches one of our quantizers get int8 weights and keep a float output
  (activations are quantised on the fly): a static int8 output would round small values to 0, and
  the `sign` behind it would turn every one of them into +1.
* The others (the classifier) are quantised statically with the representative data.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer_model import read_model, write_model
from keras_groupnet.conversion.graph import Graph, Op
from keras_groupnet.runtime.interpreter import Interpreter

_FLOAT_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _library():
    for name in ("litert_quantizer", "ai_edge_quantizer"):
        with contextlib.suppress(ModuleNotFoundError):
            package = __import__(name, fromlist=["quantizer", "recipe"])
            return package.quantizer, package.recipe
    raise ModuleNotFoundError(
        "int8 quantisation needs the LiteRT quantizer. Install it with "
        "`pip install 'keras_groupnet[int8]'`."
    )


def quantize_float_layers(content: bytes, data: np.ndarray) -> tuple[bytes, list[str]]:
    """Quantises the float convolutions and dense layers of a converted file to int8.

    Args:
        content: a `.tflite` file with our ops.
        data: representative images `[N, …]`.

    Returns:
        The new file and the names of the weight tensors that became int8.
    """
    graph = Graph(content)
    found = [
        op for op in graph.of_kind(*_FLOAT_KERNELS) if graph.constant(op.inputs[1]) is not None
    ]
    static = [op for op in found if not _reaches_quantizer(graph, op)]
    samples = _inputs_of(graph, static, data)
    names = [graph.name(op.inputs[1]) for op in found]
    for op in found:
        _splice(graph, op, _quantize_alone(graph, op, samples.get(id(op))))
    return graph.to_bytes(), names


def quantize_model(content: bytes, data: np.ndarray) -> bytes:
    """Quantises a float `.tflite` file statically to int8, the rival of every benchmark.

    Args:
        content: a `.tflite` file of ordinary ops with one input.
        data: representative images `[N, …]`.

    Returns:
        The file with int8 weights, activations, input and output.
    """
    name = Interpreter(content).get_input_details()[0]["name"]
    signature = Graph(content).model.signatureDefs
    if signature:
        name = signature[0].inputs[0].name.decode()
    return write_model(read_model(_quantize(content, name, data)))


def _quantize(content: bytes, input_name: str, data: np.ndarray | None) -> bytes:
    quantizer, recipe = _library()
    with contextlib.redirect_stdout(io.StringIO()):
        tool = quantizer.Quantizer(bytearray(content))
        if data is None:
            tool.load_quantization_recipe(recipe.dynamic_wi8_afp32())
            return bytes(tool.quantize().quantized_model)
        tool.load_quantization_recipe(recipe.static_wi8_ai8())
        samples = [{input_name: image[None].astype(np.float32)} for image in data]
        calibration = tool.calibrate({"serving_default": samples})
        return bytes(tool.quantize(calibration).quantized_model)


def _reaches_quantizer(graph: Graph, op: Op) -> bool:
    reached: set[int] = set()
    waiting = list(op.outputs)
    while waiting:
        for reader in graph.consumers(waiting.pop()):
            if reader.kind == "KgnQuantize" or reader.options.get("out_bits"):
                return True
            new = set(reader.outputs) - reached
            reached |= new
            waiting += new
    return False


def _inputs_of(graph: Graph, ops: list[Op], data: np.ndarray) -> dict:
    """What each op reads when the file runs on the data."""
    if not ops:
        return {}
    outputs = Interpreter(graph.with_outputs(op.inputs[0] for op in ops)).predict(data)
    return {id(op): value for op, value in zip(ops, outputs[len(graph.outputs) :], strict=True)}


def _quantize_alone(graph: Graph, op: Op, data: np.ndarray | None) -> Graph:
    """The op as a model of its own, quantised: statically with data, else weights only."""
    alone = graph.subgraph_of([op], op.inputs[:1], op.outputs)
    return Graph(_quantize(alone.to_bytes(), "input_0", data))


def _splice(graph: Graph, op: Op, quantised: Graph) -> None:
    """Puts the quantised op where the float one was, converting at its int8 borders."""
    new, moved = graph.adopt(quantised)
    (source,), (target,) = quantised.inputs, quantised.outputs
    source, target = moved[source], moved[target]
    if graph.tensors[source].type == schema.TensorType.FLOAT32:
        for each in new:
            each.inputs = [op.inputs[0] if t == source else t for t in each.inputs]
            each.outputs = [op.outputs[0] if t == target else t for t in each.outputs]
    else:
        new.insert(0, graph.plain("QUANTIZE", op.inputs[0], source))
        new.append(graph.plain("DEQUANTIZE", target, op.outputs[0]))
    graph.replace(op, new)
