"""The calls that a functional model is made of, as a graph, read from the model's own config.

Keras tells the graph of a functional model in `get_config()`, arguments and all. Nested models that
are called once are opened: their calls stand among those of the model around them. A separable
convolution is the two convolutions that it consists of.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from keras_groupnet.expansion.separable import split

Shape = tuple[int | None, ...]


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of the graph.

    Attributes:
        node: index of the node that makes it.
        output: which of its outputs.
        shape: with the batch.
    """

    node: int
    output: int
    shape: Shape = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """One call.

    Attributes:
        index: in `Graph.nodes`.
        operation: a layer, or an operation of `keras.ops`; of an input, its `InputLayer`.
        name: of the operation, unique among operations.
        args: of the call, with `Tensor`s.
        kwargs: of the call, with `Tensor`s.
        inputs: the tensors in both, in order.
        part_of: the layer of the model: the operation itself, or one that it is a part of.
    """

    index: int
    operation: Any
    name: str
    args: Any
    kwargs: Any
    inputs: tuple[Tensor, ...]
    part_of: Any


@dataclasses.dataclass(frozen=True)
class Graph:
    """A model as calls.

    Attributes:
        nodes: in an order in which they can be run.
        inputs: nested as the model's, of `Tensor`s.
        outputs: nested as the model's, of `Tensor`s.
        readers: for each node, the indices of those that read its outputs.
    """

    nodes: tuple[Node, ...]
    inputs: Any
    outputs: Any
    readers: tuple[tuple[int, ...], ...]

    @property
    def output_nodes(self) -> set[int]:
        """Indices of the nodes whose outputs are those of the model."""
        return {tensor.node for tensor in keras.tree.flatten(self.outputs)}


def read_graph(model: keras.Model) -> Graph:
    """The graph of a functional or Sequential model.

    Raises:
        ValueError: if the model is neither, is not built, or computes something else than the graph
            of its layers.
    """
    if not is_functional(model):
        raise ValueError(
            "Expected a functional or Sequential Keras model that is built: its layers must be a "
            "graph that can be read. Rebuild a subclassed model with the functional API, or expand "
            "the functional models inside of it one by one. "
            f"Received: model={model!r}"
        )
    reader = _Reader(model)
    inputs = [reader.add_input(layer) for layer in _input_layers(model)]
    outputs = reader.read(model, inputs)
    nodes = tuple(reader.nodes)
    readers: list[list[int]] = [[] for _ in nodes]
    for node in nodes:
        for index in dict.fromkeys(tensor.node for tensor in node.inputs):
            readers[index].append(node.index)
    return Graph(
        nodes,
        keras.tree.pack_sequence_as(_structure(model, "input"), inputs),
        keras.tree.pack_sequence_as(_structure(model, "output"), outputs),
        tuple(map(tuple, readers)),
    )


