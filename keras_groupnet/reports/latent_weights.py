"""How the latent weights of a model are distributed: near zero, a small step flips them."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from keras_groupnet.deployment.describe import array_of, describe
from keras_groupnet.deployment.layer_tree import layer_tree, own_weights
from keras_groupnet.deployment.quantization import NotBinary
from keras_groupnet.structure.scope import name_of_copies

_BINS = 41


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Of the latent weights of a layer, those of all bases together.

    Attributes:
        name: of the layer, `base*` for its copies in the bases of a group.
        counts: of the bins, which have one width.
        limit: the bins reach from minus this to this.
        weights: how many there are.
    """

    name: str
    counts: tuple[int, ...]
    limit: float
    weights: int


def latent_histograms(model: keras.Model) -> list[Histogram]:
    """One histogram for each binary layer, in the model's order."""
    own = own_weights(layer_tree(model))
    values: dict[str, list[np.ndarray]] = {}
    for name, layer in quantized_layers(model).items():
        for variable in own[layer]:
            if len(variable.shape) >= 2:
                values.setdefault(name_of_copies(name), []).append(array_of(variable).ravel())
    return [_histogram(name, np.concatenate(arrays)) for name, arrays in values.items()]


def quantized_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The binary layers of a model, also those that a file cannot hold as such, by name."""
    return {name: layer for layer, name in layer_tree(model).items() if _is_quantized(layer)}


def _is_quantized(layer: keras.layers.Layer) -> bool:
    try:
        return layer.built and describe(layer) is not None
    except NotBinary:
        return True


def _histogram(name: str, values: np.ndarray) -> Histogram:
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    counts, _ = np.histogram(values, _BINS, (-limit, limit))
    return Histogram(name, tuple(int(count) for count in counts), limit, values.size)
