"""The float layer of the same geometry, as float32 and as int8 file, beside each layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_groupnet.deployment.calls import record_calls
from keras_groupnet.deployment.describe import binary_deployment
from keras_groupnet.deployment.layer_tree import layer_tree

FLOAT32, INT8 = "float32", "int8"
_IMAGES = 4


@dataclasses.dataclass(frozen=True)
class Geometry:
    """What decides how long a convolution or a matrix product takes.

    Attributes:
        input_shape: without the batch.
        filters: output channels.
        kernel_size: of a convolution; empty for a matrix product.
        strides, dilation, padding, groups: of a convolution.
    """

    input_shape: tuple[int, ...]
    filters: int
    kernel_size: tuple[int, ...] = ()
    strides: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    padding: str = "same"
    groups: int = 1

    def layer(self) -> keras.layers.Layer:
        """A float layer of this geometry."""
        if not self.kernel_size:
            return keras.layers.Dense(self.filters, use_bias=True)
        options: dict[str, Any] = {
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation,
        }
        channels = self.input_shape[-1]
        if self.groups == channels > 1:
            multiplier = self.filters // channels
            return keras.layers.DepthwiseConv2D(
                self.kernel_size, depth_multiplier=multiplier, **options
            )
        return keras.layers.Conv2D(self.filters, self.kernel_size, groups=self.groups, **options)


def geometries(model: keras.Model) -> dict[str, Geometry]:
    """Name of each layer that is one convolution or matrix product -> its geometry."""
    tree = layer_tree(model)
    deployments = {x: one for x in tree if (one := binary_deployment(x)) is not None}
    found: dict[str, Geometry] = {}
    waiting = list(record_calls(model, opaque=deployments))
    while waiting:
        call = waiting.pop(0)
        deployment = deployments.get(call.layer)
        if deployment is None:
            waiting += call.inner
        if call.name in found or not call.inputs or None in call.inputs[0].shape[1:]:
            continue
        shape, layer = tuple(call.inputs[0].shape[1:]), call.layer
        if deployment is not None and deployment.window is not None and not deployment.taps:
            window = deployment.window
            found[call.name] = Geometry(
                shape if len(shape) == 3 else (1, *shape),  # along time: of height 1 in the file
                deployment.kernel_shape[-1],
                tuple(deployment.kernel_shape[:2]),
                window.strides,
                window.dilation,
                window.padding,
                window.groups,
            )
        elif deployment is not None and deployment.window is None:
            found[call.name] = Geometry(shape, deployment.kernel_shape[-1])
        elif type(layer) is keras.layers.Dense:
            found[call.name] = Geometry(shape, layer.units)
        elif type(layer) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D):
            depthwise = type(layer) is keras.layers.DepthwiseConv2D
            found[call.name] = Geometry(
                shape,
                call.outputs[0].shape[-1],
                tuple(layer.kernel_size),
                tuple(layer.strides),
                tuple(layer.dilation_rate),
                layer.padding,
                shape[-1] if depthwise else layer.groups,
            )
    return found


def twin_times(
    wanted: Iterable[Geometry], num_threads: int, runs: int
) -> dict[Geometry, dict[str, float]]:
    """Milliseconds of one run of the float layers of some geometries.

    Args:
        wanted: any number; equal ones are timed once.
        num_threads: of the interpreter.
        runs: of each file, in turn.

    Returns:
        Geometry -> `{"float32": ..., "int8": ...}`; without int8 if the LiteRT quantizer is not
        installed.
    """
    from keras_groupnet.bench.benchmark import interleave, prepared

    files: dict[tuple[Geometry, str], bytes] = {}
    for geometry, content in _float_files(dict.fromkeys(wanted)).items():
        files[geometry, FLOAT32] = content
        integers = _quantized(content, geometry.input_shape)
        if integers is not None:
            files[geometry, INT8] = integers
    ready = {key: prepared(content, num_threads=num_threads) for key, content in files.items()}
    seconds = interleave({key: one.invoke for key, one in ready.items()}, runs)
    found: dict[Geometry, dict[str, float]] = {}
    for (geometry, name), times in seconds.items():
        found.setdefault(geometry, {})[name] = 1e3 * float(np.median(times))
    return found


def _float_files(wanted: Iterable[Geometry]) -> dict[Geometry, bytes]:
    """A file of one op for each geometry; all are converted at once, as one model."""
    from keras_groupnet.conversion.export.tracing import trace
    from keras_groupnet.conversion.flatbuffer.graph import Graph

    wanted = list(wanted)
    if not wanted:
        return {}
    inputs = [keras.Input(geometry.input_shape) for geometry in wanted]
    outputs = [one.layer()(x) for one, x in zip(wanted, inputs, strict=True)]
    traced = trace(keras.Model(inputs, outputs), batch_size=1)
    graph = Graph(traced.content)
    graph.name_interface(traced.inputs, traced.outputs)
    files = {}
    for geometry, source, output in zip(wanted, graph.inputs, graph.outputs, strict=True):
        # Nothing else reads the input: everything between the two is the layer.
        ops, reached = [], {source}
        for op in graph.ops:
            if reached.intersection(op.inputs):
                ops.append(op)
                reached.update(op.outputs)
        files[geometry] = graph.subgraph_of(ops, [source], [output]).to_bytes()
    return files


def _quantized(content: bytes, shape: tuple[int, ...]) -> bytes | None:
    from keras_groupnet.conversion.int8.float_layers import quantize_model

    data = np.random.default_rng(0).standard_normal((_IMAGES, *shape), np.float32)
    try:
        return quantize_model(content, data)
    except ModuleNotFoundError:
        return None
