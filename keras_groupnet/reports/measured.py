"""The converted file of a model, timed: as a whole, by ops, and beside float32 and int8."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping

import keras
import numpy as np

from keras_groupnet.bench.benchmark import Timing, benchmark
from keras_groupnet.reports.file_contents import FileContents, FileOp
from keras_groupnet.reports.float_twins import geometries, twin_times
from keras_groupnet.reports.op_times import op_times

OURS = "this model"
_IMAGES = 8


class NotMeasured(Exception):
    """The model has no file that can be timed here; the message says why."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """Times in milliseconds, of one sample.

    Attributes:
        contents: of the file.
        nets: of whole files: this one, and the full-precision parent if there is one.
        ops: of each op of the file, as far as it can be timed.
        twins: layer -> `"float32"` and `"int8"` -> time of a float layer of its geometry.
        notes: what could not be timed beside the file, and why.
    """

    contents: FileContents
    nets: list[Timing]
    ops: Mapping[FileOp, float]
    twins: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...] = ()

    def layers(self) -> dict[str, float]:
        """Layer -> time of its ops."""
        found: dict[str, float] = {}
        for op, milliseconds in self.ops.items():
            if op.layer is not None:
                found[op.layer] = found.get(op.layer, 0.0) + milliseconds
        return found


def measure_model(
    model: keras.Model, parent: keras.Model | None, num_threads: int, runs: int
) -> Measured:
    """Converts a model, without the check of `convert`, and times it.

    Args:
        model: functional or Sequential, with inputs of fixed size.
        parent: its full-precision parent, to time as float32 and as int8; None for none.
        num_threads: of the interpreter and the delegate.
        runs: of everything that is timed.

    Raises:
        NotMeasured: the model cannot be converted or timed here.
    """
    from keras_groupnet.conversion.int8.quantize_op import quantizer_library

    contents = _converted(model)
    files = {OURS: contents.content}
    notes = []
    if parent is not None:
        files |= _parent_files(parent)
    nets, ops = _timed(contents, files, num_threads, runs)
    try:
        wanted = geometries(model)
        times = twin_times(wanted.values(), num_threads, runs)
    except (ModuleNotFoundError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        twins: dict[str, Mapping[str, float]] = {}
        notes.append(f"Float layers beside these were not timed: {_said(error)}")
    else:
        twins = {name: times[geometry] for name, geometry in wanted.items()}
    try:
        quantizer_library()
    except ModuleNotFoundError as error:
        notes.append(f"There are no times of int8: {_said(error)}")
    else:
        if parent is not None and len(parent.inputs) > 1:
            notes.append("The parent was not timed as int8: that takes a network of one input.")
    return Measured(contents, nets, ops, twins, tuple(notes))


def measure_file(content: bytes, num_threads: int, runs: int) -> Measured:
    """Times a file.

    Raises:
        NotMeasured: it does not run here.
        ValueError: it is no `.tflite` file.
    """
    contents = FileContents(content)
    nets, ops = _timed(contents, {"this file": content}, num_threads, runs)
    return Measured(contents, nets, ops, {})


def _timed(
    contents: FileContents, files: dict[str, bytes], num_threads: int, runs: int
) -> tuple[list[Timing], dict[FileOp, float]]:
    try:
        nets = benchmark(files, num_threads=[num_threads], runs=runs)
        return nets, op_times(contents, num_threads, runs)
    except (ModuleNotFoundError, RuntimeError, ValueError) as error:
        raise NotMeasured(_said(error)) from error


def _said(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _converted(model: keras.Model) -> FileContents:
    if keras.backend.backend() != "tensorflow":
        raise NotMeasured("converting needs TensorFlow as Keras' backend")
    try:
        from keras_groupnet.conversion.checks.inputs import checked_inputs
        from keras_groupnet.conversion.float32 import float32_graph
        from keras_groupnet.conversion.layers_in_file import layers_by_tensor

        traced, graph = float32_graph(model, None, checked_inputs(model, None, None))
        names = layers_by_tensor(model, traced, graph)
        return FileContents(graph.to_bytes(), names)
    except (AttributeError, ModuleNotFoundError, RuntimeError, ValueError) as error:
        raise NotMeasured(f"it cannot be converted: {_said(error)}") from error


def _parent_files(parent: keras.Model) -> dict[str, bytes]:
    from keras_groupnet.conversion.int8.float_layers import quantize_model

    float32 = _converted(parent).content
    files = {"parent, float32": float32}
    if len(parent.inputs) > 1:
        return files  # the baseline of int8 is for one input
    shape = parent.inputs[0].shape[1:]
    images = np.random.default_rng(0).standard_normal((_IMAGES, *shape), np.float32)
    with contextlib.suppress(ModuleNotFoundError):  # the LiteRT quantizer is an extra
        files["parent, int8"] = quantize_model(float32, images)
    return files
