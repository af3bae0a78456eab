"""SGD with the weight decay of the papers."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_groupnet")
class SGDWithL2(keras.optimizers.SGD):
    """SGD whose decay goes through the gradient: `g + l2 * w` in place of `g`, for kernels.

    This is what `weight_decay` of the papers' SGD means (Caffe, Torch): the gradient of
    `l2 / 2 * |w|^2`, so it runs through the momentum. Keras' own `weight_decay` is another thing,
    `w - lr * weight_decay * w` beside the step. Unlike a kernel regularizer it leaves the reported
    loss alone and changes no layer.

    Only variables whose name ends in "kernel" decay; batch norms, biases and the scales of
    `GroupSum` do not.

    Args:
        learning_rate: float or schedule.
        momentum: as in `keras.optimizers.SGD`.
        nesterov: whether the momentum is Nesterov's.
        l2: factor of the kernels.
        **kwargs: arguments of `keras.optimizers.SGD`.

    Raises:
        ValueError: if `l2` is negative.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.9,
        nesterov: bool = True,
        l2: float = 1e-4,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, momentum=momentum, nesterov=nesterov, **kwargs)
        if l2 < 0:
            raise ValueError(f"`l2` must be at least 0. Received: l2={l2!r}")
        self.l2 = l2

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Adds the decay to the gradient, then takes SGD's step."""
        # On TensorFlow this is a tf.Variable, whose name may have a scope and ends in ":0".
        if variable.name.split(":")[0].endswith("kernel"):
            weight = ops.convert_to_tensor(variable)
            gradient = ops.cast(gradient, weight.dtype) + self.l2 * weight
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "l2": self.l2}
