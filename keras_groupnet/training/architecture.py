"""What a model consists of, in words that are the same in every process."""

import json
import re
from typing import Any

import keras

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# Keys of nested models' configs that hold names of layers, which Keras numbers per process.
_NAMES = ("inbound_nodes", "input_layers", "output_layers")


def architecture(model: keras.Model) -> list[str]:
    """One line for each layer: its class, its weights' shapes and its options without its name.

    Args:
        model: built.
    """
    lines = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            lines += architecture(layer)
            continue
        shapes = [tuple(variable.shape) for variable in layer.variables]
        try:
            config = json.dumps(_without_names(layer.get_config()), sort_keys=True, default=str)
        except NotImplementedError:  # a layer of the user's that cannot be saved as .keras
            config = ""
        lines.append(_ADDRESS.sub("", f"{type(layer).__name__} {shapes} {config}".rstrip()))
    return lines


def _without_names(config: Any) -> Any:
    if isinstance(config, dict):
        # A dtype policy consists of its name, which matters.
        dropped = (*_NAMES, "name") if len(config) > 1 else _NAMES
        return {k: _without_names(v) for k, v in config.items() if k not in dropped}
    if isinstance(config, (list, tuple)):
        return [_without_names(value) for value in config]
    return config
