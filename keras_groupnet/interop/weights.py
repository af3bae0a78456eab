"""The weights of tf.keras layers → the variables of their counterparts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from keras_groupnet.interop.sources import Weights, short_name


class Holder(Protocol):
    """What takes the weights of one tf.keras layer."""

    def restored(self, weights: Weights) -> Weights:
        """The weights as the layer applied them."""

    def variables(self) -> tuple[list[Any], list[Any]]:
        """The variables in the order of tf.keras: trainable ones, others."""

    def finish(self) -> None:
        """Called when the variables have been set."""


class LayerHolder:
    """The variables of a Keras 3 layer that has those of a tf.keras layer.

    Args:
        layer: of Keras 3.
        restore: what to do to the weights before.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        restore: Callable[[Weights], Weights] | None = None,
    ):
        self.layer = layer
        self.restore = restore

    def restored(self, weights: Weights) -> Weights:
        """See `Holder`."""
        return weights if self.restore is None else self.restore(weights)

    def variables(self) -> tuple[list[Any], list[Any]]:
        """See `Holder`; a frozen layer has trained variables among the others, in front."""
        trainable = self.layer.trainable_weights
        others = [one for one in self.layer.non_trainable_weights if not _is_seed(one)]
        return trainable, others

    def finish(self) -> None:
        """Makes a `Normalization` use its statistics."""
        if isinstance(self.layer, keras.layers.Normalization):
            self.layer.finalize_state()


class ModelHolder:
    """A nested model: tf.keras lists the trainable variables of all its layers first."""

    def __init__(self, parts: Sequence[Holder], trainable: bool):
        self.parts = parts
        self.trainable = trainable

    def restored(self, weights: Weights) -> Weights:
        """See `Holder`."""
        return weights

    def variables(self) -> tuple[list[Any], list[Any]]:
        """See `Holder`."""
        pairs = [part.variables() for part in self.parts]
        trainable = _unique(one for pair in pairs for one in pair[0])
        others = _unique(one for pair in pairs for one in pair[1])
        return (trainable, others) if self.trainable else ([], trainable + others)

    def finish(self) -> None:
        """See `Holder`."""
        for part in self.parts:
            part.finish()


def _unique(variables: Any) -> list[Any]:
    return list({id(one): one for one in variables}.values())


def _is_seed(variable: Any) -> bool:
    """The state of a random generator, which tf.keras does not save."""
    return variable.path.rsplit("/", 1)[-1] == "seed_generator_state"


def assign(name: str, holder: Holder, weights: Weights) -> None:
    """Sets the variables of one layer.

    Args:
        name: of the layer, for messages.
        holder: what has them.
        weights: the names and values that tf.keras has for it.

    Raises:
        ValueError: if the numbers or the shapes of weights differ.
    """
    weights = holder.restored(weights)
    trainable, others = holder.variables()
    variables = [*trainable, *others]
    expected = [(one.name, tuple(one.shape)) for one in variables]
    if len(variables) != len(weights):
        raise ValueError(
            f"Layer {name!r}: expected the weights {expected}. "
            f"Received: {[(key, value.shape) for key, value in weights]}"
        )
    for variable, (key, value) in zip(variables, _in_order(variables, weights), strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(
                f"Layer {name!r}: expected the weights {expected}. "
                f"Received: {key!r} of shape {value.shape} for {variable.name!r}"
            )
        variable.assign(np.asarray(value))
    holder.finish()


def _in_order(variables: Sequence[Any], weights: Weights) -> Weights:
    """By name, where names tell variables apart and are the same in both; else as they come."""
    named = {short_name(key): (key, value) for key, value in weights}
    names = [variable.name for variable in variables]
    if len(named) == len(weights) and sorted(named) == sorted(names):
        return [named[name] for name in names]
    return weights
