"""The states of random layers."""

from typing import Any

import keras


def seed_states(model: keras.Model) -> list[Any]:
    """The variables of random layers (dropout), which Keras does not count as weights."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def seed_values(model: keras.Model) -> list[Any]:
    """Their values, of JSON."""
    return [keras.ops.convert_to_numpy(variable).tolist() for variable in seed_states(model)]
