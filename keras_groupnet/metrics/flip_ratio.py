"""How many binary weights change their sign."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class FlipRatio(keras.metrics.Metric):
    """The share of weights whose sign changed since the update before, a mean over the updates.

        1 / (U - 1) * sum_u 1 / n * #{i: sgn(w_i^(u)) != sgn(w_i^(u-1))},  sgn(0) = 1

    The first update only remembers. `reset_state`, which `fit` calls before each epoch, forgets the
    mean, but not the weights, so that flips between the last batch of an epoch and the first of the
    next count. On JAX, Keras drops what metrics of layers learn inside of `call` in `fit`; update
    it elsewhere there, in a loop of your own or a callback.

    Example:
        class Watched(kgn.layers.QuantConv2D):
            def build(self, input_shape):
                super().build(input_shape)
                self.flips = kgn.metrics.FlipRatio(self.kernel.shape)

            def call(self, inputs, training=False):
                if training:
                    self.flips.update_state(self.kernel)
                return super().call(inputs)

    Args:
        shape: of the weights.
        name: of the metric; what the logs of `fit` call it.
        dtype: of the ratio.

    Raises:
        ValueError: for values of another shape.

    References:
        Helwegen et al., Latent Weights Do Not Exist, arXiv 1906.02107; `larq.metrics.FlipRatio`.
    """

    def __init__(self, shape: Sequence[int], name: str = "flip_ratio", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.shape = tuple(shape)
        self._signs = self.add_variable(self.shape, "zeros", dtype="int8", name="signs")
        self._known = self.add_variable((), "zeros", name="known")
        self._total = self.add_variable((), "zeros", name="total")
        self._count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any) -> None:
        """Compares weights with those of the update before.

        Args:
            values: latent or binary weights.
        """
        if tuple(values.shape) != self.shape:
            raise ValueError(
                f"Expected weights of shape {self.shape}. Received: values of shape "
                f"{tuple(values.shape)}"
            )
        signs = ops.where(ops.convert_to_tensor(values) < 0, -1, 1)
        signs = ops.cast(signs, "int8")
        flipped = ops.cast(ops.not_equal(signs, self._signs), self._total.dtype)
        self._total.assign(self._total + self._known * ops.mean(flipped))
        self._count.assign(self._count + self._known)
        self._known.assign(ops.ones(()))
        self._signs.assign(signs)

    def result(self) -> Any:
        """The mean; 0 before the second update."""
        return self._total / ops.maximum(self._count, 1)

    def reset_state(self) -> None:
        """Forgets the mean, not the weights."""
        self._total.assign(ops.zeros(()))
        self._count.assign(ops.zeros(()))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "shape": self.shape}
