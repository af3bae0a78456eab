"""What each layer of a model costs when it runs: the ops of the converted file, priced one by one.

The converter folds much of what stands around a binary layer into its op (passes/), so a call has
the time of the ops that are left of it: quantizers that read what an op of ours gives become packed
outputs of that op, batch norms and scales its multipliers, sums its addends; batch norms and ReLUs
behind float convolutions go into these.

Past 400 lines, because one walk over the calls keeps what is known of each tensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.deployment.calls import Call, positions
from keras_groupnet.deployment.cost_model import CostModel
from keras_groupnet.deployment.cost_model_activations import (
    FUSED,
    activation_kinds,
    activation_name,
    operation_kinds,
)
from keras_groupnet.deployment.describe import Deployment
from keras_groupnet.deployment.model_graph import FLOAT_BITS, ModelGraph, quantization_of
from keras_groupnet.deployment.operations import multiply_accumulates
from keras_groupnet.deployment.quantization import Quantization
from keras_groupnet.layers import ActivationScale, ChannelScale, GroupSum

L = keras.layers
_WORD_BITS = 32

_MERGES = (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
_NORMALIZATIONS = (L.LayerNormalization, L.GroupNormalization, L.UnitNormalization)
_CONVS = (L.Conv1D, L.Conv2D)
_DEPTHWISE = (L.DepthwiseConv1D, L.DepthwiseConv2D)
_POOLS = (L.MaxPooling1D, L.MaxPooling2D, L.AveragePooling1D, L.AveragePooling2D)
_MEANS = (
    L.GlobalAveragePooling1D,
    L.GlobalAveragePooling2D,
    L.GlobalMaxPooling1D,
    L.GlobalMaxPooling2D,
)
_COPIES = (
    L.Concatenate,
    L.Cropping1D,
    L.Cropping2D,
    L.Embedding,
    L.RepeatVector,
    L.UpSampling1D,
    L.UpSampling2D,
    L.ZeroPadding1D,
    L.ZeroPadding2D,
)
_NOTHING = (L.Flatten, L.Reshape, L.InputLayer)


class CallTimes:
    """Microseconds of a model's layers, for all samples of the recorded run.

    Args:
        graph: of the model.
        deployments: its binary layers.
        cost_model: prices of the machine.
        weight_bytes: of all constants of the file.
    """

    def __init__(
        self,
        graph: ModelGraph,
        deployments: dict[Any, Deployment],
        cost_model: CostModel,
        weight_bytes: int,
    ):
        self._graph = graph
        self._deployments = deployments
        self._model = cost_model
        self._all_weights = weight_bytes
        self._times: dict[Any, float] = {}
        self._bytes: dict[Call, int] = {}
        self._layer: Any = None
        # What is known of tensors, by their ids. Ours: the call whose op gives it, with all that
        # was folded into that op; float, fuses: ops that can take in a batch norm or a ReLU;
        # summed: one of ours that adds another tensor; affine: a batch norm that its readers take
        # in; written: as floats, too, if it is one of ours; addends: what a sum of ours adds that
        # is not ours, with the layer that has its time; pools: those behind the quantizer.
        self._ours: dict[int, Call] = {}
        self._float: set[int] = set()
        self._fuses: set[int] = set()
        self._summed: set[int] = set()
        self._pools: dict[int, Call] = {}
        self._addends: dict[int, dict[int, Any]] = {}
        self._affine: set[int] = set()
        self._packed: set[tuple[int, Quantization, float]] = set()
        self._written: set[int] = set()
        for call in graph.every():
            self._layer = call.layer
            before = self._times.setdefault(call.layer, 0.0)
            self._add(call)
            if self._times[call.layer] > before and not self._is_folded(call):
                self._bytes[call] = self._read_and_written(call)

    def microseconds(self, layer: Any) -> float:
        """Of all calls of a layer, without what is inside of it."""
        return self._times.get(layer, 0.0)

    def total(self) -> float:
        """Of all layers, and the start of a run."""
        return sum(self._times.values()) + self._model.invoke_microseconds

    def activation_bytes(self, layer: Any) -> int:
        """What its largest call reads and writes for all samples; 0 if no op is left of it."""
        return max((size for call, size in self._bytes.items() if call.layer is layer), default=0)

    def largest_activation_bytes(self) -> int:
        """Of all layers: as much memory must be there at once, beside the weights."""
        return max(self._bytes.values(), default=0)

    # ---- one call ----

    def _add(self, call: Call) -> None:
        layer = call.layer
        quantization = quantization_of(layer)
        if layer in self._deployments:
            self._kernel_ops(call, self._deployments[layer])
        elif self._graph.inside(call):
            if isinstance(layer, L.MultiHeadAttention):
                self._attention(call)
        elif not call.outputs or any(call.outputs[0] is one for one in call.inputs):
            pass  # nothing is left of a Dropout
        elif quantization is not None:
            self._quantizer(call, quantization)
        elif isinstance(layer, L.BatchNormalization):
            self._batch_norm(call)
        elif isinstance(layer, (GroupSum, *_MERGES)) or (_is_operation(layer) and _several(call)):
            self._merge(call)
        elif isinstance(layer, ActivationScale):
            self._activation_scale(call)
        else:
            self._float_layer(call)

    def _is_folded(self, call: Call) -> bool:
        """Whether what is left of a call is a part of another call's op."""
        origin = self._ours.get(id(call.outputs[0]))
        return origin is not None and origin is not call

    def _read_and_written(self, call: Call) -> int:
        deployment = self._deployments.get(call.layer)
        size = 0
        for number, tensor in enumerate(call.inputs):
            if deployment is not None and number == 0:
                bits = self._graph.activation_bits(call)
            elif quantization_of(call.layer) is None:
                bits = self._graph.packed_bits(call) or FLOAT_BITS
            else:
                bits = FLOAT_BITS
            size += _tensor_bytes(_shape(tensor, call.batch), bits)
        given = self._graph.packed_bits(call) or FLOAT_BITS
        for tensor in call.outputs:
            size += _tensor_bytes(_shape(tensor, call.batch), given)
        return size

    def _op(self, op: str, times: float = 1.0, **geometry: float) -> None:
        self._times[self._layer] += times * self._model.microseconds(op, **geometry)

    def _epilogue(self, kind: str, values: float, layer: Any = None) -> None:
        self._times[layer or self._layer] += self._model.epilogue_microseconds(kind, values)

    def _pass(self, kind: str, values: float, times: float = 1.0) -> None:
        """Element-wise ops."""
        if values:
            self._op(kind, times, values=values)

    # ---- our ops ----

    def _kernel_ops(self, call: Call, deployment: Deployment) -> None:
        source = call.inputs[0]
        for one in deployment.inputs:
            if one.quantization is not None:
                self._quantize(source, one.quantization, one.offset, call)
        bits = self._graph.activation_bits(call)
        bits = FLOAT_BITS if bits == FLOAT_BITS else bits // len(deployment.inputs)
        *taps, inputs, outputs = deployment.kernel_shape
        output = call.outputs[0]
        values = math.prod(call.output_shape)
        # One product for each tap, everywhere, of which slices are summed (quant_layers.taps).
        places = positions(call.input_shape if deployment.taps else call.output_shape)
        words = math.ceil(inputs / _WORD_BITS)
        count = deployment.op_count
        window = deployment.window
        groups = 1
        if window is None:
            count *= places
            op, geometry = f"binary_dense_{bits}", {"words": words, "outputs": outputs}
        else:
            geometry = {"taps": math.prod(taps), "positions": places}
            if window.groups == outputs:  # of one channel each
                op, geometry["channels"] = f"binary_depthwise_{bits}", outputs
            else:
                op, groups = f"binary_conv_{bits}", window.groups
                geometry |= {"words": words, "outputs": outputs // groups}
                geometry["strides"] = math.prod(window.strides)
        size = 4 * math.prod(taps) * words * outputs
        cold = self._model.cold_weights_microseconds(bits, size, self._all_weights)
        for _ in range(count):
            self._op(op, groups, **geometry)
            self._times[call.layer] += cold
        if deployment.op_count > 1:
            self._epilogue("addend", (deployment.op_count - 1) * values)
        if deployment.factors:
            # The sums of each tap are sliced, scaled and added (quant_layers.taps).
            steps = max(deployment.taps, 1)
            self._pass("scale", places * outputs)
            self._pass("add", values, steps)
        else:
            self._ours[id(output)] = call
        kinds = activation_kinds(deployment.activation)
        if (
            deployment.activation is not None
            and activation_name(deployment.activation) not in FUSED
        ):
            for kind in kinds:
                self._pass(kind, values)

    def _quantizer(self, call: Call, quantization: Quantization) -> None:
        self._quantize(call.inputs[0], quantization, 0.0, call)

    def _quantize(self, tensor: Any, quantization: Quantization, offset: float, call: Call) -> None:
        key = (id(tensor), quantization, offset)
        if key in self._packed:
            return  # equal quantizers of one tensor are one op in the file
        self._packed.add(key)
        shape = _shape(tensor, call.batch)
        values, bits = math.prod(shape), quantization.bits
        if quantization.before is not None or not quantization.packed:
            self._pass("simple", values, 5)  # multiply, round, minimum, ReLU, multiply
        if not quantization.packed:
            return
        foldable = quantization.before is None and not offset
        if id(tensor) in self._ours and foldable:
            readers = self._graph.readers_of(tensor)
            only = all(self._quantizes(reader) for reader in readers)
            first = id(tensor) not in self._written
            self._written.add(id(tensor))
            only = only and first
            pool = self._pools.get(id(tensor))
            if pool is not None:
                self._packed_pool(pool, bits)
                shape = _shape(pool.inputs[0], call.batch)
                values = math.prod(shape)
            self._epilogue(f"{'only_packed' if only else 'pack'}_{bits}", values)
            origin = self._ours[id(tensor)]
            if origin in self._bytes:
                floats = 4 * values if only else 0
                self._bytes[origin] += _packed_bytes(shape, bits) - floats
            return
        self._op(f"quantize_{bits}", channels=shape[-1], positions=values / shape[-1])

    def _quantizes(self, reader: Call) -> bool:
        """Whether a call reads its input quantized alone."""
        return self._quantization_read(reader) is not None

    def _quantization_read(self, reader: Call) -> Quantization | None:
        """What a call reads its input as, if the op that gives the input may quantize it."""
        deployment = self._deployments.get(reader.layer)
        if deployment is not None:
            quantization = deployment.inputs[0].quantization
        else:
            quantization = quantization_of(reader.layer)
        if quantization is None or not quantization.packed or quantization.before is not None:
            return None
        return quantization

    def _activation_scale(self, call: Call) -> None:
        layer = call.layer
        *_, channels = call.input_shape
        taps = math.prod(layer.kernel_size)
        read = positions(call.input_shape)
        if layer.mode == "xnor" and len(call.input_shape) == 4:
            geometry = {"taps": taps, "channels": channels, "strides": math.prod(layer.strides)}
            geometry["affine"] = int(id(call.inputs[0]) in self._affine)
            self._op("scale_map", **geometry, positions=positions(call.output_shape))
        else:
            self._pass("simple", read * channels)
            self._op("mean", channels=channels, positions=read)

    # ---- what may be folded ----

    def _batch_norm(self, call: Call) -> None:
        given, result = id(call.inputs[0]), id(call.outputs[0])
        readers = self._graph.readers_of(call.inputs[0])
        alone = len(readers) == 1
        if given in self._ours and alone:
            self._ours[result] = self._ours[given]
            return
        if given in self._float and alone:
            self._float.add(result)
            return
        following = self._graph.readers(call)
        if following and all(self._takes_vectors(reader) for reader in following):
            self._affine.add(result)
            # In front of a quantizer it is the quantizer's, which an op of ours may do itself.
            if given in self._ours:
                self._ours[result] = self._ours[given]
                if any(not self._quantizes(one) and one is not call for one in readers):
                    self._written.add(result)
            return
        values = math.prod(call.output_shape)
        self._pass("scale", values, 2)
        self._fuses.add(result)

    def _takes_vectors(self, reader: Call) -> bool:
        if isinstance(reader.layer, ActivationScale):
            return reader.layer.mode == "xnor"
        return self._quantizes(reader)

    def _merge(self, call: Call) -> None:
        """Sums and products of several tensors."""
        values = math.prod(call.output_shape)
        # What others read, too, its op must write: it is a map like any other.
        ours = [one for one in call.inputs if id(one) in self._ours and self._read_once(one)]
        maps = [one for one in call.inputs if math.prod(one.shape[1:]) * call.batch == values]
        more = max(len(call.inputs) - 1, 0)
        if ours and isinstance(call.layer, L.Multiply):
            # By one factor a place (XNOR-Net's scale), or by constants a channel.
            if len(maps) < len(call.inputs):
                self._epilogue("pixel_scale", values)
                self._ours[id(call.outputs[0])] = self._ours[id(ours[0])]
                return
        elif ours and isinstance(call.layer, (GroupSum, L.Add)):
            self._sum_of_ours(call, ours, values)
            return
        if len(maps) == len(call.inputs):
            self._pass("add", values, more)
        else:
            self._pass("scale", values, more)
        if more:
            self._fuses.add(id(call.outputs[0]))

    def _read_once(self, tensor: Any) -> bool:
        return len(self._graph.readers_of(tensor)) == 1

    def _sum_of_ours(self, call: Call, ours: Sequence[Any], values: int) -> None:
        """Each op but the first adds what the one before it gave, and one each other tensor.

        A tensor that several terms add, as the skip of all bases, is added once to all of them.
        """
        result = id(call.outputs[0])
        added: dict[int, Any] = {}
        for tensor in ours:
            for other, layer in self._addends.get(id(tensor), {}).items():
                if other in added:
                    self._epilogue("addend", -values, layer)
                else:
                    added[other] = layer
        self._epilogue("addend", (len(call.inputs) - 1) * values)
        chain = {id(tensor) for tensor in ours}
        added |= {id(tensor): call.layer for tensor in call.inputs if id(tensor) not in chain}
        self._addends[result] = added
        # The last of the ops adds what the others gave.
        self._ours[result] = self._ours[id(ours[-1])]
        self._summed.add(result)

    # ---- float layers ----

    def _float_layer(self, call: Call) -> None:
        layer, given = call.layer, id(call.inputs[0]) if call.inputs else 0
        values = math.prod(call.output_shape)
        bits = self._graph.packed_bits(call)
        if bits is not None:
            if isinstance(layer, L.MaxPooling2D):
                self._packed_pool(call, bits)
            return
        if isinstance(layer, L.MaxPooling2D) and self._swaps(call):
            # quantize(max(x)) = max(quantize(x)): the pool comes behind the op that packs.
            self._ours[id(call.outputs[0])] = self._ours[given]
            self._pools[id(call.outputs[0])] = call
            return
        if isinstance(layer, (L.ReLU, L.Activation)) and (
            given in self._ours or given in self._float | self._fuses
        ):
            name = "relu" if isinstance(layer, L.ReLU) else activation_name(layer.activation)
            fused = name in FUSED and given not in self._summed
            if fused and self._read_once(call.inputs[0]):
                result = id(call.outputs[0])
                if given in self._ours:
                    self._ours[result] = self._ours[given]
                return
        macs = 0
        if not _is_operation(layer):
            macs = multiply_accumulates(layer, call.input_shape, call.output_shape)
        if isinstance(layer, (L.SeparableConv1D, L.SeparableConv2D)):
            self._separable(call)
        elif isinstance(layer, L.RNN):
            self._recurrent(call, macs)
        elif macs:
            if isinstance(layer, ChannelScale):
                self._mean(call.input_shape)
            self._products(call, macs)
            self._float.add(id(call.outputs[0]))
        elif isinstance(layer, _POOLS):
            taps = math.prod(layer.pool_size)
            *_, channels = call.output_shape
            self._op("pool", taps=taps, channels=channels, positions=values / channels)
        elif isinstance(layer, _MEANS):
            self._mean(call.input_shape)
        elif isinstance(layer, _NORMALIZATIONS):
            # Two means, of the values and of their squares; subtract, square, two scales, shift;
            # groups are brought to an axis of their own and back.
            *_, channels = call.input_shape
            self._op("mean", 2, channels=channels, positions=values / channels)
            self._pass("scale", values, 7 if isinstance(layer, L.GroupNormalization) else 5)
        elif isinstance(layer, L.Permute):
            self._pass("transpose", values)
        elif isinstance(layer, _COPIES):
            self._pass("simple", values)
        elif not isinstance(layer, _NOTHING):
            self._elementwise(call, values)
        if macs and activation_name(getattr(layer, "activation", None)) not in FUSED:
            for kind in activation_kinds(getattr(layer, "activation", None)):
                self._pass(kind, values)

    def _mean(self, shape: Sequence[int]) -> None:
        """Means over all positions of maps."""
        *_, channels = shape
        self._op("mean", channels=channels, positions=math.prod(shape) / channels)

    def _swaps(self, pool: Call) -> bool:
        """Whether a pool between an op of ours and a quantizer becomes one of packed values."""
        alone = self._read_once(pool.inputs[0])
        readers = self._graph.readers(pool)
        kinds = {self._quantization_read(reader) for reader in readers}
        return id(pool.inputs[0]) in self._ours and alone and len(kinds) == 1 and None not in kinds

    def _elementwise(self, call: Call, values: int) -> None:
        layer = call.layer
        read = max([values, *(_values(one, call.batch) for one in call.inputs)])
        if isinstance(layer, L.Activation):
            kinds = activation_kinds(layer.activation)
        else:
            kinds = operation_kinds(type(layer))
        for kind in kinds:
            self._pass(kind, read)

    def _products(self, call: Call, macs: int) -> None:
        """Convolutions and matrix products with float weights, whatever their class."""
        layer = call.layer
        *_, outputs = call.output_shape
        places = positions(call.output_shape)
        if isinstance(layer, _DEPTHWISE):
            taps = math.prod(layer.kernel_size)
            self._op("depthwise", taps=taps, channels=outputs, positions=places)
            return
        taps, groups = 1, 1
        if isinstance(layer, _CONVS):
            taps, groups = math.prod(layer.kernel_size), layer.groups
        if places == 1 and taps == 1:
            self._op("dense", inputs=macs / outputs, outputs=outputs)
            return
        geometry = {"taps": taps, "inputs": macs / (places * outputs * taps), "positions": places}
        self._op("conv", groups, outputs=outputs / groups, **geometry)

    def _separable(self, call: Call) -> None:
        *_, outputs = call.output_shape
        places = positions(call.output_shape)
        taps = math.prod(call.layer.kernel_size)
        channels = call.input_shape[-1] * call.layer.depth_multiplier
        self._op("depthwise", taps=taps, channels=channels, positions=places)
        self._op("conv", taps=1, inputs=channels, outputs=outputs, positions=places)
        self._float.add(id(call.outputs[0]))

    def _packed_pool(self, call: Call, bits: int) -> None:
        *_, channels = call.output_shape
        self._op(
            f"packed_pool_{bits}",
            taps=math.prod(call.layer.pool_size),
            words=math.ceil(channels / _WORD_BITS),
            positions=positions(call.output_shape),
        )

    def _recurrent(self, call: Call, macs: int) -> None:
        """A loop: products with the kernels and about ten element-wise ops in each step."""
        steps, batch = call.input_shape[1], call.batch
        kernels = [one for one in call.layer.weights if one.name.endswith("kernel")]
        columns = max((one.shape[-1] for one in kernels), default=1)
        each = macs / (steps * batch * columns)
        self._op("dense", steps * batch, inputs=each, outputs=columns)
        self._pass("logistic", columns, steps * batch)
        self._pass("add", columns, 10 * steps * batch)

    def _attention(self, call: Call) -> None:
        """The two products of activations; the projections are layers inside."""
        layer = call.layer
        batch, queries, *_ = call.input_shape
        keys = call.inputs[1].shape[1] if len(call.inputs) > 1 else queries
        heads, depth = layer.num_heads, layer.key_dim
        geometry = {"inputs": depth, "outputs": keys, "positions": queries}
        self._op("matmul", batch * heads, **geometry)
        geometry = {"inputs": keys, "outputs": layer.value_dim, "positions": queries}
        self._op("matmul", batch * heads, **geometry)
        self._pass("transpose", batch * queries * heads * depth, 4)


def _is_operation(layer: Any) -> bool:
    return not isinstance(layer, L.Layer)


def _several(call: Call) -> bool:
    return len(call.inputs) > 1


def _shape(tensor: Any, batch: int) -> tuple[int, ...]:
    """A tensor's shape; 1 for an extent that depends on values."""
    first, *rest = tensor.shape or (1,)
    return (batch if first is None else first, *(1 if size is None else size for size in rest))


def _values(tensor: Any, batch: int) -> int:
    return math.prod(_shape(tensor, batch))


def _packed_bytes(shape: Sequence[int], bits: int) -> int:
    *outer, channels = shape
    return 4 * math.prod(outer) * bits * math.ceil(channels / _WORD_BITS)


def _tensor_bytes(shape: Sequence[int], bits: int) -> int:
    return 4 * math.prod(shape) if bits == FLOAT_BITS else _packed_bytes(shape, bits)
