"""Which layer reads which, in a built functional or Sequential model."""

from collections.abc import Iterator
from typing import Any

import keras

from keras_groupnet.layers import GroupSum, Quantize

# What these let through has as few levels as what they get.
_KEEP_LEVELS = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.MaxPooling2D,
    keras.layers.Reshape,
)


class ModelGraph:
    """The layers of a model and of the models nested in it; edges end where a nested model does.

    Args:
        model: functional or Sequential, built.

    Attributes:
        names: every layer that is no model, in order, with its name; that of a nested model stands
            in front.

    Raises:
        ValueError: if the model has no graph.
    """

    def __init__(self, model: keras.Model):
        self.names: dict[keras.layers.Layer, str] = dict(_layers(model, ""))
        self._producers: dict[int, keras.layers.Layer] = {}
        try:
            for layer in self.names:
                for tensor in keras.tree.flatten(layer.output):
                    self._producers[id(tensor)] = layer
        except (AttributeError, ValueError) as error:
            raise ValueError(
                "The model must be functional or Sequential, and built (wrap a subclassed one in "
                f"keras.Model(inputs, outputs)). Received: model={model.name!r}: {error}"
            ) from error

    def parents(self, layer: keras.layers.Layer) -> list[keras.layers.Layer]:
        """The layers whose outputs `layer` reads."""
        if isinstance(layer, keras.layers.InputLayer):
            return []
        found = (self._producers.get(id(tensor)) for tensor in keras.tree.flatten(layer.input))
        return [parent for parent in found if parent is not None]

    def activation_bits(self, layer: keras.layers.Layer) -> int:
        """Bits of the values that a layer with a kernel reads, after its own input quantizer."""
        quantizer = getattr(layer, "input_quantizer", None)
        while quantizer is None:
            parents = self.parents(layer)
            if len(parents) != 1:
                return 32
            (layer,) = parents
            if isinstance(layer, Quantize):
                quantizer = layer.quantizer
            elif not isinstance(layer, _KEEP_LEVELS):
                return 32
        return getattr(quantizer, "precision", 32)

    def bases(self) -> dict[keras.layers.Layer, int]:
        """In how many copies a layer exists: K for layers that lead to one base of a sum only."""
        copies = dict.fromkeys(self.names, 1)
        for group in self.names:
            if not isinstance(group, GroupSum):
                continue
            branches = [self._ancestors(parent) for parent in self.parents(group)]
            seen: dict[keras.layers.Layer, int] = {}
            for branch in branches:
                for layer in branch:
                    seen[layer] = seen.get(layer, 0) + 1
            for layer, count in seen.items():
                if count == 1:
                    copies[layer] *= len(branches)
        return copies

    def _ancestors(self, layer: keras.layers.Layer) -> set[keras.layers.Layer]:
        found = {layer}
        waiting = [layer]
        while waiting:
            for parent in self.parents(waiting.pop()):
                if parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found


def leaf_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of any model and of the models nested in it, those aside that are models."""
    for layer, _ in _layers(model, ""):
        yield layer


def _layers(model: keras.Model, prefix: str) -> Iterator[tuple[keras.layers.Layer, str]]:
    layer: Any
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{prefix}{layer.name}/")
        else:
            yield layer, f"{prefix}{layer.name}"
