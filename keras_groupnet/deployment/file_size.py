"""How large the converted file will be, told from the model.

The constants are known exactly. What comes to them (ops with their options, tensors with their
names) is counted call by call, with what the converter folds: of a flatbuffer, each piece has its
price, and TFLiteConverter's names of tensors are estimated from those of the layers.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras

from keras_groupnet.deployment.calls import Call
from keras_groupnet.deployment.describe import Deployment
from keras_groupnet.deployment.model_graph import ModelGraph, quantization_of
from keras_groupnet.deployment.quant_layers import is_of_8_bits
from keras_groupnet.deployment.quantization import Quantization, describe_quantizer
from keras_groupnet.layers import ActivationScale, ChannelScale, GroupSum

_WORD_BITS = 32
_WORD_BYTES = _FLOAT_BYTES = 4

# Bytes in the flatbuffer, tests/deployment/file_size_test.py compares them with files: an empty
# model with its signature and metadata; an op and each of its operands; a tensor without its name,
# of activations (with the shape for any batch) and of constants; a buffer.
_FILE = 790
_OP = 73
_OPERAND = 4
_TENSOR = 54
_CONSTANT = 38
_BUFFER = 22
# Names and values of the options of our ops (docs/ops.md).
_CONV_OPTIONS, _DENSE_OPTIONS = 274, 158
_QUANTIZE_OPTIONS, _SCALE_MAP_OPTIONS, _POOL_OPTIONS = 54, 132, 150
# TFLiteConverter names a tensor MODEL_1/LAYER_1/OP, but the result of our ops tfl.custom12.
_NAME_PARTS = 13
_OUR_NAME = 12

_KERNELS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)
# Multiply, round, minimum, ReLU, multiply.
_UNPACKED_OPERATIONS = 5
_INT8_OPERATIONS = 2  # QUANTIZE, DEQUANTIZE
_FUSED_ACTIVATIONS = ("linear", "relu", "relu6")


@dataclasses.dataclass
class _Source:
    """What is known of a float tensor.

    Attributes:
        kernel_op: it is what one of our kernel ops gives, which folds what follows.
        convolution: it is what a float convolution or dense layer gives, which folds a batch norm.
        biased: its op has a bias already, which another batch norm only changes.
        summed: its op adds another tensor.
        fuses_relu: a float op gives it that has a fused activation.
        vectors: what a batch norm in front of a quantizer puts into the quantizer's op.
        name: bytes of its name.
    """

    kernel_op: bool = False
    convolution: bool = False
    biased: bool = False
    summed: bool = False
    fuses_relu: bool = False
    vectors: int = 0
    name: int = 0


class FileSize:
    """Bytes of a converted file.

    Args:
        graph: of the model.
        deployments: its binary layers.
        weights: each layer -> the variables that are its own.
        model_name: of the model.
    """

    def __init__(
        self,
        graph: ModelGraph,
        deployments: dict[Any, Deployment],
        weights: dict[Any, list[Any]],
        model_name: str,
    ):
        self._graph = graph
        self._deployments = deployments
        self._weights = weights
        self._prefix = len(model_name) + _NAME_PARTS
        self._sources: dict[int, _Source] = {}
        self._constants: dict[Any, int] = {}
        self._packed: set[tuple[int, Quantization, float]] = set()
        self._scaled: set[tuple[Call, int]] = set()
        self._ones: set[int] = set()
        self._geometries: set[tuple[Any, ...]] = set()
        self._rest = _FILE
        for call in graph.every():
            self._add(call)

    def constants(self, layer: Any) -> int:
        """Bytes of a layer's constants.

        Binary layers: `C_out * kh * kw * ceil(C_in / groups / 32) * 4` for the packed words of each
        1-bit kernel (docs/ops.md) and 4 per op and output channel for the multiplier. Float layers:
        4 per weight, and a bias per channel of convolutions. A batch norm behind a binary layer
        becomes its bias, 4 per channel; behind a float one it becomes part of the weights;
        elsewhere it is multiplier and bias, 8 per channel.
        """
        return self._constants.get(layer, 0)

    def total(self) -> int:
        """Bytes of the file."""
        return self._rest + sum(self._constants.values())

    # ---- one call ----

    def _add(self, call: Call) -> None:
        layer = call.layer
        quantization = quantization_of(layer)
        if layer in self._deployments:
            self._kernel_ops(call, self._deployments[layer])
        elif self._graph.inside(call):
            self._own_weights(call)
        elif not call.outputs or any(call.outputs[0] is one for one in call.inputs):
            pass  # nothing is left of a Dropout
        elif quantization is not None:
            self._quantizer(call.inputs[0], quantization, call)
        elif isinstance(layer, keras.layers.BatchNormalization):
            self._batch_norm(call)
        elif isinstance(layer, (GroupSum, keras.layers.Add)):
            self._sum(call)
        elif isinstance(layer, (keras.layers.ReLU, keras.layers.Multiply)):
            self._folded_or_op(call)
        elif isinstance(layer, ActivationScale) and layer.mode == "xnor":
            self._op(len(call.name) + 10, 1, _SCALE_MAP_OPTIONS)
        else:
            if is_of_8_bits(layer) and layer.input_quantizer is not None:
                self._quantizer(call.inputs[0], describe_quantizer(layer.input_quantizer), call)
            self._float_op(call)
            if isinstance(layer, ChannelScale):  # mean, two products, sigmoid, reshape
                for _ in range(4):
                    self._op(self._name(call), 2, 0)

    def _kernel_ops(self, call: Call, deployment: Deployment) -> None:
        """The ops of a binary layer; the float sums of what is more than the formula."""
        *taps, inputs, outputs = deployment.kernel_shape
        ops = deployment.op_count
        if call.layer not in self._constants:
            words = math.prod(taps) * math.ceil(inputs / _WORD_BITS) * outputs
            self._constant(call, deployment.kernel_count * words * _WORD_BYTES)
            if deployment.factors:
                self._shared_ones(outputs)
            else:
                self._constant(call, ops * outputs * _FLOAT_BYTES)
                self._rest += ops * (2 * (_CONSTANT + _OUR_NAME + 8) + _BUFFER)
            if deployment.bias is not None:
                self._constant(call, deployment.bias().nbytes)
            self._constant(call, deployment.factors * _FLOAT_BYTES)
            # Equal kernels, and biases of zeros, share one buffer.
            self._rest += ops * (_CONSTANT + len(call.name) + 10)
            self._rest += (deployment.kernel_count + 1) * _BUFFER
        for one in deployment.inputs:
            if one.quantization is not None:
                self._quantizer(call.inputs[0], one.quantization, call, one.offset)
        options = _DENSE_OPTIONS if deployment.window is None else _CONV_OPTIONS
        for _ in range(ops):
            self._op(_OUR_NAME + 1, 4, options)
        source = _Source(True, biased=deployment.bias is not None, name=_OUR_NAME)
        if deployment.factors:
            self._float_sums(call, deployment)
            source = _Source(name=self._name(call))
        self._sources[id(call.outputs[0])] = source

    def _shared_ones(self, outputs: int) -> None:
        """The multiplier and bias of ops whose sums get their factors later: ones and zeros."""
        if outputs not in self._ones:
            self._ones.add(outputs)
            self._rest += 2 * (outputs * _FLOAT_BYTES + _CONSTANT + _BUFFER + 16)

    def _float_sums(self, call: Call, deployment: Deployment) -> None:
        """What brings the factors to the sums (conversion/factors.py): slices for each tap."""
        name, taps = self._name(call), deployment.taps
        pads = bool(taps) and call.input_shape[1:3] != call.output_shape[1:3]
        for _ in range(taps + 4 + (not pads)):
            self._op(name, 3, 0)
        self._rest += taps * _OPERAND + _CONSTANT + _BUFFER + name
        geometry = (taps, call.input_shape[1:], call.output_shape[1:])
        if geometry not in self._geometries:  # where slices begin and end; equal ones are shared
            self._geometries.add(geometry)
            self._rest += (2 * taps + 3) * (_CONSTANT + _BUFFER + 16 + 30)

    def _quantizer(
        self, tensor: Any, quantization: Quantization, call: Call, offset: float = 0.0
    ) -> None:
        key = (id(tensor), quantization, offset)
        if key in self._packed:
            return  # equal quantizers of one tensor are one op in the file
        self._packed.add(key)
        source = self._sources.get(id(tensor), _Source())
        name = len(call.name) + 10
        operations = _operation_count(quantization)
        for _ in range(operations):
            self._op(self._name(call), 2, 0)
        if not quantization.packed:
            return
        if source.kernel_op and not operations:
            several = len(self._graph.readers_of(tensor)) > 1
            self._rest += _TENSOR + name if several else name - source.name
            return
        vectors = 2 if offset else source.vectors
        self._op(name, 1 + vectors, _QUANTIZE_OPTIONS)
        if offset:
            self._rest += 2 * (_CONSTANT + self._name(call)) + _BUFFER

    def _batch_norm(self, call: Call) -> None:
        source = self._sources.get(id(call.inputs[0]), _Source())
        channels = call.inputs[0].shape[-1]
        alone = len(self._graph.readers_of(call.inputs[0])) == 1
        name = self._name(call) + 10
        given = id(call.outputs[0])
        if source.kernel_op and alone:
            self._constant(call, 0 if source.biased else channels * _FLOAT_BYTES)
            self._rest += _BUFFER
            self._sources[given] = dataclasses.replace(source, biased=True)
            return
        if source.convolution and alone:
            self._constant(call, 0)
            self._rest += 4 * name  # bias and output are called after all that was fused
            self._sources[given] = _Source(fuses_relu=True, name=source.name)
            return
        self._constant(call, 2 * channels * _FLOAT_BYTES)
        self._rest += 2 * (_CONSTANT + _BUFFER + name)
        readers = self._graph.readers(call)
        if readers and all(self._takes_vectors(reader) for reader in readers):
            self._sources[given] = _Source(vectors=2)
            return
        self._op(name, 2, 0)
        self._op(name, 2, 0)
        self._sources[given] = _Source(fuses_relu=True, name=name)

    def _takes_vectors(self, reader: Call) -> bool:
        if isinstance(reader.layer, ActivationScale):
            return reader.layer.mode == "xnor"
        deployment = self._deployments.get(reader.layer)
        if deployment is not None:
            quantization = deployment.inputs[0].quantization
        else:
            quantization = quantization_of(reader.layer)
        return quantization is not None and quantization.before is None and quantization.packed

    def _sum(self, call: Call) -> None:
        """Sums fold into the kernel op of one of their terms."""
        sources = [self._sources.get(id(tensor), _Source()) for tensor in call.inputs]
        folded = [source for source in sources if source.kernel_op]
        name = self._name(call)
        for _ in range(len(sources) - max(len(folded), 1)):
            if not folded or len(sources) > 2:
                self._op(name, 2, 0)
        if folded and isinstance(call.layer, keras.layers.Add):
            floats = [t for t, s in zip(call.inputs, sources, strict=True) if not s.kernel_op]
            self._addends(call, floats)
        biased = any(source.biased for source in folded)
        self._sources[id(call.outputs[0])] = _Source(
            bool(folded),
            fuses_relu=not folded,
            biased=biased,
            summed=True,
            name=name if not folded else _OUR_NAME,
        )

    def _addends(self, call: Call, floats: list[Any]) -> None:
        """What a kernel op adds is scaled with it, if that is behind the sum; once for each."""
        readers = self._graph.readers(call)
        kinds = (GroupSum, keras.layers.BatchNormalization)
        if len(readers) != 1 or not isinstance(readers[0].layer, kinds):
            return
        for tensor in floats:
            key = (readers[0], id(tensor))
            if key not in self._scaled:
                self._scaled.add(key)
                self._constant(call, call.outputs[0].shape[-1] * _FLOAT_BYTES)
                self._rest += _CONSTANT + _BUFFER + self._name(call)

    def _folded_or_op(self, call: Call) -> None:
        """ReLU and scales between a kernel op and its batch norm."""
        sources = [self._sources.get(id(tensor), _Source()) for tensor in call.inputs]
        name = self._name(call)
        first = next((source for source in sources if source.kernel_op), None)
        if first is None or first.summed:
            fused = isinstance(call.layer, keras.layers.ReLU) and sources[0].fuses_relu
            self._rest += name if fused else 0
            if not fused:
                self._op(name, len(call.inputs), 0)
            self._sources[id(call.outputs[0])] = _Source(name=name)
            return
        # The constants of the op are called after what was fused.
        joined = first.name + name if first.name > _OUR_NAME else name
        self._rest += 3 * (joined - first.name)
        self._sources[id(call.outputs[0])] = dataclasses.replace(first, name=joined)

    def _float_op(self, call: Call) -> None:
        name = self._name(call)
        layer = call.layer
        own = self._own_weights(call)
        options = 0
        if isinstance(layer, keras.layers.MaxPooling2D) and self._graph.is_packed(call):
            options = _POOL_OPTIONS
        self._op(name, max(len(call.inputs), 1) + own, options)
        if isinstance(layer, (keras.layers.GlobalAveragePooling2D, keras.layers.Flatten)):
            self._rest += _CONSTANT + _BUFFER + name + 10  # axes, or the shape
        if _activation(layer) not in _FUSED_ACTIVATIONS:
            self._op(18, 1, 0)
        convolution = isinstance(layer, (*_KERNELS, keras.layers.Dense))
        self._sources[id(call.outputs[0])] = _Source(
            convolution=convolution, fuses_relu=convolution, name=name
        )

    def _own_weights(self, call: Call) -> int:
        """Counts the constants of float weights; gives how many there are."""
        layer = call.layer
        sizes = [math.prod(weight.shape) for weight in self._weights.get(layer, [])]
        if isinstance(layer, _KERNELS) and not layer.use_bias:
            sizes.append(call.outputs[0].shape[-1])
        if layer not in self._constants:
            for size in sizes:
                self._constant(call, size * _FLOAT_BYTES)
                self._rest += _CONSTANT + _BUFFER + self._name(call)
        return len(sizes)

    # ---- pieces of the file ----

    def _op(self, name: int, operands: int, options: int) -> None:
        """An op with its one output."""
        self._rest += _OP + (operands + 1) * _OPERAND + options + _TENSOR + name

    def _constant(self, call: Call, size: int) -> None:
        self._constants[call.layer] = self._constants.get(call.layer, 0) + size

    def _name(self, call: Call) -> int:
        return self._prefix + len(call.name)


def _operation_count(quantization: Quantization) -> int:
    """How many float ops stand in front of the sign or uniform quantizer, or in its place."""
    if quantization.zero_point is not None:
        return _INT8_OPERATIONS
    if not quantization.packed:
        return _UNPACKED_OPERATIONS
    if quantization.before is None:
        return 0
    given = keras.Input((1,))
    operations = keras.Function(given, quantization.before(given)).operations
    return sum(not one.name.startswith(("input_layer", "convert_to_tensor")) for one in operations)


def _activation(layer: Any) -> str:
    activation = getattr(layer, "activation", None)
    return "linear" if activation is None else getattr(activation, "__name__", "other")
