"""The graph in the config of a functional or Sequential tf.keras model → a Keras 3 model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from keras_groupnet.interop import tfmot
from keras_groupnet.interop.arguments import fitting, plain_dtype
from keras_groupnet.interop.context import NoCounterpart, find_custom, name_and_config, plain_name
from keras_groupnet.interop.layers import Counterparts, counterparts
from keras_groupnet.interop.nodes import arguments, first_calls, references, sources
from keras_groupnet.interop.tfmot_int8 import RangesHolder, Trained
from keras_groupnet.interop.weights import Holder, LayerHolder, ModelHolder

_MODELS = ("Functional", "Model", "Sequential")
_WRAPPERS = ("Bidirectional", "RNN", "StackedRNNCells", "TimeDistributed")


@dataclass
class Built:
    """A model that has been built, without weights.

    Attributes:
        model: of Keras 3.
        holders: the name of each tf.keras layer with weights → what takes them.
    """

    model: keras.Model
    holders: dict[str, Holder] = field(default_factory=dict)


def build(class_name: str, config: Any, custom_objects: Mapping[str, Any]) -> Built:
    """Builds a model from the config of a tf.keras model.

    Raises:
        ValueError: for a layer without a counterpart; the message names it.
    """
    if not _is_model(class_name, config):
        raise ValueError(
            "Expected the config of a functional or Sequential model. "
            f"Received: {class_name!r}. Make a tf.keras.Model of its inputs and outputs."
        )
    if isinstance(config, list):  # as TensorFlow 1 wrote Sequential models
        config = {"name": "sequential", "layers": config}
    if "input_layers" in config:
        return _functional(config, custom_objects)
    return _sequential(config, custom_objects)


def _is_model(class_name: str, config: Any) -> bool:
    """Whether it is a functional or Sequential model; subclasses have names of their own."""
    return plain_name(class_name) in _MODELS or {"layers", "input_layers"} <= set(config)


def _sequential(config: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Built:
    entries = list(config["layers"])
    if entries and entries[0]["class_name"] == "InputLayer":
        first = entries.pop(0)["config"]
    else:
        first = _of_first_layer(entries[0]["config"], config) if entries else {}
    shape = first.get("batch_input_shape") or first.get("batch_shape")
    if shape is None:
        raise ValueError(
            f"The Sequential model {config.get('name')!r} has no input shape yet. Call it on a "
            "batch (model.build), or add a tf.keras.Input, before you save or import it."
        )
    inputs = x = keras.Input(
        batch_shape=tuple(shape), dtype=plain_dtype(first.get("dtype")), name=first.get("name")
    )
    holders: dict[str, Holder] = {}
    for entry in entries:
        x = _Layer(entry, custom_objects, holders)(x)
    return Built(keras.Model(inputs, x, name=config.get("name")), holders)


def _of_first_layer(first: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Its input as the first layer or the model tell it."""
    nested = first.get("layers")
    if nested and nested[0]["class_name"] == "InputLayer":
        first = nested[0]["config"]
    shape = first.get("batch_input_shape") or config.get("build_input_shape")
    dtype = "int32" if "input_dim" in first else "float32"  # of an Embedding
    return {"batch_input_shape": shape, "dtype": dtype}


