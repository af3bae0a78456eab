"""`convert`: a Keras model → a `.tflite` file whose binary layers are our ops."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_groupnet.atomic_file import check_folder, write_atomically
from keras_groupnet.conversion.checks.check_constants import compare_constants
from keras_groupnet.conversion.checks.file_ops import FileOps
from keras_groupnet.conversion.checks.inputs import checked_inputs
from keras_groupnet.conversion.checks.int8_verify import int8_problems
from keras_groupnet.conversion.checks.verify import compare_outputs, verify_graph
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.float32 import float32_graph
from keras_groupnet.conversion.int8.changed_codes import changed_codes
from keras_groupnet.conversion.int8.float_layers import quantize_float_layers, tensors_without_range
from keras_groupnet.conversion.int8.integer_io import (
    INTERFACE_TYPES,
    borders_without_scale,
    quantize_inputs_and_outputs,
)
from keras_groupnet.conversion.layers_in_file import (
    converted_layers,
    int8_layers,
    layers_by_tensor,
    missing_ops,
)
from keras_groupnet.conversion.passes import compress_kernels
from keras_groupnet.conversion.report import (
    ConversionError,
    ConversionReport,
    KernelCompression,
)
from keras_groupnet.conversion.weights.kernel_symbols import SYMBOLS
from keras_groupnet.deployment.layer_tree import layer_tree
from keras_groupnet.deployment.quantization import quantizer_of
from keras_groupnet.quantizers import Int8Activation


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
    inference_input_type: str = "float32",
    inference_output_type: str = "float32",
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
        representative_data: inputs for int8 calibration, as `model.predict` takes them, at least
            a few dozen. None if the model was trained for int8 (`quantizers.Int8Activation`)
            wherever a range is needed.
        inference_input_type: `"float32"`, `"int8"` or `"uint8"`: of float inputs in the file, as
            TFLiteConverter's.
        inference_output_type: likewise.
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
    borders = (inference_input_type, inference_output_type)
    _check_arguments(model, float_layers, borders, representative_data, compress, cluster)
    if path is not None:
        check_folder(Path(path))
    inputs = checked_inputs(model, inputs, batch_size)

    traced, graph = float32_graph(model, batch_size, inputs)
    content = graph.to_bytes()
    stays_float = traced.stays_float | missing_ops(model, traced, graph)
    verification = verify_graph(model, content, inputs, stays_float)
    report = ConversionReport(verification=verification)
    if float_layers == "int8" or borders != ("float32", "float32"):
        data = checked_inputs(model, representative_data, batch_size)
        original, reference = content, Graph(content)
        content, from_data = _in_integers(content, float_layers, borders, data)
        if from_data and representative_data is None:
            raise ValueError(_no_data(f"the ranges of {from_data}"))
        report.changed_codes = changed_codes(original, content, data)
        integers = Graph(content)
        names = layers_by_tensor(model, traced, reference)
        verification.problems += int8_problems(reference, integers, names)
        verification.int8_layers = int8_layers(model, traced, integers)
    if compress is not None:
        content, report.compression = _compress(content, cluster)
        if cluster is None:  # clusters are other weights, of which the report tells
            restored = compare_constants(model, FileOps(content), stays_float)
            verification.problems += [one for one in restored if one not in verification.problems]
    report.layers = converted_layers(model, traced, Graph(content), stays_float, report)
    report.outputs = compare_outputs(model, content, inputs)
    report.file_bytes = len(content)
    report.binary_bytes = sum(x.weight_bytes for x in report.layers if x.status == "binary")
    if strict:
        _refuse(report, stays_float)
    if path is not None:
        write_atomically(Path(path), content)
    return Converted(content, report)


def _in_integers(
    content: bytes, float_layers: str, borders: tuple[str, str], data: list[np.ndarray]
) -> tuple[bytes, list[str]]:
    """Quantizes to int8 what was asked for; the tensors whose ranges come from the data, too."""
    from_data = []
    if float_layers == "int8":
        from_data = tensors_without_range(content)
        content = quantize_float_layers(content, data)
    from_data += borders_without_scale(content, *borders)
    return quantize_inputs_and_outputs(content, data, *borders), from_data


def _no_data(what: str) -> str:
    return (
        f"int8 needs `representative_data`, inputs to calibrate with, for {what}. Received: "
        "representative_data=None. (Ranges may also be trained: "
        "kgn.layers.Quantize('int8_activation') in front of and behind a layer.)"
    )


def _refuse(report: ConversionReport, stays_float: dict[str, str]) -> None:
    verification = report.verification
    low_bit_inputs = {} if verification is None else verification.low_bit_inputs
    problems = [] if verification is None else verification.problems
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
            "The converted file does not compute what the model computes: "
            + "; ".join(map(str, problems)),
            report,
        )


def _check_arguments(
    model: Any,
    float_layers: str,
    borders: tuple[str, str],
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
    for name, dtype in zip(("inference_input_type", "inference_output_type"), borders, strict=True):
        if dtype not in INTERFACE_TYPES:
            raise ValueError(
                f"Expected `{name}` to be one of {INTERFACE_TYPES}. Received: {name}={dtype!r}"
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
    integers = {float_layers, *borders} != {"float32"}
    if integers and representative_data is None and not _has_trained_ranges(model):
        raise ValueError(_no_data("a model that was not trained for int8"))


def _has_trained_ranges(model: keras.Model) -> bool:
    return any(
        isinstance(quantizer, Int8Activation)
        for layer in layer_tree(model)
        for quantizer in (getattr(layer, "input_quantizer", None), quantizer_of(layer))
    )


def _compress(content: bytes, cluster: int | None) -> tuple[bytes, list[KernelCompression]]:
    graph = Graph(content)
    entries = compress_kernels.run(graph, cluster)
    return graph.to_bytes(), entries
