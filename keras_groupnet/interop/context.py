"""What all parts of an import share: objects of the user's, and errors that name the layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NoCounterpart(ValueError):
    """Something of tf.keras that an import does not know; the message says what to do."""


def plain_name(class_name: str) -> str:
    """`"Custom>SteSign"` and `"experimental.preprocessing.Rescaling"` without what is in front."""
    return class_name.rsplit(">", 1)[-1].rsplit(".", 1)[-1]


def name_and_config(serialized: Any) -> tuple[str, dict[str, Any]]:
    """The class or function that tf.keras wrote as a string or in one of its kinds of dicts.

    `{"class_name": "SteSign", "config": {...}}`, with or without `module` and `registered_name`;
    for functions `{"class_name": "function", "config": "name"}`.
    """
    if isinstance(serialized, str):
        return plain_name(serialized), {}
    if isinstance(serialized, dict) and isinstance(serialized.get("class_name"), str):
        config = serialized.get("config")
        if isinstance(config, str):
            return plain_name(config), {}
        return plain_name(serialized["class_name"]), dict(config or {})
    raise NoCounterpart(f"Expected a name or a config with a class_name. Received: {serialized!r}")


def find_custom(custom_objects: Mapping[str, Any], *names: str) -> Any:
    """The user's object for the first of the names that there is one for, else None."""
    return next((custom_objects[name] for name in names if name in custom_objects), None)
