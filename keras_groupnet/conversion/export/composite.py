"""Composite functions: float maths that TFLiteConverter turns into one custom op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf


def composite(
    name: str, options: Mapping[str, int | float | str], body: Callable[..., Any], *inputs: Any
) -> Any:
    """Calls `body(*inputs)` so that the converter emits one custom op instead of its ops.

    TFLiteConverter replaces a call of a `tf.function` whose `experimental_implements` carries the
    attribute `tfl_fusable_op` by a custom op of that name, with the other attributes as FlexBuffer
    options. Anywhere else the body runs as it is, so an exported model can be run and debugged.

    Args:
        name: the custom op.
        options: its options; lists cannot travel this way.
        body: the maths, a function of tensors; the op's inputs are exactly its arguments.
        *inputs: tensors; constants are stored in the file as they are.

    Returns:
        What `body` returns.
    """
    attributes = ['attr { key: "tfl_fusable_op" value { b: true } }']
    for key, value in options.items():
        if isinstance(value, float):
            field = f"f: {value!r}"
        elif isinstance(value, str):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            field = f's: "{quoted}"'
        else:
            field = f"i: {int(value)}"
        attributes.append(f'attr {{ key: "{key}" value {{ {field} }} }}')
    implements = f'name: "{name}" ' + " ".join(attributes)
    function = tf.function(body, autograph=False, experimental_implements=implements)
    return function(*inputs)
