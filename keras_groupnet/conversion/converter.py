"""`convert`: a Keras model → a `.tflite` file whose binary layers are our ops."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_groupnet.conversion import passes
from keras_groupnet.conversion.exporting import exporting_clone, layers_of
from keras_groupnet.conversion.graph import Graph
from keras_groupnet.conversion.kernel_symbols import SYMBOLS
from keras_groupnet.conversion.passes import compress_kernels
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.conversion.report import (
    ConversionError,
    ConversionReport,
    KernelCompression,
    LayerFate,
)
from keras_groupnet.conversion.verify import compare


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
    first_last: str = "float",
    representative_data: np.ndarray | None = None,
    images: np.ndarray | None = None,
    strict: bool = True,
    compress: str | None = None,
    cluster: int | None = None,
) -> Converted:
    """Converts a functional or Sequential model and checks the file against Keras.

    Binary weights take 1 bit in the file; batch norm, scales, ReLU, skips and base sums are folded
    into the epilogues of our ops, quantizers become packed bits (docs/ops.md). The file runs in the
    stock interpreters with our delegate (`kgn.lite.Interpreter`, `kgn.lite.delegate_path`).

    Args:
        model: the model; it is not changed. Keras must run on TensorFlow.
        path: where to write the file; None only returns the bytes. A conversion that fails leaves
            an existing file as it was.
        batch_size: a fixed batch, or None for a dynamic one.
        first_last: `"float"`, or `"int8"` to quantise the float convolutions and dense layers
            (the first and the last, usually) after training, with `representative_data`.
        representative_data: images for int8 calibration, at least a few dozen.
        images: images for the comparison with Keras; random ones if None.
        strict: raise if one of our layers would stay float or if the comparison fails. It is made
            before int8 quantisation; with `first_last="int8"` the report's figures are those of the
            quantised file, with `cluster` those of the clustered one.
        compress: None, or `"huffman"` to store 3×3 binary weights by Huffman's code where that is
            shorter (docs/ops.md, "Compressed weights"). The delegate restores them when it loads
            the file; answers and speed are the same, loading takes a little longer. Needs a
            delegate of this version or newer.
        cluster: with `compress`, how many different 3×3 kernels a layer keeps, 1 to 512. Rarer ones
            become the most similar of those (arXiv:2212.00608). This changes weights; the report
            says how many, and what it does to the outputs.

    Returns:
        The bytes and the report.

    Raises:
        ConversionError: in strict mode; the report is in its `report` attribute.
        ValueError: the model or an argument does not fit.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "Conversion needs TensorFlow as Keras' backend. Received: backend="
            f"{keras.backend.backend()!r}. Save the model as .keras and convert it in a process "
            "with KERAS_BACKEND=tensorflow."
        )
    if first_last not in ("float", "int8"):
        raise ValueError(
            f"Expected `first_last` to be 'float' or 'int8'. Received: first_last={first_last!r}"
        )
    if first_last == "int8" and representative_data is None:
        raise ValueError("first_last='int8' needs `representative_data`, images to calibrate with.")
    _check_compression(compress, cluster)
    if not isinstance(model, keras.Model) or not model.built or not hasattr(model, "inputs"):
        raise ValueError(
            "Expected a built functional or Sequential Keras model. "
            f"Received: model={model!r}. Wrap a subclassed model's call in "
            "keras.Model(inputs, outputs)."
        )
    clone, stays_float = exporting_clone(model, batch_size)
    graph = Graph(_to_tflite(clone))
    passes.run(graph)
    _name_kernels(clone, graph)
    report = ConversionReport(_fates(model, clone, graph, stays_float))
    content = graph.to_bytes()
    failed = compare(model, content, images, batch_size, report)
    if first_last == "int8":
        from keras_groupnet.conversion.int8 import quantize_float_layers

        content = quantize_float_layers(content, np.asarray(representative_data))
        report.layers = [
            LayerFate(f.name, "int8", "quantised after training", f.weight_bytes // 4)
            if f.fate == "float" and f.name not in stays_float
            else f
            for f in report.layers
        ]
    if compress is not None:
        content, report.compression = _compress(content, cluster)
        sizes: dict[str, int] = {}
        for entry in report.compression:
            sizes[entry.name] = sizes.get(entry.name, 0) + entry.file_bytes
        report.layers = [
            replace(f, weight_bytes=sizes[f.name]) if f.name in sizes else f for f in report.layers
        ]
    if first_last == "int8" or cluster is not None:
        # These cost some accuracy: how much is reported, not judged. Passes were judged above.
        compare(model, content, images, batch_size, report)
    elif compress is not None:
        failed = compare(model, content, images, batch_size, report)
    report.file_bytes = len(content)
    report.binary_bytes = sum(f.weight_bytes for f in report.layers if f.fate == "binary")
    if strict:
        if stays_float:
            reasons = "; ".join(f"'{name}': {why}" for name, why in stays_float.items())
            raise ConversionError(
                f"These layers would stay float: {reasons}. "
                "Change their quantizers, or pass strict=False to accept it.",
                report,
            )
        if failed:
            raise ConversionError(
                f"The converted file does not answer like Keras: {failed}", report
            )
    if path is not None:
        write_atomically(Path(path), content)
    return Converted(content, report)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside the target and renames, so that no half-written file is ever seen."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _to_tflite(model: keras.Model) -> bytes:
    """TFLiteConverter with composites kept as custom ops; its chatter is held back."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.allow_custom_ops = True
        return converter.convert()


def _check_compression(compress: str | None, cluster: int | None) -> None:
    if compress not in (None, "huffman"):
        raise ValueError(
            f"Expected `compress` to be None or 'huffman'. Received: compress={compress!r}"
        )
    if cluster is None:
        return
    if compress is None:
        raise ValueError(
            "`cluster` is for files with compressed weights; add compress='huffman'. "
            f"Received: cluster={cluster!r}, compress=None"
        )
    if not 1 <= cluster <= SYMBOLS:
        raise ValueError(
            f"Expected `cluster` to be from 1 to {SYMBOLS}. Received: cluster={cluster!r}"
        )


def _name_kernels(clone: keras.Model, graph: Graph) -> None:
    """Names the packed weights in the file: LAYER/kernel, LAYER/kernel_1, ..."""
    names: dict[bytes, list[str]] = {}
    for twin in layers_of(clone):
        for number, packed in enumerate(getattr(twin, "packed_kernels", ())):
            name = f"{twin.name}/kernel_{number}" if number else f"{twin.name}/kernel"
            names.setdefault(packed.tobytes(), []).append(name)
    for op in graph.of_kind(*KERNEL_OPS):
        packed = graph.value(op.inputs[1])
        waiting = names.get(packed.tobytes())
        if waiting:
            # The last name stays, for a layer that is called several times.
            name = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            op.inputs[1] = graph.add_constant(packed, name)


def _compress(content: bytes, cluster: int | None) -> tuple[bytes, list[KernelCompression]]:
    graph = Graph(content)
    entries = compress_kernels.run(graph, cluster)
    return graph.to_bytes(), entries


def _fates(model, clone, graph: Graph, stays_float: dict[str, str]) -> list[LayerFate]:
    bits_of = {
        graph.value(op.inputs[1]).tobytes(): op.options["bits"]
        for op in graph.of_kind("KgnConv2D", "KgnDense")
    }
    fates = []
    for layer, twin in zip(layers_of(model), layers_of(clone), strict=True):
        kernel = getattr(layer, "kernel", None)
        packed = getattr(twin, "packed_kernels", None)
        if kernel is None:
            continue
        if packed is None:
            why = stays_float.get(layer.name, "an ordinary Keras layer")
            fates.append(LayerFate(layer.name, "float", why, 4 * int(np.prod(kernel.shape))))
        elif all(one.tobytes() in bits_of for one in packed):
            why = f"{bits_of[packed[0].tobytes()]}-bit activations"
            size = sum(one.nbytes for one in packed)
            fates.append(LayerFate(layer.name, "binary", why, size))
        else:
            why = stays_float[layer.name] = "TFLiteConverter dropped its composite"
            fates.append(LayerFate(layer.name, "float", why, 4 * int(np.prod(kernel.shape))))
    return fates
