"""Builds the low-bit network that a plan describes."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_groupnet.expansion.copies import Copies
from keras_groupnet.expansion.graph import Node, Tensor
from keras_groupnet.expansion.roles import NORMALIZATIONS, is_activation, only_reader
from keras_groupnet.expansion.site import Group, Site
from keras_groupnet.expansion.statistics import expected_statistics
from keras_groupnet.structure.block_style import FloatInput, QuantizedInput
from keras_groupnet.structure.blocks import batch_norm
from keras_groupnet.structure.scope import Scope
from keras_groupnet.structure.transfer import start_kernel


def build(site: Site, scope: Scope, noise: float, name: str | None) -> keras.Model:
    """The low-bit network of a model.

    Args:
        site: of the model.
        scope: with the seed.
        noise: of kernels, as in `transfer_weights`; a single base gets none.
        name: of the network; None for that of the model.
    """
    with _default_policy(site):
        return _Builder(site, scope, noise, Copies(noise), {}).model(name or site.place.model.name)


# The values of tensors; in a base, those of the base in front of those outside.
_Values = collections.ChainMap[Any, Any]


@dataclasses.dataclass(frozen=True)
class _Normalized:
    """Key of the normalized tensor in front of the activation that makes `tensor`, if any."""

    tensor: Tensor


class _Builder:
    """Builds one place."""

    def __init__(
        self, site: Site, scope: Scope, noise: float, copies: Copies, units: dict[int, keras.Model]
    ):
        self._site = site
        self._scope = scope
        self._noise = noise
        self._copies = copies
        self._units = units
        self._sources: dict[Any, Any] = {}
        self._names = {node.name for node in site.place.graph.nodes}
        # Name of each low-bit layer -> the kernel that it starts with, and whether others start
        # with the same. Name of each new batch norm behind one -> beta, moving mean and variance.
        self._kernels: dict[str, tuple[np.ndarray, bool]] = {}
        self._norms: dict[str, tuple[Any, Any, Any]] = {}

    def model(self, name: str) -> keras.Model:
        """The low-bit network, with its weights."""
        graph = self._site.place.graph
        values: _Values = collections.ChainMap({})
        groups = {group.nodes[0]: group for group in self._site.groups}
        done: set[int] = set()
        for node in graph.nodes:
            if node.index in done:
                continue
            if node.index in groups:
                self._group(groups[node.index], values)
                done.update(groups[node.index].nodes)
            else:
                self._node(node, values, self._scope, self._site.style)

        def read(structure: Any) -> Any:
            return keras.tree.map_structure(values.__getitem__, structure)

        model = keras.Model(read(graph.inputs), read(graph.outputs), name=name)
        for layer, (kernel, several) in self._kernels.items():
            noise = self._noise if several else 0.0
            start_kernel(model.get_layer(layer), kernel, noise, self._scope.seed)
        for layer, (beta, mean, variance) in self._norms.items():
            norm = model.get_layer(layer)
            norm.beta.assign(beta)
            norm.moving_mean.assign(mean)
            norm.moving_variance.assign(variance)
        return model

    def _group(self, group: Group, values: _Values) -> None:
        """`sum_i lambda_i H_i(x)`, Eq. 5 and 6 of Group-Net: H_i is a copy of the nodes."""
        nodes = self._site.place.graph.nodes
        last = nodes[group.nodes[-1]]
        output = Tensor(last.index, 0, ())
        bases = []
        for number in range(1, group.bases + 1):
            own = values.new_child()
            for index in group.nodes:
                self._node(
                    nodes[index], own, self._scope.in_base(number), group.style, group.bases > 1
                )
            bases.append(own[output])
        values[output] = group.style.group_sum(last.name)(bases)

    def _node(
        self, node: Node, values: _Values, scope: Scope, style: Any, several: bool = False
    ) -> None:
        floats = style.weight_bits == style.activation_bits == 32
        if node.index in self._site.parts and not floats:
            outputs: Any = self._low_bit(node, values, scope, style, several)
        else:
            outputs = self._copy(node, values, scope, several)
        for number, output in enumerate(keras.tree.flatten(outputs)):
            values[Tensor(node.index, number, ())] = output
        if isinstance(node.operation, NORMALIZATIONS):
            tensor = Tensor(node.index, 0, ())
            values[_Normalized(tensor)] = values[tensor]

    def _copy(self, node: Node, values: _Values, scope: Scope, several: bool) -> Any:
        """The outputs of a copy of a node's operation."""
        args, kwargs = keras.tree.map_structure(
            lambda leaf: values[leaf] if isinstance(leaf, Tensor) else leaf,
            (node.args, node.kwargs),
        )
        key = id(node.operation)
        if key in self._site.units:
            if key not in self._units:
                inside = _Builder(
                    self._site.units[key], self._scope, self._noise, self._copies, self._units
                )
                self._units[key] = inside.model(node.name)
            return self._units[key](*args, **kwargs)
        noisy = several and node.index in self._site.parts
        return self._copies.call(node.operation, node.name, scope, noisy, args, kwargs)

    def _low_bit(self, node: Node, values: _Values, scope: Scope, style: Any, several: bool) -> Any:
        """The low-bit version of a layer; where each is a sum of copies, that sum (Eq. 3)."""
        part = self._site.parts[node.index]
        source = self._source(node, values, scope, style)
        count = self._site.copies
        scopes = [scope] if count is None else [scope.in_base(i + 1) for i in range(count)]
        outputs = []
        for own in scopes:
            outputs.append(style.connect(source, part.layer, own))
            self._kernels[own.name(node.name)] = (part.kernel, several or len(scopes) > 1)
        x = outputs[0]
        if count is not None:
            x = style.group_sum(scope.name(f"{node.name}_sum"))(outputs)
        x = self._normalized(x, node, scope, style, values)
        if len(node.inputs[0].shape) == 3:
            name = scope.name(f"{node.name}_sequence")
            x = keras.layers.Reshape((-1, x.shape[-1]), name=name)(x)
        if not _is_linear(node.operation):
            name = scope.name(f"{node.name}_activation")
            x = keras.layers.Activation(node.operation.activation, name=name)(x)
        return x

    def _normalized(self, x: Any, node: Node, scope: Scope, style: Any, values: _Values) -> Any:
        """Sums of signs have other sizes than those of floats, so they are normalized.

        A batch norm that follows anyway takes the bias, too: with `m` its moving mean,
        `(y + b) - m = y - (m - b)`.
        """
        part = self._site.parts[node.index]
        bias = 0.0 if part.bias is None else part.bias
        mean, variance = expected_statistics(part.weights_per_output, style)
        reader = only_reader(self._site.place.graph, node) if _is_linear(node.operation) else None
        norm = None if reader is None else reader.operation
        if isinstance(norm, keras.layers.BatchNormalization) and _is_of_channels(norm):
            if style.activation_bits == 32:  # it reads what it reads in the parent
                mean, variance = norm.moving_mean - bias, norm.moving_variance
            self._copies.start_with(norm, mean, variance)
            return x
        if isinstance(norm, NORMALIZATIONS) and part.bias is None:
            return x
        name = self._unique(scope.name(f"{node.name}_bn"))
        x = batch_norm(x, name)
        self._norms[name] = (np.broadcast_to(bias, mean.shape), mean, variance)
        values[_Normalized(Tensor(node.index, 0, ()))] = x
        return x

    def _source(self, node: Node, values: _Values, scope: Scope, style: Any) -> Any:
        """What a low-bit layer reads.

        The quantizer is the non-linearity in front of the layer, so that an activation there is
        left out: signs of the outputs of a ReLU would all be +1. What is quantized is normalized
        first (Algorithm 1 of Group-Net), and padded, if zero padding stands there, with the zeros
        that become +1 or the code 0.
        """
        tensor = node.inputs[0]
        if style.activation_bits == 32:
            return FloatInput(self._as_map(values[tensor], node, scope))
        padding: list[Node] = []
        nodes = self._site.place.graph.nodes
        while True:
            maker = nodes[tensor.node]
            padded = type(maker.operation) is keras.layers.ZeroPadding2D
            if not (padded or is_activation(maker.operation)) or maker.inputs[0] not in values:
                break
            if padded:
                padding.insert(0, maker)
            tensor = maker.inputs[0]
        inside = tensor in values.maps[0]
        key = (tensor, tuple(one.index for one in padding), scope if inside else None, id(style))
        if key not in self._sources:
            home = scope if inside else self._scope
            name = home.name(node.name)
            x = values.get(_Normalized(tensor))
            if x is None:
                x = batch_norm(values[tensor], self._unique(f"{name}_input_bn"))
            for pad in padding:
                layer = keras.layers.ZeroPadding2D(pad.operation.padding, name=f"{name}_{pad.name}")
                x = layer(x)
            x = self._as_map(x, node, home)
            self._sources[key] = QuantizedInput(x, style, name, normalize=False)
        return self._sources[key]

    def _unique(self, name: str) -> str:
        """The name, with a number behind it if the model has it already."""
        result, number = name, 1
        while result in self._names:
            number += 1
            result = f"{name}_{number}"
        self._names.add(result)
        return result

    def _as_map(self, x: Any, node: Node, scope: Scope) -> Any:
        """A sequence `(N, T, C)` as a map `(N, T, 1, C)`, which convolutions read."""
        layer = self._site.parts[node.index].layer
        if len(x.shape) != 3 or not layer.kernel_size:
            return x
        name = self._unique(scope.name(f"{node.name}_map"))
        return keras.layers.Reshape((-1, 1, x.shape[-1]), name=name)(x)


def _is_of_channels(norm: keras.layers.BatchNormalization) -> bool:
    """Whether a batch norm has statistics for each channel, the last axis."""
    return norm.axis in (-1, norm.input_spec.ndim - 1)


def _is_linear(layer: keras.layers.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    return activation is None or activation is keras.activations.linear


@contextlib.contextmanager
def _default_policy(site: Site) -> Iterator[None]:
    """New layers compute with the precision of those that they replace."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(next(_policies(site), before))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _policies(site: Site) -> Iterator[Any]:
    for index in site.parts:
        yield site.place.graph.nodes[index].operation.dtype_policy
    for unit in site.units.values():
        yield from _policies(unit)
