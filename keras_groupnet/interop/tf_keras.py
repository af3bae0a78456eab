"""Models of tf.keras 2, of Larq in particular → Keras 3 models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import keras

from keras_groupnet.interop import tfmot
from keras_groupnet.interop.graph import build
from keras_groupnet.interop.sources import read
from keras_groupnet.interop.weights import assign


def from_tf_keras(
    model: Any | str | os.PathLike, custom_objects: Mapping[str, Any] | None = None
) -> keras.Model:
    """Makes a Keras 3 model of a Larq or other tf.keras 2 model.

    Its outputs and its latent weights are those of the original; it trains on, saves as `.keras`
    and converts as any other. Larq's layers become those of `kgn.layers` with the same quantizers
    (Keras' own where nothing is quantized), its `weight_clip` becomes `kgn.constraints.Clip`, what
    tensorflow-model-optimization has wrapped is unwrapped (docs/importing.md). Sequential models
    become functional ones. Losses, optimizers and metrics are not carried over: compile again.

    Args:
        model: the path of an `.h5` file that `model.save` wrote, which needs neither tf-keras nor
            Larq; or a live functional or Sequential model.
        custom_objects: what stands for things of your own. Of the name of a layer or its class: a
            Keras 3 layer class with the same arguments, a layer, or a function that makes one from
            the config; for a `Lambda` or TensorFlow function, by the name of its layer, a function
            of its inputs, of `keras.ops`. Of the name of a quantizer, activation, constraint or
            regularizer: the object.

    Returns:
        A functional model.

    Raises:
        ValueError: for a file or model that is something else, and for a layer or argument without
            a counterpart, which the message names.

    Example:
        model = kgn.interop.from_tf_keras("larq_model.h5")
        model.compile("adam", "sparse_categorical_crossentropy")
    """
    source = read(model)
    built = build(source.class_name, source.config, custom_objects or {})
    for name, holder in built.holders.items():
        assign(name, holder, source.weights.get(name, ()))
    missing = [
        name
        for name, values in source.weights.items()
        if name not in built.holders and tfmot.restored(values)
    ]
    if missing:
        raise ValueError(f"The weights of these layers found no place: {missing}.")
    return built.model