def is_functional(model: Any) -> bool:
    """Whether a model is a graph of layers and computes just that."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        return False
    return isinstance(model, keras.Sequential) or type(model).call is type(_functional(model)).call


def _functional(model: keras.Model) -> keras.Model:
    """The same graph as a plain functional model, whose config tells it."""
    return keras.Model(model.inputs, model.outputs)


def _structure(model: keras.Model, side: str) -> Any:
    if isinstance(model, keras.Sequential):  # its tensors, but not its nesting, are those of layers
        return getattr(model, f"{side}s")[0]
    return getattr(model, side)


def _input_layers(model: keras.Model) -> list[keras.layers.Layer]:
    plain = _functional(model)
    return [plain.get_layer(name) for name, *_ in _histories(plain.get_config()["input_layers"])]


def _histories(value: Any) -> list[tuple[str, int, int]]:
    """`[name, node, output]` lists, however they are nested."""
    if isinstance(value, dict):
        value = list(value.values())
    if value and isinstance(value[0], str):
        return [tuple(value)]
    return [history for one in value for history in _histories(one)]


class _Reader:
    """Collects nodes."""

    def __init__(self, model: keras.Model):
        self.nodes: list[Node] = []
        self._names: dict[int, str] = {}
        self._split: dict[int, tuple[keras.layers.Layer, keras.layers.Layer]] = {}
        self._counts = _call_counts(model)

    def add_input(self, layer: keras.layers.Layer) -> Tensor:
        """A node for an input of the model."""
        index = self._add(layer, layer.name, [], {}, layer)
        return Tensor(index, 0, tuple(layer.batch_shape))

    def read(self, model: keras.Model, given: Sequence[Tensor]) -> list[Tensor]:
        """The calls of a model.

        Args:
            model: functional.
            given: its inputs.

        Returns:
            Its outputs.
        """
        plain = _functional(model)
        config = plain.get_config()
        operations = {operation.name: operation for operation in plain.operations}
        known = dict(zip(_histories(config["input_layers"]), given, strict=True))
        waiting = [
            (layer["name"], index, call)
            for layer in config["layers"]
            for index, call in enumerate(layer["inbound_nodes"])
        ]
        while waiting:
            later = []
            for name, index, call in waiting:
                if all(source in known for source in _sources(call)):
                    made = self._call(operations[name], model, _decoded(call, known))
                    known |= {(name, index, number): one for number, one in enumerate(made)}
                else:
                    later.append((name, index, call))
            waiting = later
        outputs = zip(_histories(config["output_layers"]), plain.outputs, strict=True)
        return [
            dataclasses.replace(known[history], shape=tuple(tensor.shape))
            for history, tensor in outputs
        ]

    def _call(self, operation: Any, owner: keras.Model, call: dict[str, Any]) -> list[Tensor]:
        args, kwargs = call["args"], call["kwargs"]
        if is_functional(operation) and self._counts[id(operation)] == 1:
            return self.read(operation, _tensors((args, kwargs)))
        name = self._name(operation, owner)
        if type(operation) is keras.layers.SeparableConv2D:
            return self._separable(operation, name, args, kwargs)
        index = self._add(operation, name, args, kwargs, operation)
        return [Tensor(index, number, ()) for number in range(_MOST_OUTPUTS)]

    def _separable(self, layer: Any, name: str, args: Any, kwargs: Any) -> list[Tensor]:
        if id(layer) not in self._split:
            self._split[id(layer)] = split(layer)
        depthwise, pointwise = self._split[id(layer)]
        index = self._add(depthwise, f"{name}_depthwise", args, kwargs, layer)
        (given,) = self.nodes[index].inputs
        between = Tensor(index, 0, depthwise.compute_output_shape(given.shape))
        index = self._add(pointwise, f"{name}_pointwise", [between], {}, layer)
        return [Tensor(index, 0, ())]

    def _add(self, operation: Any, name: str, args: Any, kwargs: Any, part_of: Any) -> int:
        inputs = tuple(_tensors((args, kwargs)))
        self.nodes.append(Node(len(self.nodes), operation, name, args, kwargs, inputs, part_of))
        return len(self.nodes) - 1

    def _name(self, operation: Any, owner: keras.Model) -> str:
        """Its own name, behind that of the model around it if another operation has it."""
        if id(operation) not in self._names:
            name = operation.name
            while name in self._names.values():
                name = f"{owner.name}_{name}"
            self._names[id(operation)] = name
        return self._names[id(operation)]


# A config does not tell how many outputs a call has, only which are read.
_MOST_OUTPUTS = 64


def _call_counts(model: keras.Model) -> dict[int, int]:
    """`id` of each operation -> how often it is called, in the model and in those inside of it."""
    counts: collections.Counter[int] = collections.Counter()
    waiting: list[Any] = [model]
    while waiting:
        plain = _functional(waiting.pop())
        operations = {operation.name: operation for operation in plain.operations}
        for layer in plain.get_config()["layers"]:
            operation = operations[layer["name"]]
            if id(operation) not in counts and is_functional(operation):
                waiting.append(operation)
            counts[id(operation)] += len(layer["inbound_nodes"])
    return dict(counts)


def _tensors(structure: Any) -> list[Tensor]:
    return [leaf for leaf in keras.tree.flatten(structure) if isinstance(leaf, Tensor)]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _sources(value: Any) -> Iterator[tuple[str, int, int]]:
    """The histories of the tensors in a config."""
    if _is_tensor(value):
        yield tuple(value["config"]["keras_history"])
    elif isinstance(value, (dict, list, tuple)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _sources(one)


def _decoded(value: Any, known: dict[tuple[str, int, int], Tensor]) -> Any:
    """A config as the arguments that it stands for."""
    if _is_tensor(value):
        config = value["config"]
        tensor = known[tuple(config["keras_history"])]
        # Outside of a model that was opened, more sizes may be known than inside.
        return tensor if tensor.shape else dataclasses.replace(tensor, shape=tuple(config["shape"]))
    if isinstance(value, (list, tuple)):
        return type(value)(_decoded(one, known) for one in value)
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    if isinstance(value, dict):
        return {key: _decoded(one, known) for key, one in value.items()}
    return value
