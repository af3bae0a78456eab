"""How the inputs and outputs of a model are called in a file, whatever structure holds them.

Inputs have the names of Keras' inputs, or the keys of the dict that holds them. A single output or
a list of them is told by position (`output_0`, `output_1`), the entries of a dict by their keys;
what lies deeper by its path (`heads.0`, `heads.1`). In the file, inputs and outputs stand in the
model's order, and the tensors of outputs carry a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# In front of the names of output tensors: what follows is a path as `output_names` gives it.
# Files of other converters may call their outputs anything.
OUTPUT_MARK = "outputs/"
_INDEX = re.compile(r"\d+")


def input_names(structure: Any) -> list[str]:
    """Names of the tensors of a model's inputs, in the order of `keras.tree.flatten`.

    Args:
        structure: of tensors that have names, as Keras' inputs.
    """
    return [
        ".".join(path) if any(not _INDEX.fullmatch(key) for key in path) else tensor.name
        for path, tensor in _leaves(structure)
    ]


def output_names(structure: Any) -> list[str]:
    """Names of the tensors of a model's outputs, in the order of `keras.tree.flatten`."""
    return [
        f"output_{'.'.join(path or ('0',))}"
        if not path or _INDEX.fullmatch(path[0])
        else ".".join(path)
        for path, _ in _leaves(structure)
    ]


def _leaves(structure: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(structure, dict):
        for key in sorted(structure):
            for path, leaf in _leaves(structure[key]):
                yield (str(key), *path), leaf
    elif isinstance(structure, (list, tuple)):
        for index, value in enumerate(structure):
            for path, leaf in _leaves(value):
                yield (str(index), *path), leaf
    else:
        yield (), structure


def outputs_of(names: list[str], values: list[Any]) -> Any:
    """The outputs in the structure that their names tell: one value, a list, or a dict.

    Args:
        names: as `output_names` gives them.
        values: one for each.
    """
    if len(names) == 1 and names[0].startswith("output_"):
        return values[0]
    tree: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        *outer, last = name.removeprefix("output_").split(".")
        node = tree
        for key in outer:
            node = node.setdefault(key, {})
        node[last] = value
    return _lists(tree)


def _lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if all(_INDEX.fullmatch(key) for key in tree):
        return [_lists(tree[key]) for key in sorted(tree, key=int)]
    return {key: _lists(value) for key, value in tree.items()}
