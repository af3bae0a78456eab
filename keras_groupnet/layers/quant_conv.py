"""What quantized convolutions share: padding with values that keep a ±1 feature map binary."""

from typing import Any

from keras import ops

from keras_groupnet.layers.padding import check_padding, pad_same
from keras_groupnet.layers.quant_layer import QuantLayer


class QuantConv(QuantLayer):
    """A mixin for convolutions of any rank, channels last; one of your own takes two lines.

        class MyConv1D(QuantConv, keras.layers.Conv1D):
            pass

    Args:
        *args: arguments of the Keras layer.
        pad_values: value of the taps outside the feature map for `padding="same"`: 0, or 1 or -1,
            which keep a ±1 feature map binary.
        **kwargs: arguments of `QuantLayer` and of the Keras layer.

    Raises:
        ValueError: for other `pad_values`, for `pad_values` without `padding="same"`, for a
            `padding` that is not one of `paddings`, and for `data_format="channels_first"`.

    Attributes:
        paddings: what `padding` may be.
    """

    paddings: tuple[str, ...] = ("same", "valid")

    # Of the Keras layer.
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: str
    data_format: str

    def __init__(self, *args: Any, pad_values: float = 0.0, **kwargs: Any):
        super().__init__(*args, **kwargs)
        check_padding(pad_values, self.padding, self.data_format, self.paddings)
        self.pad_values = float(pad_values)

    def pad(self, inputs: Any) -> tuple[Any, str]:
        """Pads the inputs with `pad_values`, unless these are 0, which convolutions do themselves.

        Returns:
            The inputs and the padding that is left to the convolution.
        """
        if self.pad_values == 0.0:
            return inputs, self.padding
        padded = pad_same(
            inputs, self.kernel_size, self.strides, self.dilation_rate, self.pad_values
        )
        return padded, "valid"

    def linear(self, inputs: Any, kernel: Any) -> Any:
        """The convolution of quantized inputs and a quantized kernel."""
        inputs, padding = self.pad(inputs)
        return ops.conv(
            inputs,
            kernel,
            strides=list(self.strides),
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "pad_values": self.pad_values}