def _functional(config: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Built:
    holders: dict[str, Holder] = {}
    outputs: dict[str, list[Any]] = {}
    graph = {entry["name"]: entry for entry in config["layers"]}
    first = first_calls(config)
    waiting: list[tuple[_Layer, str, Any]] = []
    for name, entry in graph.items():
        outputs[name] = []
        if entry["class_name"] == "InputLayer":
            outputs[name].append(_input(entry["config"]))
            continue
        layer = _Layer(entry, custom_objects, holders)
        waiting += [(layer, name, node) for node in entry["inbound_nodes"]]

    def tensor(layer_name: str, node: int, position: int) -> Any:
        made = outputs[layer_name][node - first.get(layer_name, 0)]
        return made[position] if isinstance(made, list | tuple) else made

    while waiting:
        later: list[tuple[_Layer, str, Any]] = []
        for layer, name, node in waiting:
            # The calls of a layer are numbered in the order in which they stand there.
            blocked = any(entry[1] == name for entry in later)
            if blocked or not all(
                node_index - first.get(source, 0) < len(outputs.get(source, ()))
                for source, node_index, _ in sources(node, graph)
            ):
                later.append((layer, name, node))
                continue
            args, kwargs = arguments(node, graph, tensor)
            outputs[name].append(layer(*args, **kwargs))
        if len(later) == len(waiting):
            names = sorted({name for _, name, _ in waiting})
            raise ValueError(f"The config has a loop, or refers to missing layers: {names}")
        waiting = later
    model = keras.Model(
        references(config["input_layers"], tensor),
        references(config["output_layers"], tensor),
        name=config.get("name"),
    )
    return Built(model, {name: holders[name] for name in graph if name in holders})


def _input(config: Mapping[str, Any]) -> Any:
    shape = config.get("batch_input_shape") or config["batch_shape"]
    if config.get("sparse") or config.get("ragged"):
        raise ValueError(
            f"Input {config['name']!r}: sparse and ragged inputs are not imported. Make it dense."
        )
    return keras.Input(batch_shape=tuple(shape), dtype=config.get("dtype"), name=config["name"])


class _Layer:
    """One tf.keras layer: what computes it, called once for each of its nodes."""

    def __init__(
        self,
        entry: Mapping[str, Any],
        custom_objects: Mapping[str, Any],
        holders: dict[str, Holder],
    ):
        config = entry["config"]
        name = entry.get("name") or config["name"]  # Sequential models tell it in the config only
        self.title = f"Layer {name!r} ({entry['class_name']})"
        class_name, restore = entry["class_name"], None
        trained: Trained | None = None
        if plain_name(class_name) in tfmot.WRAPPERS:
            trained = Trained(config, tfmot.unwrapped(config))
            class_name, config = trained.inner["class_name"], trained.inner["config"]
            restore = tfmot.restored
        self.steps: Counterparts
        if _is_model(class_name, config):
            nested = build(class_name, config, custom_objects)
            self.steps = [nested.model]
            trainable = config.get("trainable", True)
            holders[name] = ModelHolder(list(nested.holders.values()), trainable)
            return
        try:
            self.steps = _steps(class_name, config, custom_objects)
        except (NoCounterpart, TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{self.title}: {error}") from error
        first: Any = self.steps[0]
        ranges = {} if trained is None else trained.ranges
        if plain_name(class_name) == "QuantizeLayer":
            ranges = {name: first}
        if trained is not None:
            self.steps = [*self.steps, *trained.behind]
        if ranges:
            holders[name] = RangesHolder(first, tfmot.restored, ranges)
        elif isinstance(first, keras.layers.Layer):
            holders[name] = LayerHolder(first, restore)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the steps one after another."""
        self._check_training(kwargs.pop("training", None))
        first, *others = self.steps
        try:
            x = first(*args, **kwargs)
            for step in others:
                x = step(x)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.title}: {error}") from error
        return x

    def _check_training(self, training: Any) -> None:
        """A functional model of Keras 3 overrides what a call of one of its layers was told."""
        if training:
            raise ValueError(
                f"{self.title}: it is called with training=True, which Keras 3 does not keep in a "
                "functional model. Pass custom_objects with a layer that does the same at all "
                "times, or call it without."
            )
        if training is not None:
            warnings.warn(
                f"{self.title}: it is called with training=False, which Keras 3 does not keep when "
                "the model trains. Set layer.trainable = False before you train, so that its batch "
                "norms keep their statistics.",
                stacklevel=2,
            )


def _steps(class_name: str, config: Any, custom_objects: Mapping[str, Any]) -> Counterparts:
    """What computes the same as a layer, which may hold others."""
    name = plain_name(class_name)
    if name in _WRAPPERS and find_custom(custom_objects, config["name"], name) is None:
        return [_wrapper(name, config, custom_objects)]
    return counterparts(class_name, config, custom_objects)


def _wrapper(
    name: str, config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> keras.layers.Layer:
    """A layer with layers or models in its config."""
    config = {key: value for key, value in config.items() if value is not None}
    for key in ("layer", "backward_layer", "cell"):
        if key in config:
            config[key] = _inner(config[key], custom_objects)
    if "cells" in config:
        config["cells"] = [_inner(cell, custom_objects) for cell in config["cells"]]
    cls = getattr(keras.layers, name)
    return cls(**fitting((cls,), config, custom_objects))


def _inner(serialized: Any, custom_objects: Mapping[str, Any]) -> keras.layers.Layer:
    """What a wrapper holds."""
    name, config = name_and_config(serialized)
    if _is_model(name, config):
        return build(name, config, custom_objects).model
    found = _steps(name, config, custom_objects)
    if len(found) != 1 or not isinstance(found[0], keras.layers.Layer):
        raise NoCounterpart(
            f"The layer {name!r} in it has no counterpart that is one layer. Make its activation a "
            "layer of its own in the tf.keras model."
        )
    return found[0]
