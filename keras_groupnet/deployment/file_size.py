"""How large the converted file will be, told from the model."""

import math

import keras

from keras_groupnet.deployment.model_graph import ModelGraph
from keras_groupnet.layers import (
    ActivationScale,
    LatentConv2D,
    ModulatedConv2D,
    QuantDepthwiseConv2D,
)
from keras_groupnet.quantizers import ActivationBases, SubgroupSign

_WORD_BITS = 32
_FLOAT_BYTES = 4
_FLOAT_KERNELS = (keras.layers.Conv2D, keras.layers.Dense, keras.layers.DepthwiseConv2D)
# Between a binary layer and its batch norm these fold into the epilogue too.
_FOLDED = (keras.layers.Multiply, keras.layers.ReLU)


def binary_kernels(layer: keras.layers.Layer) -> int:
    """How many 1-bit kernels a layer has in the converted file; 0 for a real layer."""
    precision = getattr(layer, "kernel_precision", 32)
    parts = hasattr(getattr(layer, "kernel_quantizer", None), "binary_parts")
    return precision if parts or precision == 1 else 0


def is_binary(layer: keras.layers.Layer) -> bool:
    """Whether a layer has 1-bit weights, or several bits with a 1-bit kernel for each."""
    return binary_kernels(layer) > 0


def kernel_ops(layer: keras.layers.Layer) -> int:
    """How many of our convolutions or dense ops a binary layer becomes."""
    quantizer = getattr(layer, "input_quantizer", None)
    inputs = quantizer.bases if isinstance(quantizer, ActivationBases) else 1
    return binary_kernels(layer) * inputs


def binary_shape(layer: keras.layers.Layer) -> tuple[int, ...]:
    """Shape of one of a binary layer's 1-bit kernels in the converted file."""
    return getattr(layer, "binary_shape", None) or tuple(layer.kernel.shape)


def float_weights(layer: keras.layers.Layer) -> int:
    """Weights of a layer that are real in the converted file, scales of kernels aside."""
    if not is_binary(layer):
        return layer.count_params()
    if isinstance(layer, LatentConv2D):
        return layer.deployed_floats
    return layer.count_params() - math.prod(layer.kernel.shape)


def constant_bytes(layer: keras.layers.Layer, graph: ModelGraph) -> int:
    """Bytes of a layer's constants in the converted file.

    Binary layers: `C_out * kh * kw * ceil(C_in / groups / 32) * 4` for the packed weights of each
    1-bit kernel (docs/ops.md) and 4 per op and output channel for the multiplier. Float layers: 4
    per weight, and a bias per channel whether the layer has one or not. A batch norm behind a
    binary layer becomes its bias, 4 per channel (without one all share the same zeros); behind a
    float layer nothing; elsewhere multiplier and bias, 8 per channel.
    """
    if is_binary(layer):
        shape = binary_shape(layer)
        if isinstance(layer, QuantDepthwiseConv2D):
            shape = (*shape[:2], 1, shape[2] * shape[3])
        *taps, inputs, outputs = shape
        words = math.prod(taps) * math.ceil(inputs / _WORD_BITS) * outputs * binary_kernels(layer)
        scales = (kernel_ops(layer) + layer.use_bias) * outputs
        if isinstance(layer, LatentConv2D):
            scales += layer.deployed_floats
        return words * 4 + scales * _FLOAT_BYTES
    if isinstance(layer, keras.layers.BatchNormalization):
        vectors = _batch_norm_vectors(layer, graph)
        return vectors * layer.output.shape[-1] * _FLOAT_BYTES
    weights = layer.count_params()
    if isinstance(layer, _FLOAT_KERNELS) and not layer.use_bias:
        weights += layer.output.shape[-1]
    return weights * _FLOAT_BYTES


def overhead_bytes(graph: ModelGraph) -> int:
    """Bytes of the file that are no constants: ops with their options, tensors and their names.

    An estimate, fitted to converted ResNets; it matters for files of less than a megabyte.
    """
    total = 2000
    for layer in graph.names:
        if getattr(layer, "kernel", None) is not None:
            total += 630 * max(kernel_ops(layer), 1)
            if isinstance(layer, ModulatedConv2D):  # scalings, and a slice per tap of an M-Filter
                total += 500 + 590 * layer.deployed_floats // layer.planes
            elif isinstance(getattr(layer, "kernel_quantizer", None), SubgroupSign):
                taps = math.prod(layer.kernel.shape[:-2])
                total += 500 + 590 * taps if taps > 1 else 0
        elif isinstance(layer, ActivationScale):
            total += 500 if layer.mode == "xnor" else 700
    return total


def _batch_norm_vectors(layer: keras.layers.Layer, graph: ModelGraph) -> int:
    """How many values per channel a batch norm adds to the file."""
    source = layer
    while True:
        # The other input of a Multiply is the activation scale.
        parents = [p for p in graph.parents(source) if not isinstance(p, ActivationScale)]
        if len(parents) != 1:
            return 2
        direct = source is layer
        (source,) = parents
        if is_binary(source):
            return 1
        if direct and isinstance(source, _FLOAT_KERNELS):
            return 0
        if not isinstance(source, _FOLDED):
            return 2
