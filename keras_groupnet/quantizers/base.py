"""What all quantizers have in common."""

from typing import Any


class Quantizer:
    """A callable that maps a real tensor to few levels and can be saved.

    Attributes:
        precision: bits that one value needs.
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
