"""Layers that do something else for a while: a model is traced and checked as it is, not copied.

Everything a layer holds (adapted statistics, attributes set after construction, functions) is thus
used as it is, wherever the layer hides in the model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras

_FLOATS = ("float16", "bfloat16", "float64")


@contextlib.contextmanager
def attributes_replaced(replacements: Iterable[tuple[Any, str, Any]]) -> Iterator[None]:
    """Gives objects other attributes.

    Args:
        replacements: `(object, name, value)`. The attribute is hidden, not written over: Keras'
            own bookkeeping of attributes does not see it.
    """
    with contextlib.ExitStack() as stack:
        for owner, name, value in replacements:
            had, before = name in vars(owner), vars(owner).get(name)
            object.__setattr__(owner, name, value)
            if had:
                stack.callback(object.__setattr__, owner, name, before)
            else:
                stack.callback(object.__delattr__, owner, name)
        yield


def calls_replaced(
    calls: Mapping[keras.layers.Layer, Callable[..., Any]],
) -> contextlib.AbstractContextManager[None]:
    """Lets layers call these functions instead of their method `call`."""
    return attributes_replaced([(layer, "call", call) for layer, call in calls.items()])


@contextlib.contextmanager
def computing_in_float32(layers: Iterable[keras.layers.Layer]) -> Iterator[None]:
    """Lets layers of half precision compute in float32, with the variables that they have."""
    changed = []
    try:
        for layer in layers:
            policy = layer.dtype_policy
            if policy.compute_dtype in _FLOATS:
                changed.append((layer, policy))
                layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in changed:
            layer.dtype_policy = policy
