"""`convert`: a Keras model → a `.tflite` file whose binary layers are our ops."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.graph import Graph
from keras_groupnet.conversion.inputs import checked_inputs
from keras_groupnet.conversion.kernel_symbols import SYMBOLS
from keras_groupnet.conversion.origin import KERNEL, Origin
from keras_groupnet.conversion.passes import compress_kernels
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.conversion.report import (
    ConversionError,
    ConversionReport,
    ConvertedLayer,
    KernelCompression,
)
from keras_groupnet.conversion.tracing import Traced, trace
from keras_groupnet.conversion.verify import compare_outputs, verify_graph
from keras_groupnet.deployment import NotBinary, describe
from keras_groupnet.deployment.layer_tree import layer_tree, own_kernels

WEIGHTS = 1


@dataclass(frozen=True)
class Converted:
    """The result of `convert`.

    Attributes:
        content: the `.tflite` file as bytes.
        report: what became of each layer, sizes, and the comparison with Keras.
    """

    content: bytes
    report: ConversionReport


def convert(
    model: keras.Model,
    path: str | os.PathLike | None = None,
    *,
    batch_size: int | None = None,
    float_layers: str = "float32",
    representative_data: Any = None,
    inputs: Any = None,
    strict: bool = True,
    compress: str | None = None,
    cluster: int | None = None,
    first_last: str | None = None,
    images: Any = None,
) -> Converted:
    """Converts a functional or Sequential model and checks the file against Keras.

    Binary weights take 1 bit in the file; batch norm, scales, ReLU, skips and base sums are folded
    into the epilogues of our ops, quantizers become packed bits (docs/ops.md). Binary layers are
    found wherever they are: in nested and subclassed models, wrappers, other layers. The file runs
    in the stock interpreters with our delegate (`kgn.lite.Interpreter`, `kgn.lite.delegate_path`).

    Args:
        model: the model, of any number of inputs and outputs; it is not changed. Keras must run on
            TensorFlow.
        path: where to write the file; None only returns the bytes. A conversion that fails leaves
            an existing file as it was.
        batch_size: a fixed batch, or None for a dynamic one.
        float_layers: `"float32"`, or `"int8"` to quantize the float convolutions and dense layers
            after training, with `representative_data`.
        representative_data: inputs for int8 calibration, at least a few dozen.
        inputs: what the model and the file are compared on, as `model.predict` takes it; typical
            values of each input's type if None.
        strict: raise if a binary layer would stay float, if it would read floats where its input
            has few levels, or if the file differs from the model (`kgn.lite.verify`). The
            comparison is made before int8 quantization and clustering; the report's figures are
            those of the final file.
        compress: None, or `"huffman"` to store 3×3 binary weights by Huffman's code where that is
            shorter (docs/ops.md, "Compressed weights"). The delegate restores them when it loads
            the file; outputs and speed are the same, loading takes a little longer. Needs a
            delegate of this version or newer.
        cluster: with `compress`, how many different 3×3 kernels a layer keeps, 1 to 512. Rarer ones
            become the most similar of those (arXiv:2212.00608). This changes weights; the report
            says how many, and what it does to the outputs.
        first_last: deprecated, `"float"` or `"int8"`: use `float_layers`.
        images: deprecated: use `inputs`.

    Returns:
        The bytes and the report.

    Raises:
        ConversionError: in strict mode; the report is in its `report` attribute.
        ValueError: the model or an argument does not fit, or TFLite has no ops for the model.
    """
    if first_last is not None:
        warnings.warn("Use float_layers instead of first_last.", DeprecationWarning, stacklevel=2)
        float_layers = {"float": "float32"}.get(first_last, first_last)
    if images is not None:
        warnings.warn("Use inputs instead of images.", DeprecationWarning, stacklevel=2)
        inputs = images
    _check_arguments(model, float_layers, representative_data, compress, cluster)
    if path is not None:
        check_folder(Path(path))
    inputs = checked_inputs(model, inputs, batch_size)

    traced = trace(model, batch_size)
    graph = Graph(traced.content)
    graph.name_interface(traced.inputs, traced.outputs)
    passes.run(graph)
    content = graph.to_bytes()
    stays_float = traced.stays_float | _missing(model, traced, graph)
    verification = verify_graph(model, content, inputs, stays_float)
    report = ConversionReport(_layers(model, graph, stays_float, verification.low_bit_inputs))
    problems = [str(problem) for problem in verification.problems]

    if float_layers == "int8":
        from keras_groupnet.conversion.int8 import quantize_float_layers

        content = quantize_float_layers(content, representative_data)
    if compress is not None:
        content, report.compression = _compress(content, cluster)
        sizes: dict[str, int] = {}
        for entry in report.compression:
            sizes[entry.name] = sizes.get(entry.name, 0) + entry.file_bytes
        report.layers = [
            replace(layer, weight_bytes=sizes.get(layer.name, layer.weight_bytes))
            for layer in report.layers
        ]
    report.outputs = compare_outputs(model, content, inputs)
    report.file_bytes = len(content)
    report.binary_bytes = sum(x.weight_bytes for x in report.layers if x.status == "binary")
    report.verification = verification
    if strict:
        _refuse(report, stays_float, verification.low_bit_inputs, problems)
    if path is not None:
        write_atomically(Path(path), content)
    return Converted(content, report)


def _refuse(
    report: ConversionReport,
    stays_float: dict[str, str],
    low_bit_inputs: dict[str, int],
    problems: list[str],
) -> None:
    accept = "pass strict=False to accept it"
    if stays_float:
        reasons = "; ".join(f"'{name}': {why}" for name, why in stays_float.items())
        raise ConversionError(
            f"These layers would stay float: {reasons}. Change their quantizers, or {accept}.",
            report,
        )
    if low_bit_inputs:
        reasons = ", ".join(f"'{name}' ({n} levels)" for name, n in low_bit_inputs.items())
        raise ConversionError(
            "These binary layers would read float32 inputs, many times slower than packed ones, "
            f"though their inputs have few levels: {reasons}. Put a kgn.layers.Quantize of 1, 2 or "
            "4 bits directly in front of each (behind concatenations, padding and the like), or "
            f"give it an input_quantizer, or {accept}.",
            report,
        )
    if problems:
        raise ConversionError(
            "The converted file does not compute what the model computes: " + "; ".join(problems),
            report,
        )


def check_folder(path: Path) -> None:
    """Raises ValueError unless a file of this path can be written."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(
            f"Expected the path of a file in an existing folder. Received: path={str(path)!r}; "
            f"there is no folder {str(folder)!r}. Make it first."
        )
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(
            f"Expected the path of a file that can be written. Received: path={str(path)!r}"
        )


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside the target and renames, so that no half-written file is ever seen."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _check_arguments(
    model: Any,
    float_layers: str,
    representative_data: Any,
    compress: str | None,
    cluster: int | None,
) -> None:
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Conversion needs TensorFlow as Keras' backend. Received: backend="
            f"{keras.backend.backend()!r}. Save the model as .keras and convert it in a process "
            "with KERAS_BACKEND=tensorflow."
        )
    if float_layers not in ("float32", "int8"):
        raise ValueError(
            "Expected `float_layers` to be 'float32' or 'int8'. "
            f"Received: float_layers={float_layers!r}"
        )
    if float_layers == "int8" and representative_data is None:
        raise ValueError(
            "float_layers='int8' needs `representative_data`, inputs to calibrate with."
        )
    if compress not in (None, "huffman"):
        raise ValueError(
            f"Expected `compress` to be None or 'huffman'. Received: compress={compress!r}"
        )
    if cluster is not None and compress is None:
        raise ValueError(
            "`cluster` is for files with compressed weights; add compress='huffman'. "
            f"Received: cluster={cluster!r}, compress=None"
        )
    if cluster is not None and not 1 <= cluster <= SYMBOLS:
        raise ValueError(
            f"Expected `cluster` to be from 1 to {SYMBOLS}. Received: cluster={cluster!r}"
        )
    if not isinstance(model, keras.Model) or not model.built or not hasattr(model, "inputs"):
        raise ValueError(
            "Expected a built functional or Sequential Keras model. "
            f"Received: model={model!r}. Wrap a subclassed model: "
            "inputs = keras.Input(shape); keras.Model(inputs, model(inputs))."
        )


