"""What a tf.keras model consists of: its config and its weights, from a file or a live model."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

Weights = Sequence[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class LegacyModel:
    """A model of tf.keras 2, as plain data.

    Attributes:
        class_name: `"Functional"`, `"Model"` or `"Sequential"`.
        config: what its `get_config` returned.
        weights: layer name → (weight name, value), trainable ones first; those of a nested model
            are in one list.
    """

    class_name: str
    config: Any
    weights: dict[str, Weights]


def read(model: Any) -> LegacyModel:
    """Reads a live model, or an `.h5` file, which needs neither tf.keras nor Larq.

    Raises:
        ValueError: if it is something else, or holds no config.
    """
    if isinstance(model, str | os.PathLike):
        return _read_file(Path(model))
    if isinstance(model, keras.Model):
        raise ValueError(
            "Expected a model of tf.keras 2 (tf-keras). Received: "
            f"model={model.name!r}, which is a Keras 3 model already."
        )
    if not hasattr(model, "to_json") or not hasattr(model, "layers"):
        raise ValueError(
            "Expected a tf.keras 2 model or the path of an .h5 file. "
            f"Received: model={model!r} of {type(model)}"
        )
    return _read_live(model)


def _read_live(model: Any) -> LegacyModel:
    try:
        saved = json.loads(model.to_json())
    except NotImplementedError as error:
        raise ValueError(
            f"Expected a functional or Sequential model. Received: model={model!r}, a subclass "
            "without a config. Call its layers on a tf.keras.Input and make a tf.keras.Model of "
            "that, or build it of Keras 3 layers and copy the weights."
        ) from error
    weights: dict[str, Weights] = {
        layer.name: [
            (weight.name, np.asarray(weight.numpy()))
            for weight in [*layer.trainable_weights, *layer.non_trainable_weights]
        ]
        for layer in model.layers
    }
    return LegacyModel(saved["class_name"], saved["config"], weights)


def _read_file(path: Path) -> LegacyModel:
    advice = "Load it with tf-keras and pass the model, or save that as .h5."
    if path.is_dir():
        raise ValueError(f"Expected an .h5 file. Received: {path}, a folder (SavedModel). {advice}")
    if not path.is_file():
        raise ValueError(f"Expected an .h5 file. Received: {path}; there is no such file.")
    if not h5py.is_hdf5(path):
        raise ValueError(f"Expected an .h5 file (HDF5). Received: {path}, which is none. {advice}")
    try:
        return _read_hdf5(path)
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}. Save the model again.") from error


def _read_hdf5(path: Path) -> LegacyModel:
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ValueError(
                f"{path} holds no model config: save_weights wrote the weights alone. Build the "
                "model with its own code, load the weights there, and pass the model or save it "
                "with model.save('NAME.h5')."
            )
        if _text(file.attrs.get("keras_version", "2")).startswith("3"):
            raise ValueError(
                f"{path} was written by Keras 3. Load it with keras.models.load_model."
            )
        saved = json.loads(_text(file.attrs["model_config"]))
        group = file.get("model_weights", {})
        names = _attributes(group, "layer_names") if group else []
        weights = {name: _weights(group[name]) for name in names}
    return LegacyModel(saved["class_name"], saved["config"], weights)


def _weights(group: h5py.Group) -> Weights:
    return [(name, np.asarray(group[name])) for name in _attributes(group, "weight_names")]


def _attributes(group: h5py.Group, name: str) -> list[str]:
    """A list of names; tf.keras splits those that are too long for one attribute."""
    chunks = [name] if name in group.attrs else []
    while not chunks or chunks[0] != name:
        chunk = f"{name}{len(chunks)}"
        if chunk not in group.attrs:
            break
        chunks.append(chunk)
    return [_text(one) for chunk in chunks for one in group.attrs[chunk]]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def short_name(name: str) -> str:
    """`"conv2d/kernel:0"` → `"kernel"`."""
    return name.rsplit("/", 1)[-1].partition(":")[0]
