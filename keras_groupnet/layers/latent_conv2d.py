"""What PCNN's, RBCN's and MCN's convolutions share."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.quant_conv2d import QuantConv2D


class LatentConv2D(QuantConv2D):
    """A convolution whose deployed kernel depends on more variables than the latent kernel.

    The base of layers that override `quantize_kernel`. There is no bias: in these nets a batch norm
    follows. The latent kernel and the other variables are left out of converted files.

    Args:
        filters: number of output feature maps; each has `channels_per_map` channels, next to each
            other.
        kernel_size: int or pair.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        pad_values: value of the taps outside the feature map, as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.Conv2D` but `use_bias` and `groups`.

    Raises:
        ValueError: as `QuantConv2D`, and for a bias or groups.

    Attributes:
        channels_per_map: output channels that come from one latent filter.
    """

    channels_per_map = 1

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        input_quantizer: Any = None,
        pad_values: float = 0.0,
        **kwargs: Any,
    ):
        use_bias = kwargs.pop("use_bias", False)
        super().__init__(
            filters,
            kernel_size,
            input_quantizer=input_quantizer,
            pad_values=pad_values,
            use_bias=False,
            **kwargs,
        )
        if use_bias or self.groups != 1:
            raise ValueError(
                f"{type(self).__name__} has neither bias (put a batch norm behind it) nor groups. "
                f"Received: use_bias={use_bias!r}, groups={self.groups!r}"
            )

    @property
    def kernel_precision(self) -> int:
        """Bits of one weight of the deployed kernel."""
        return 1

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape with `channels_per_map` channels for each of `filters`."""
        *shape, filters = super().compute_output_shape(input_shape)
        return (*shape, filters * self.channels_per_map)

    def watched_kernel(self) -> Any:
        """The latent kernel: there may be several deployed ones."""
        return self.kernel

    def mean_magnitude(self, shape: Any, dtype: Any = None) -> Any:
        """An initializer: `mean|w|` of the latent kernel, which must exist."""
        mean = ops.mean(ops.abs(ops.convert_to_tensor(self.kernel)))
        return ops.ones(shape, dtype=dtype or mean.dtype) * ops.cast(mean, dtype or mean.dtype)

    def save_own_variables(self, store: Any) -> None:
        """Writes all variables; that of `keras.layers.Conv2D` knows of kernel and bias only."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote."""
        keras.layers.Layer.load_own_variables(self, store)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        config = super().get_config()
        del config["kernel_quantizer"]
        return config
