"""What the nodes of a graph are there for: multiplying by weights, normalizing, gating."""

from __future__ import annotations

from typing import Any

import keras

from keras_groupnet.expansion.graph import Graph, Node, Tensor

NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)
_ACTIVATION_LAYERS = (keras.layers.ELU, keras.layers.LeakyReLU, keras.layers.ReLU)
_GLOBAL_POOLINGS = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
)
# These look at several values at a time.
_NOT_ELEMENTWISE = ("glu", "log_softmax", "softmax", "sparsemax")


def has_kernel(operation: Any) -> bool:
    """Whether a layer multiplies by a matrix or a kernel."""
    if not isinstance(operation, keras.layers.Layer) or isinstance(operation, keras.layers.PReLU):
        return False
    return any(len(weight.shape) > 1 for weight in operation.weights)


def is_activation(operation: Any) -> bool:
    """Whether a layer without weights applies a function to each value.

    In front of a quantizer such a function is left out: the quantizer is the non-linearity there.
    """
    if isinstance(operation, keras.layers.Activation):
        return keras.activations.serialize(operation.activation) not in _NOT_ELEMENTWISE
    return type(operation) in _ACTIVATION_LAYERS


def gates(graph: Graph) -> set[int]:
    """Indices of the nodes of attention branches, as in squeeze-and-excitation.

    What they compute has one position only: of what a global pooling makes of a tensor, it is what
    meets other values of that tensor again, or a feature map of more positions.
    """
    found: set[int] = set()
    for node in graph.nodes:
        if isinstance(node.operation, _GLOBAL_POOLINGS):
            found |= _until_it_meets(graph, node)
        if any(_is_map(tensor) for tensor in node.inputs):
            waiting = [tensor.node for tensor in node.inputs if _has_one_position(tensor)]
            while waiting:
                index = waiting.pop()
                inputs = graph.nodes[index].inputs
                if index not in found and inputs and all(map(_has_one_position, inputs)):
                    found.add(index)
                    waiting.extend(tensor.node for tensor in inputs)
    return found


def _until_it_meets(graph: Graph, pooling: Node) -> set[int]:
    """The nodes behind a pooling and in front of the node that also reads what was pooled."""
    source = pooling.inputs[0].node
    behind, around = {pooling.index}, {source}
    meeting = False
    for node in graph.nodes[source + 1 :]:
        inputs = {tensor.node for tensor in node.inputs}
        if node is pooling:
            continue
        if inputs and inputs <= behind:
            behind.add(node.index)
        meeting = meeting or bool(inputs & behind and inputs & around)
        if inputs & around:
            around.add(node.index)
    return behind if meeting else set()


def ends(graph: Graph) -> tuple[set[int], set[int]]:
    """Indices of the first and of the last nodes with kernels on each way through the graph."""
    first, last = set(), set()
    before: dict[int, bool] = {}  # whether a kernel lies in front of the node's outputs
    for node in graph.nodes:
        earlier = any(before[tensor.node] for tensor in node.inputs)
        own = has_kernel(node.operation)
        if own and not earlier:
            first.add(node.index)
        before[node.index] = own or earlier
    after: dict[int, bool] = {}
    for node in reversed(graph.nodes):
        later = any(after[reader] for reader in graph.readers[node.index])
        own = has_kernel(node.operation)
        if own and not later:
            last.add(node.index)
        after[node.index] = own or later
    return first, last


def only_reader(graph: Graph, node: Node) -> Node | None:
    """The only node that reads the outputs of this one, which are none of the model's."""
    readers = graph.readers[node.index]
    if len(readers) != 1 or node.index in graph.output_nodes:
        return None
    return graph.nodes[readers[0]]


def _is_map(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[1:3] != (1, 1)


def _has_one_position(tensor: Tensor) -> bool:
    return len(tensor.shape) == 2 or (len(tensor.shape) == 4 and tensor.shape[1:3] == (1, 1))
