"""Every layer of a model, wherever it hides: in nested models, wrappers, other layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import keras


def layer_tree(model: keras.Model) -> dict[keras.layers.Layer, str]:
    """All layers in the object tree of a model, each once, with a name of its own.

    Layers are found as attributes, also in lists and dicts, of models and of other layers, so those
    of subclassed models and wrappers are there. Quantizers that are layers are not: they are part
    of the layer that they quantize for.

    Args:
        model: any model.

    Returns:
        Layer -> name; the names of the models and layers around it stand in front
        (`encoder/block1/conv`), but that of the model itself. If two layers would have one name,
        the later ones get `_2`, `_3`, ...
    """
    found: dict[keras.layers.Layer, str] = {}
    taken: set[str] = set()
    for layer, name in _walk(model, "", {id(model)}):
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        found[layer] = unique
    return found


def _walk(
    owner: keras.layers.Layer, prefix: str, seen: set[int]
) -> Iterator[tuple[keras.layers.Layer, str]]:
    for layer in _children(owner, seen):
        name = f"{prefix}{layer.name}"
        yield layer, name
        yield from _walk(layer, f"{name}/", seen)


def _children(owner: keras.layers.Layer, seen: set[int]) -> list[keras.layers.Layer]:
    """The layers that an object holds, in the order of `model.layers` for models."""
    children: list[keras.layers.Layer] = []

    def add(value: Any, depth: int = 0) -> None:
        if isinstance(value, keras.layers.Layer):
            if id(value) not in seen and not _is_quantizer(owner, value):
                seen.add(id(value))
                children.append(value)
        elif isinstance(value, dict) and depth < _DEEPEST:
            for one in value.values():
                add(one, depth + 1)
        elif isinstance(value, (list, tuple, set)) and depth < _DEEPEST:
            for one in value:
                add(one, depth + 1)

    if isinstance(owner, keras.Model):
        add(owner.layers)
    for value in list(vars(owner).values()):
        add(value)
    return children


# Lists of lists of layers are as deep as people nest them.
_DEEPEST = 4


def _is_quantizer(owner: Any, layer: Any) -> bool:
    names = ("input_quantizer", "kernel_quantizer", "quantizer")
    return any(getattr(owner, name, None) is layer for name in names)


def own_kernels(tree: dict[keras.layers.Layer, str]) -> dict[keras.layers.Layer, int]:
    """The layers of a tree that hold kernels themselves -> how many weights these have.

    A kernel is a variable of at least two axes; it belongs to the innermost layer that has it.
    """
    counts = {
        layer: sum(math.prod(variable.shape) for variable in own if len(variable.shape) >= 2)
        for layer, own in own_weights(tree).items()
    }
    return {layer: count for layer, count in counts.items() if count}


def own_weights(layers: Iterable[keras.layers.Layer]) -> dict[keras.layers.Layer, list[Any]]:
    """The layers -> the variables that are theirs, and not those of a layer inside of them.

    Args:
        layers: those inside of others come later, as in `layer_tree`.
    """
    layers = list(layers)
    owners: dict[int, tuple[keras.layers.Layer, Any]] = {}
    for layer in layers:
        for variable in layer.weights:
            owner, _ = owners.get(id(variable), (None, None))
            # Sequential holds a functional model of its own layers, which comes after them.
            if owner is None or not isinstance(layer, keras.Model) or layer in layer_tree(owner):
                owners[id(variable)] = (layer, variable)
    own: dict[keras.layers.Layer, list[Any]] = {layer: [] for layer in layers}
    for layer, variable in owners.values():
        own[layer].append(variable)
    return own


def leaf_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of the models nested in it, in order, without those models."""
    layer: Any
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer)
        else:
            yield layer
