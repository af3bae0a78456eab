"""The gates between groups of the journal version of Group-Net."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.group_sum import check_bases


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SoftGates(keras.layers.Layer):
    """`x_k = s * y_k + (1 - s) * mean_i(y_i)`, `s = sigmoid(gate)`, with one learned gate.

    y_k is what base k of a group gives, x_k what base k of the next group reads. At s = 0 all read
    the mean, as if the groups were apart; at s = 1 each base reads its own, as if both groups were
    one. The gate, a scalar, starts uniformly in [0, 1).

    Args:
        seed: of the initial gate; None for any.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if the input is no list of tensors of one shape.

    Input and output shape:
        a list of K tensors of one shape

    References:
        Zhuang et al., Structured Binary Neural Networks for Image Recognition, arXiv 1909.09934.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, input_shape: Any) -> None:
        """Makes `gate`."""
        check_bases("SoftGates", input_shape)
        self.gate = self.add_weight(
            name="gate",
            shape=(),
            initializer=keras.initializers.RandomUniform(0.0, 1.0, seed=self.seed),
        )

    def call(self, inputs: list[Any]) -> list[Any]:
        """Returns what the bases of the next group read."""
        share = ops.sigmoid(self.gate)
        total = inputs[0]
        for base in inputs[1:]:
            total = total + base
        common = (1 - share) / len(inputs) * total
        return [share * base + common for base in inputs]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the inputs."""
        return [tuple(shape) for shape in input_shape]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "seed": self.seed}
