"""RBCN's discriminator and the two losses of its game."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.gradient import scale_gradient

POOLINGS = ("average", "flatten")
_SLOPE = 0.2


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Discriminator(keras.layers.Layer):
    """Tells the features of a full-precision net (real) from those of a binary one (fake).

    Linear layers down to one value, a leaky ReLU of slope 0.2 after each. The value is the logit of
    the probability D that the features are real. RBCN's paper says four such blocks; their widths
    and the pooling in front are ours.

    Args:
        widths: of the layers before the last, whose width is 1.
        pooling: what happens to a map: `"average"` over its positions, or `"flatten"`.
        rate: learning rate relative to that of the net, for SGD.
        **kwargs: arguments of `keras.layers.Layer`; it computes in float32 by default.

    Raises:
        ValueError: for another `pooling`.

    Input shape:
        `(N, H, W, C)` or `(N, C)`

    Output shape:
        `(N,)`

    References:
        Liu et al., Rectified Binary Convolutional Networks, arXiv 1908.07748, section 3.
    """

    def __init__(
        self,
        widths: Sequence[int] = (256, 128, 64),
        pooling: str = "average",
        rate: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**({"dtype": "float32"} | kwargs))
        if pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be one of {POOLINGS}. Received: pooling={pooling!r}")
        self.widths = tuple(widths)
        self.pooling = pooling
        self.rate = rate

    def build(self, input_shape: Any) -> None:
        """Makes `matrix_1`, `bias_1`, ... (no kernels: weight decay leaves them alone)."""
        _, *positions, inputs = input_shape
        if self.pooling == "flatten":
            for length in positions:
                inputs *= length
        self._matrices: list[Any] = []
        self._biases: list[Any] = []
        for i, outputs in enumerate((*self.widths, 1), start=1):
            self._matrices.append(
                self.add_weight(
                    name=f"matrix_{i}", shape=(inputs, outputs), initializer="glorot_uniform"
                )
            )
            self._biases.append(
                self.add_weight(name=f"bias_{i}", shape=(outputs,), initializer="zeros")
            )
            inputs = outputs

    def call(self, inputs: Any, frozen: bool = False) -> Any:
        """Returns the logits.

        Args:
            inputs: features.
            frozen: stop the gradient at the discriminator's weights, not at the features: for the
                generator's loss.
        """
        if self.pooling == "flatten":
            x = ops.reshape(inputs, (ops.shape(inputs)[0], -1))
        else:
            x = ops.mean(inputs, axis=tuple(range(1, len(inputs.shape) - 1)))
        for matrix, bias in zip(self._matrices, self._biases, strict=True):
            x = ops.matmul(x, self._read(matrix, frozen)) + self._read(bias, frozen)
            x = ops.leaky_relu(x, _SLOPE)
        return x[:, 0]

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """See the class."""
        return (input_shape[0],)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "widths": self.widths,
            "pooling": self.pooling,
            "rate": self.rate,
        }

    def _read(self, weight, frozen):
        if frozen:
            return ops.stop_gradient(ops.convert_to_tensor(weight))
        return weight if self.rate == 1.0 else scale_gradient(weight, self.rate)


def discriminator_loss(real: Any, fake: Any) -> Any:
    """`-log D(R) - log(1 - D(T))`, Eq. 2 with its sign turned, mean over the batch.

    Args:
        real: logits of the full-precision features R.
        fake: logits of the binary features T.
    """
    return ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))


def generator_loss(fake: Any) -> Any:
    """`(1 - D(T))^2`, the last term of Eq. 4, mean over the batch.

    Args:
        fake: logits of the binary features T.
    """
    return ops.mean(ops.square(1 - ops.sigmoid(fake)))
