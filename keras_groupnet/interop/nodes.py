"""The calls of layers in the config of a functional tf.keras model.

`inbound_nodes` of a layer has one node for each call: `["layer", call, output]` or
`["layer", call, output, {arguments}]` for each tensor, in the structure of the inputs; an operator
like `x + y` has one such entry alone, and `y` among its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_CONSTANT = "_CONSTANT_VALUE"


def _is_reference(value: Any, graph: Mapping[str, Any]) -> bool:
    """`["layer", node, position]`, which stands for a tensor among the arguments of a call."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and value[0] in graph
        and all(isinstance(one, int) for one in value[1:])
    )


def _is_entry(value: Any) -> bool:
    """`["layer", node, position]` or `["layer", node, position, {arguments}]`."""
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str)


def sources(node: Any, graph: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """All tensors that a call reads."""
    if _is_entry(node):
        own = [] if node[0] == _CONSTANT else [tuple(node[:3])]
        return own + (sources(node[3], graph) if len(node) == 4 else [])
    if _is_reference(node, graph):
        return [tuple(node)]
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [source for value in values for source in sources(value, graph)]


def first_calls(config: Mapping[str, Any]) -> dict[str, int]:
    """The number of each layer's first call: that of nested models depends on the version."""
    graph = {entry["name"]: entry for entry in config["layers"]}
    first: dict[str, int] = {}
    nodes = [node for entry in config["layers"] for node in entry["inbound_nodes"]]
    for name, node, _ in sources([*nodes, config["output_layers"]], graph):
        first[name] = min(node, first.get(name, node))
    return first


def arguments(
    node: Any, graph: Mapping[str, Any], tensor: Callable[..., Any]
) -> tuple[list[Any], dict[str, Any]]:
    """A node of the config → the arguments of the call."""
    kwargs: dict[str, Any] = {}

    def resolve(value: Any) -> Any:
        if _is_entry(value) and (value[0] == _CONSTANT or value[0] in graph):
            if len(value) == 4:
                kwargs.update({k: argument(v) for k, v in value[3].items() if v is not None})
            return value[2] if value[0] == _CONSTANT else tensor(*value[:3])
        if isinstance(value, dict):
            return {key: resolve(one) for key, one in value.items()}
        return [resolve(one) for one in value]

    def argument(value: Any) -> Any:
        if _is_reference(value, graph):
            return tensor(*value)
        if isinstance(value, dict):
            return {key: argument(one) for key, one in value.items()}
        return [argument(one) for one in value] if isinstance(value, list) else value

    inputs = resolve(node)
    if isinstance(inputs, list) and len(inputs) == 1 and not _is_entry(node):
        (inputs,) = inputs
    return [inputs], kwargs


def references(value: Any, tensor: Callable[..., Any]) -> Any:
    """The structure of a model's inputs or outputs."""
    if _is_entry(value):
        return tensor(*value[:3])
    if isinstance(value, dict):
        return {key: references(one, tensor) for key, one in value.items()}
    found = [references(one, tensor) for one in value]
    return found[0] if len(found) == 1 else found
