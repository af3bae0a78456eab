"""Which call reads what another one gives: the bits that layers read, and copies of groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras

from keras_groupnet.deployment.calls import Call
from keras_groupnet.deployment.describe import Deployment
from keras_groupnet.deployment.quantization import (
    NotBinary,
    Quantization,
    describe_quantizer,
    quantizer_of,
)
from keras_groupnet.deployment.same_padding import same_padding
from keras_groupnet.layers import GroupSum

FLOAT_BITS = 32


@dataclasses.dataclass(frozen=True)
class _Packed:
    """What is known of a tensor that the file holds packed.

    Attributes:
        bits: of one value.
        pooled: whether a max pooling stands behind the quantizer.
        reshaped: whether its axes are others than the quantizer's.
    """

    bits: int
    pooled: bool = False
    reshaped: bool = False


class ModelGraph:
    """The calls of a model, by the tensors that go between them.

    Args:
        calls: the outermost calls, see `record_calls`.
        deployments: of the layers that are binary in the file.
    """

    def __init__(self, calls: Sequence[Call], deployments: dict[Any, Deployment]):
        self._calls = list(calls)
        self._deployments = deployments
        self._readers: dict[int, list[Call]] = {}
        self._producers: dict[int, list[Call]] = {}
        for call in self.every():
            for tensor in call.inputs:
                self._readers.setdefault(id(tensor), []).append(call)
            for tensor in call.outputs:
                self._producers.setdefault(id(tensor), []).append(call)
        self._packed: dict[int, _Packed] = {}
        for call in self.every():
            packed = self._gives(call)
            if packed is not None:
                self._packed[id(call.outputs[0])] = packed

    def every(self) -> Iterator[Call]:
        """All calls, those inside of a call before it; nothing inside of binary layers."""
        return self._walk(self._calls)

    def inside(self, call: Call) -> tuple[Call, ...]:
        """The calls inside of a call, but for binary layers."""
        return () if call.layer in self._deployments else call.inner

    def readers(self, call: Call) -> list[Call]:
        """The innermost calls that read the first output of a call."""
        return self.readers_of(call.outputs[0])

    def readers_of(self, tensor: Any) -> list[Call]:
        """The innermost calls that read a tensor."""
        readers = self._readers.get(id(tensor), [])
        return [reader for reader in readers if not self.inside(reader)]

    def is_packed(self, call: Call) -> bool:
        """Whether the first output of a call is packed in the file."""
        return id(call.outputs[0]) in self._packed

    def packed_bits(self, call: Call) -> int | None:
        """Bits of the first output of a call where it is packed in the file; else None."""
        packed = self._packed.get(id(call.outputs[0]))
        return None if packed is None else packed.bits

    def activation_bits(self, call: Call) -> int:
        """Bits of the values that the ops of a binary layer read in the converted file.

        An op reads packed values if its layer quantizes them, or if its input comes from a
        quantizer directly, through max poolings, nearest up-sampling, concatenations of such values
        or zeros that the op pads with itself, or through a `Flatten` or `Reshape` that only binary
        layers read. Everything else in between (sums, means) makes the op read floats, as the
        report of `convert` says.
        """
        deployment = self._deployments[call.layer]
        packed = self._packed.get(id(call.inputs[0]))
        return deployment.read_bits(FLOAT_BITS if packed is None else packed.bits)

    def bases(self) -> dict[Any, int]:
        """Layer -> in how many copies it exists: K if it leads to one base of a sum only."""
        copies = dict.fromkeys((call.layer for call in self.every()), 1)
        for group in self.every():
            if not isinstance(group.layer, GroupSum):
                continue
            branches = [self._ancestors(tensor) for tensor in group.inputs]
            seen: dict[Any, int] = {}
            for layer in (layer for branch in branches for layer in branch):
                seen[layer] = seen.get(layer, 0) + 1
            for layer, count in seen.items():
                if count == 1:
                    copies[layer] *= len(branches)
        return copies

    def _walk(self, calls: Iterable[Call]) -> Iterator[Call]:
        for call in calls:
            yield from self._walk(self.inside(call))
            yield call

    def _ancestors(self, tensor: Any) -> set[Any]:
        """The layers that have a part in a tensor."""
        waiting = list(self._producers.get(id(tensor), []))
        seen: set[Call] = set()
        while waiting:
            call = waiting.pop()
            if call not in seen:
                seen.add(call)
                waiting += self.inside(call)
                waiting += [
                    one for read in call.inputs for one in self._producers.get(id(read), [])
                ]
        return {call.layer for call in seen}

    def _reads_packed(self, call: Call) -> bool:
        """Whether a call is that of a binary layer that does not quantize by itself."""
        deployment = self._deployments.get(call.layer)
        return deployment is not None and deployment.input_bits is None

    def _gives(self, call: Call) -> _Packed | None:
        """What the output of a call is packed as, if it is."""
        if not call.inputs or not call.outputs:
            return None
        quantization = quantization_of(call.layer)
        if quantization is not None:
            return _Packed(quantization.bits) if quantization.packed else None
        given = self._packed.get(id(call.inputs[0]))
        if given is None:
            return None
        if isinstance(call.layer, keras.layers.MaxPooling2D):
            last = call.layer.data_format == "channels_last"
            return dataclasses.replace(given, pooled=True) if last and not given.reshaped else None
        if isinstance(call.layer, (keras.layers.Flatten, keras.layers.Reshape)):
            if call.inputs[0].shape == call.outputs[0].shape:
                return given
            if given.pooled or not all(map(self._reads_packed, self.readers(call))):
                return None
            return dataclasses.replace(given, reshaped=True)
        if isinstance(call.layer, keras.layers.UpSampling2D):
            nearest = call.layer.interpolation == "nearest"
            return dataclasses.replace(given, reshaped=True) if nearest else None
        if isinstance(call.layer, keras.layers.Concatenate):
            others = [self._packed.get(id(tensor)) for tensor in call.inputs]
            same = all(other is not None and other.bits == given.bits for other in others)
            return dataclasses.replace(given, reshaped=True) if same else None
        if isinstance(call.layer, keras.layers.ZeroPadding2D):
            folds = given.bits > 1 or all(self._pads_so(one, call) for one in self.readers(call))
            return dataclasses.replace(given, reshaped=True) if folds else None
        return None

    def _pads_so(self, reader: Call, padding: Call) -> bool:
        """Whether a convolution would pad with the same zeros if it had the padding "same"."""
        deployment = self._deployments.get(reader.layer)
        if deployment is None or deployment.window is None or deployment.window.padding != "valid":
            return False
        window = deployment.window
        for axis in range(2):
            size, stride = padding.inputs[0].shape[1 + axis], window.strides[axis]
            if size is None and stride > 1:
                return False
            kernel, dilation = deployment.kernel_shape[axis], window.dilation[axis]
            edges = same_padding(size or 1, kernel, stride, dilation)
            if tuple(padding.layer.padding[axis]) != edges:
                return False
        return True


def quantization_of(layer: Any) -> Quantization | None:
    """What a layer that only quantizes does; None for any other, and for unknown quantizers."""
    quantizer = quantizer_of(layer)
    try:
        return None if quantizer is None else describe_quantizer(quantizer)
    except NotBinary:
        return None
