"""Copies of a model's layers with their weights."""

from __future__ import annotations

from typing import Any

import keras

from keras_groupnet.structure.scope import Scope
from keras_groupnet.structure.transfer import perturbed


class Copies:
    """Makes one copy of an operation outside of bases, and one in each base.

    A layer that is called several times thus stays one layer that is called several times.

    Args:
        noise: of the kernels of bases that would start alike, as in `transfer_weights`.
    """

    def __init__(self, noise: float):
        self._noise = noise
        self._copies: dict[Any, Any] = {}
        self._statistics: dict[int, tuple[Any, Any]] = {}

    def start_with(self, norm: keras.layers.BatchNormalization, mean: Any, variance: Any) -> None:
        """Lets copies of a batch norm that are made later start with these moving statistics."""
        self._statistics[id(norm)] = (mean, variance)

    def call(
        self, operation: Any, name: str, scope: Scope, noisy: bool, args: Any, kwargs: Any
    ) -> Any:
        """The outputs of the copy that belongs to the scope.

        Args:
            operation: a layer, or an operation of `keras.ops`.
            name: of the original.
            scope: of the copy.
            noisy: whether kernels get noise.
            args: of the call.
            kwargs: of the call.

        Raises:
            ValueError: if the operation cannot be copied.
        """
        key = (id(operation), scope.base)
        known = key in self._copies
        if not known:
            self._copies[key] = _copy(operation, scope.name(name))
        copy = self._copies[key]
        if isinstance(copy, keras.layers.InputLayer):
            return copy.output
        outputs = copy(*args, **kwargs)
        if not known and isinstance(copy, keras.layers.Layer) and operation.weights:
            self._start(operation, copy, self._noise if noisy else 0.0, scope.seed)
        return outputs

    def _start(self, original: Any, copy: Any, noise: float, seed: int) -> None:
        values = [keras.ops.convert_to_numpy(weight) for weight in original.weights]
        copy.set_weights(
            [perturbed(v, copy.name, noise, seed) if v.ndim > 1 else v for v in values]
        )
        if id(original) in self._statistics:
            mean, variance = self._statistics[id(original)]
            copy.moving_mean.assign(mean)
            copy.moving_variance.assign(variance)
        if isinstance(copy, keras.layers.Normalization):
            copy.finalize_state()


def _copy(operation: Any, name: str) -> Any:
    if isinstance(operation, keras.layers.Lambda):
        # Its config would have the code of the function in it, which Keras refuses to read.
        return keras.layers.Lambda(
            operation.function, arguments=operation.arguments, mask=operation.mask, name=name
        )
    try:
        return type(operation).from_config(operation.get_config() | {"name": name})
    except Exception as error:
        raise ValueError(
            f"Layer {name!r} of class {type(operation).__name__} cannot be copied: its "
            "`from_config` does not take what its `get_config` returns. Let `get_config` return "
            f"all arguments of `__init__`. Received: {type(error).__name__}: {error}"
        ) from error
