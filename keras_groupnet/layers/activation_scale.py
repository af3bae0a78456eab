"""The activation scale of XNOR-Net as a layer."""

from typing import Any

import keras

from keras_groupnet.quantizers import functional

MODES = ("xnor", "mean")


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ActivationScale(keras.layers.Layer):
    """The positive factor by which the output of a 1-bit convolution is multiplied.

    It is computed from the float input of the sign, once for all bases that share this input:
    `"xnor"`: `box(kh, kw) * mean_c|x|`, moved like the convolution; `"mean"`: `mean|x|` per sample.
    The gradient is stopped. The arithmetic is that of `quantizers.functional.xnor_scale_map`.

    Args:
        mode: `"xnor"` or `"mean"`.
        kernel_size: of the convolution, int or pair; also `strides`, `dilation_rate`.
        strides: int or pair.
        padding: `"same"` or `"valid"`.
        dilation_rate: int or pair.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: for another `mode` or `padding`.

    Input shape:
        `(N, H, W, C)` or `(N, C)`

    Output shape:
        `(N, OH, OW, 1)` for `"xnor"`, `(N, 1, 1, 1)` for `"mean"`, `(N, 1)` for 2-D inputs

    References:
        Rastegari et al., XNOR-Net, arXiv 1603.05279, section 3.2.
    """

    def __init__(
        self,
        mode: str = "xnor",
        kernel_size: int | tuple[int, int] = 1,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        dilation_rate: int | tuple[int, int] = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if mode not in MODES:
            raise ValueError(f"`mode` must be one of {MODES}. Received: mode={mode!r}")
        if padding not in ("same", "valid"):
            raise ValueError(f"`padding` must be 'same' or 'valid'. Received: padding={padding!r}")
        self.mode = mode
        self.kernel_size = _pair(kernel_size)
        self.strides = _pair(strides)
        self.padding = padding
        self.dilation_rate = _pair(dilation_rate)

    def call(self, inputs: Any) -> Any:
        """Returns the scales."""
        return functional.xnor_scale_map(
            inputs, self.mode, self.kernel_size, self.strides, self.padding, self.dilation_rate
        )

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of the scales, which broadcasts over the channels of the convolution."""
        if len(input_shape) == 2 or self.mode == "mean":
            return (input_shape[0],) + (1,) * (len(input_shape) - 1)
        lengths = []
        for length, size, stride, dilation in zip(
            input_shape[1:3], self.kernel_size, self.strides, self.dilation_rate, strict=True
        ):
            if length is not None and self.padding == "valid":
                length -= (size - 1) * dilation
            lengths.append(None if length is None else -(-length // stride))
        return (input_shape[0], *lengths, 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "mode": self.mode,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
        }


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
