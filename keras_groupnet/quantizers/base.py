"""What all quantizers have in common."""

from typing import Any


class Quantizer:
    """A callable that maps a float tensor to few levels and can be saved.

    A quantizer of your own is a subclass that sets `precision`, is registered with Keras and
    returns its constructor arguments from `get_config`:

        @keras.saving.register_keras_serializable(package="my_package")
        class SwishSign(Quantizer):
            precision = 1

            def __call__(self, inputs): ...

    Attributes:
        precision: bits that one value needs; 1 promises -1 and +1 for activations, and one
            magnitude per output channel for kernels.
    """

    precision: int

    def __call__(self, inputs: Any) -> Any:
        """Returns the quantized `inputs`, same shape and dtype."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Quantizer":
        """Builds the quantizer from `get_config()`."""
        return cls(**config)


def check_window(clip_value: float | None) -> None:
    """Raises ValueError unless a gradient can have this window."""
    if clip_value is not None and not clip_value > 0:
        raise ValueError(
            "`clip_value` must be positive, or None for no window. "
            f"Received: clip_value={clip_value!r}"
        )
