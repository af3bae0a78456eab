"""A Keras model as a `Network`, told by the tensors that go between its calls, not by names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_groupnet.deployment.calls import Call, record_calls
from keras_groupnet.deployment.describe import binary_deployment
from keras_groupnet.deployment.layer_tree import layer_tree, own_kernels
from keras_groupnet.deployment.model_graph import ModelGraph
from keras_groupnet.deployment.quantization import quantizer_of
from keras_groupnet.drawing.network import (
    BINARY,
    FLOAT,
    INPUT,
    JOIN,
    LIGHT,
    SUM,
    Network,
    Node,
)
from keras_groupnet.layers import ActivationScale, GroupSum

_JOINS = {"add": "+", "subtract": "−", "multiply": "×", "concatenate": "concat", "average": "mean"}
_SHORT = {
    "BatchNormalization": "BN",
    "LayerNormalization": "LN",
    "GlobalAveragePooling2D": "mean pool",
    "GlobalMaxPooling2D": "max pool",
    "MaxPooling2D": "max pool",
    "AveragePooling2D": "mean pool",
    "ZeroPadding2D": "pad",
    "ActivationScale": "scale",
}
# The size that stands for one that a model leaves open: its numbers are not drawn.
_OPEN = 224


def keras_network(model: keras.Model, input_shape: Sequence[Any] | None = None) -> Network:
    """Finds the nodes of a model.

    Models and layers inside of the model are opened; a layer that computes between its inner layers
    by functions, whose tensors nobody sees, is one node.

    Args:
        model: any built model.
        input_shape: without the batch, for subclassed models; a list of shapes for several inputs.

    Raises:
        ValueError: the model is not built, or is subclassed and the shape is missing.
    """
    opened = None if input_shape is not None else _closed_shapes(model)
    tree = layer_tree(model) if isinstance(model, keras.Model) else {}
    deployments = {x: found for x in tree if (found := binary_deployment(x)) is not None}
    opaque = {*deployments, *(layer for layer in tree if isinstance(layer, keras.layers.RNN))}
    calls = record_calls(model, opened or input_shape, opaque)
    graph = ModelGraph(calls, deployments)
    return _Builder(graph, own_kernels(tree), deployments, hide_sizes=opened is not None).network(
        calls[0], model
    )


def _closed_shapes(model: Any) -> list[tuple[int, ...]] | None:
    """Input shapes with a size for each that the model leaves open; None if it leaves none."""
    flat = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if not any(None in tensor.shape[1:] for tensor in flat):
        return None
    return [tuple(extent or _OPEN for extent in tensor.shape[1:]) for tensor in flat]


class _Builder:
    def __init__(self, graph: ModelGraph, kernels: dict, deployments: dict, hide_sizes: bool):
        self._graph = graph
        self._kernels = kernels
        self._deployments = deployments
        self._hide_sizes = hide_sizes
        self._nodes: list[Node] = []
        self._made: dict[int, Node] = {}

    def network(self, outermost: Call, model: keras.Model) -> Network:
        names = {
            id(layer.output): layer.name
            for layer in model.layers
            if isinstance(layer, keras.layers.InputLayer)
        }
        given = keras.tree.flatten(getattr(model, "inputs", None) or [])
        for number, tensor in enumerate(outermost.inputs):
            own = given[number] if number < len(given) else tensor
            name = names.get(id(own), "input")
            node = Node(name, "input", INPUT, shape=tuple(own.shape[1:]))
            self._nodes.append(node)
            self._made[id(tensor)] = node
        self._add(outermost)
        return Network(model.name, self._nodes)

    def _add(self, call: Call) -> None:
        if not call.outputs or any(call.outputs[0] is one for one in call.inputs):
            return  # nothing is left of a Dropout
        inner = self._graph.inside(call)
        if inner and (isinstance(call.layer, keras.Model) or self._is_connected(call)):
            for one in inner:
                self._add(one)
            for tensor in call.outputs:  # made by a function behind the last call
                if id(tensor) not in self._made and self._nodes:
                    self._made[id(tensor)] = self._nodes[-1]
            return
        node = self._node(call)
        self._nodes.append(node)
        for tensor in call.outputs:
            self._made[id(tensor)] = node

    def _is_connected(self, call: Call) -> bool:
        """Whether every tensor inside of a call is one that a call has made."""
        known = {*self._made, *map(id, call.inputs)}
        for one in self._graph.inside(call):
            if not one.inputs or any(id(tensor) not in known for tensor in one.inputs):
                return False
            known |= set(map(id, one.outputs))
        return all(id(tensor) in known for tensor in call.outputs)

    def _node(self, call: Call) -> Node:
        layer = call.layer
        reads = tuple(dict.fromkeys(x for tensor in call.inputs for x in self._makers(tensor)))
        kernels = layer in self._kernels or any(one.layer in self._kernels for one in _all(call))
        binary = self._binary_calls(call)
        kind, text, bits = LIGHT, _light_text(layer), ""
        if binary:
            kind, text = BINARY, _kernel_text(layer, call)
            bits = " ".join(sorted({self._bits(one) for one in binary}))
        elif kernels:
            kind, text, bits = FLOAT, _kernel_text(layer, call), "float"
        elif isinstance(layer, GroupSum) and len(reads) > 1:
            kind, text = SUM, "Σ"
        elif len(reads) > 1:
            # The scale of an activation is part of its layer, not a branch.
            beside = [one for one in reads if one.text == _SHORT[ActivationScale.__name__]]
            if beside and len(reads) - len(beside) == 1:
                reads = tuple(one for one in reads if one not in beside)
                self._nodes = [one for one in self._nodes if one not in beside]
                text = "× scale"
            else:
                name = type(layer).__name__
                kind, text = JOIN, _JOINS.get(name.lower(), name)
        return Node(call.name, text, kind, bits, self._shape(call.outputs[0]), reads)

    def _makers(self, tensor: Any) -> list[Node]:
        """Whose result a tensor is; for that of an unseen function, what nobody has read yet."""
        if id(tensor) in self._made:
            return [self._made[id(tensor)]]
        read = {one for node in self._nodes for one in node.reads}
        return [node for node in self._nodes if node not in read] or self._nodes[-1:]

    def _binary_calls(self, call: Call) -> list[Call]:
        return [one for one in (call, *_all(call)) if one.layer in self._deployments]

    def _bits(self, call: Call) -> str:
        weights = self._deployments[call.layer].kernel_count
        return f"W{weights}A{self._graph.activation_bits(call)}"

    def _shape(self, tensor: Any) -> tuple[int | None, ...]:
        *sizes, channels = tensor.shape[1:] or (None,)
        return (*(None if self._hide_sizes else size for size in sizes), channels)


def _all(call: Call) -> list[Call]:
    return [found for one in call.inner for found in (one, *_all(one))]


def _kernel_text(layer: Any, call: Call) -> str:
    name = type(layer).__name__
    channels = call.outputs[0].shape[-1]
    if len(getattr(layer, "kernel_size", ())) == 0:
        kind = "dense" if name.endswith("Dense") else name
        return f"{kind} {channels}"
    kind = "dw conv" if "Depthwise" in name else "conv" if name.endswith("Conv2D") else name
    text = f"{kind} {'×'.join(map(str, layer.kernel_size))}, {channels}"
    strides = tuple(getattr(layer, "strides", ()))
    groups = getattr(layer, "groups", 1)
    text += f", {groups} groups" if groups > 1 else ""
    if any(stride > 1 for stride in strides):
        text += f" /{strides[0] if len(set(strides)) == 1 else '×'.join(map(str, strides))}"
    return text


def _light_text(layer: Any) -> str:
    quantizer = quantizer_of(layer)
    if quantizer is not None:
        bits = getattr(quantizer, "precision", 1)
        return "sign" if bits == 1 else f"{bits} bits"
    name = type(layer).__name__
    if isinstance(layer, keras.layers.Activation):
        return getattr(layer.activation, "__name__", name)
    if isinstance(layer, (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)):
        return f"{_SHORT[name]} {layer.pool_size[0]}×{layer.pool_size[1]}"
    return _SHORT.get(name, name)
