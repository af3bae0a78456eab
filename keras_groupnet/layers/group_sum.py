"""The sum over the bases of a group."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_groupnet")
class GroupSum(keras.layers.Layer):
    """`sum_i lambda_i * y_i`, Eq. 3, 5 and 6 of Group-Net, with learned lambda.

    The weight `scales`, shape `(K,)`, holds the lambdas. They start at 1 / K, so that K equal bases
    equal one base (the release starts them uniformly in [0, 1)).

    Args:
        initializer: of `scales`; None for 1 / K.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: if the input is no list of tensors of one shape.

    Input shape:
        a list of K tensors of one shape

    Output shape:
        that shape
    """

    def __init__(self, initializer: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: Any) -> None:
        """Makes `scales`."""
        check_bases("GroupSum", input_shape)
        bases = len(input_shape)
        self.scales = self.add_weight(
            name="scales",
            shape=(bases,),
            initializer=self.initializer or keras.initializers.Constant(1.0 / bases),
        )

    def call(self, inputs: list[Any]) -> Any:
        """Returns the weighted sum."""
        total = self.scales[0] * inputs[0]
        for index, base in enumerate(inputs[1:], start=1):
            total = total + self.scales[index] * base
        return total

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of one base."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer)
            if self.initializer
            else None,
        }


def check_bases(layer: str, input_shape: Any) -> None:
    """Raises ValueError unless a layer gets the outputs of the bases of one group.

    Args:
        layer: its class, for the message.
        input_shape: as `build` gets it.
    """
    if not isinstance(input_shape, list) or not input_shape:
        raise ValueError(
            f"{layer} takes a list of tensors, one per base. Received: shape {input_shape!r}"
        )
    if len({tuple(shape) for shape in input_shape}) > 1:
        raise ValueError(
            f"The bases of a group must have one shape. Received: shapes {input_shape!r}"
        )
