"""What KerasTuner builds and trains."""

from collections.abc import Callable
from typing import Any

import keras

from keras_groupnet.methods import Method
from keras_groupnet.structure.transfer import transfer_weights
from keras_groupnet.tuning.space import Space


def compile_with_adam(model: keras.Model) -> None:
    """Compiles for labels: Adam 0.002, cross-entropy of class numbers, accuracy."""
    model.compile(
        keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )


def build_candidate(
    build: Callable[[Method], keras.Model],
    method: Method,
    compile_model: Callable[[keras.Model], Any],
    parent: keras.Model | None = None,
    seed: int = 0,
) -> keras.Model:
    """A new model of the method, compiled, that starts from the parent if there is one.

    Args:
        build: returns a new model of the method that it is given.
        method: the candidate.
        compile_model: calls `model.compile`.
        parent: as in `transfer_weights`.
        seed: of the noise of `transfer_weights`.
    """
    model = build(method)
    if parent is not None:
        transfer_weights(parent, model, seed=seed)
    compile_model(model)
    return model


def recipe(
    build: Callable[[Method], keras.Model],
    space: Space,
    *,
    compile_model: Callable[[keras.Model], Any] = compile_with_adam,
    parent: keras.Model | None = None,
    seed: int = 0,
) -> Callable[[Any], keras.Model]:
    """A plain `build(hp)` for any tuner of KerasTuner.

    `kgn.search` does more: it knows what candidates cost, and rejects those above a limit.

    Args:
        build: returns a new model of the method that it is given.
        space: of the candidates.
        compile_model: calls `model.compile`.
        parent: a trained full-precision model of `build`, whose weights each candidate starts from.
        seed: of the noise of `transfer_weights`.

    Example:
    >>> def build(method):
    ...     return kgn.models.ResNet18((32, 32, 3), 10, stem="cifar", method=method)
    >>> space = kgn.tuning.Space(kgn.tuning.count_blocks(build), bases=(1, 3))
    >>> tuner = keras_tuner.RandomSearch(
    ...     kgn.tuning.recipe(build, space), objective="val_accuracy", max_trials=20
    ... )
    >>> tuner.search(x, y, validation_data=(test_x, test_y), epochs=5)
    >>> best = space.from_values(tuner.get_best_hyperparameters()[0].values)
    """

    def build_of(hp: Any) -> keras.Model:
        return build_candidate(build, space.declare(hp), compile_model, parent, seed)

    return build_of
