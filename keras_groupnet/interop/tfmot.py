"""The wrappers of tensorflow-model-optimization: what is in them, with the weights they compute.

`PruneLowMagnitude` multiplies a kernel by a mask, `ClusterWeights` puts the nearest centroid in the
place of each weight: the layer that is left gets those products and centroids. Quantization-aware
training (`QuantizeWrapperV2`) rounds kernels and activations to 8 bits in each call: `tfmot_int8`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_groupnet.interop.context import NoCounterpart, plain_name
from keras_groupnet.interop.sources import Weights, short_name

WRAPPERS = (
    *("ClusterWeights", "PruneLowMagnitude", "QuantizeAnnotate", "QuantizeWrapper"),
    "QuantizeWrapperV2",
)
_CENTROIDS = "cluster_centroids_"
# Variables of the wrappers themselves.
_OF_WRAPPERS = ("mask", "threshold", "pruning_step", "optimizer_step")
_PREFIXES = (_CENTROIDS, "pulling_indices_")
_SUFFIXES = ("_min", "_max")


def unwrapped(config: Mapping[str, Any]) -> dict[str, Any]:
    """The class and config of the layer that a wrapper holds.

    Raises:
        NoCounterpart: for clusters that are not those of a whole kernel.
    """
    for key in ("preserve_sparsity", "cluster_per_channel"):
        if config.get(key):
            raise NoCounterpart(
                f"Clusters with {key} are not imported. Call "
                "tfmot.clustering.keras.strip_clustering on the model first."
            )
    inner = dict(config["layer"])
    inner["config"] = dict(inner["config"])
    activation = inner["config"].get("activation")
    while isinstance(activation, dict):
        name = plain_name(activation["class_name"])
        if name == "QuantizeAwareActivation":
            activation = activation["config"]["activation"]
        elif name == "NoOpActivation":
            activation = None
        else:
            break
    if "activation" in inner["config"]:
        inner["config"]["activation"] = activation
    return inner


def restored(weights: Weights) -> Weights:
    """The weights of the layer in a wrapper, as the wrapper applied them.

    Args:
        weights: those of the wrapper.
    """
    named = [(short_name(name), value) for name, value in weights]
    masks = [value for name, value in named if name == "mask"]
    centroids = {name: value for name, value in named if name.startswith(_CENTROIDS)}
    found = []
    for name, value in named:
        if name in _OF_WRAPPERS or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
            continue
        if _CENTROIDS + name in centroids:
            value = _nearest(value, centroids[_CENTROIDS + name])
        elif masks and masks[0].shape == value.shape:
            value = value * masks.pop(0)
        found.append((name, value))
    return found


def _nearest(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The centroid that is closest to each value; the first of equally close ones."""
    return centroids[np.argmin(np.abs(values[..., None] - centroids), axis=-1)]