def _compress(content: bytes, cluster: int | None) -> tuple[bytes, list[KernelCompression]]:
    graph = Graph(content)
    entries = compress_kernels.run(graph, cluster)
    return graph.to_bytes(), entries


def kernel_ops(graph: Graph) -> dict[str, list]:
    """Name of each layer -> its kernel ops in a file."""
    found: dict[str, list] = {}
    for op in graph.of_kind(*KERNEL_OPS):
        origin = Origin.of(graph.name(op.inputs[WEIGHTS]))
        if origin is not None and origin.what == KERNEL:
            found.setdefault(origin.layer, []).append(op)
    return found


def _missing(model: keras.Model, traced: Traced, graph: Graph) -> dict[str, str]:
    """The layers of which an op did not reach the file, and why that may be."""
    found = kernel_ops(graph)
    missing = {}
    for layer, name in layer_tree(model).items():
        deployment = describe(layer) if name in traced.calls else None
        if deployment is None:
            continue
        expected = traced.calls[name] * deployment.op_count
        if len(found.get(name, ())) < expected:
            missing[name] = (
                f"{len(found.get(name, ()))} of its {expected} binary ops are in the file: "
                "TFLiteConverter rewrote the rest, or nothing reads their result"
            )
    return missing


def _layers(
    model: keras.Model, graph: Graph, stays_float: dict[str, str], low_bit_inputs: dict[str, int]
) -> list[ConvertedLayer]:
    found = kernel_ops(graph)
    layers = []
    tree = layer_tree(model)
    for layer, weights in own_kernels(tree).items():
        name = tree[layer]
        if name in stays_float:
            layers.append(ConvertedLayer(name, "float32", stays_float[name], 4 * weights))
            continue
        ops = found.get(name)
        if not ops:
            layers.append(ConvertedLayer(name, "float32", "an ordinary layer", 4 * weights))
            continue
        bits = sorted({op.options["bits"] for op in ops})
        detail = " and ".join(f"{n}-bit" if n < 32 else "float32" for n in bits) + " activations"
        if name in low_bit_inputs:
            detail += f", though its input has {low_bit_inputs[name]} levels"
        size = sum(
            {op.inputs[WEIGHTS]: graph.value(op.inputs[WEIGHTS]).nbytes for op in ops}.values()
        )
        layers.append(ConvertedLayer(name, "binary", detail, size))
    return layers


__all__ = ["Converted", "NotBinary", "check_folder", "convert", "write_atomically"]
