"""Separable convolutions with quantized inputs and kernels: a depthwise one, then one of size 1."""

from typing import Any

import keras

from keras_groupnet import quantizers
from keras_groupnet.layers.quant_conv1d import QuantConv1D
from keras_groupnet.layers.quant_conv2d import QuantConv2D
from keras_groupnet.layers.quant_depthwise_conv1d import QuantDepthwiseConv1D
from keras_groupnet.layers.quant_depthwise_conv2d import QuantDepthwiseConv2D

_OF_BOTH = ("initializer", "regularizer", "constraint")
_OF_WINDOW = ("strides", "padding", "dilation_rate", "depth_multiplier", "pad_values")


class QuantSeparableConv(keras.layers.Layer):
    """`activation(conv_1(depthwise(input_quantizer(x), q_d(w_d)), q_p(w_p)) + bias)`.

    The base of the separable convolutions, which hold the two layers that they are: `depthwise` and
    `pointwise`. What goes from one to the other is not quantized (as in Larq), so in a converted
    file the second has binary weights and reads floats. Two quantized layers with an input
    quantizer each are faster.

    Args:
        filters: number of output channels.
        kernel_size: of the depthwise convolution.
        strides: of the depthwise convolution.
        padding: `"same"` or `"valid"`.
        data_format: `"channels_last"`.
        dilation_rate: of the depthwise convolution.
        depth_multiplier: depthwise outputs for each channel.
        activation: anything `activations.get` takes.
        use_bias: whether there is a bias.
        input_quantizer: anything `quantizers.get` takes; None if the input is already quantized.
        depthwise_quantizer: as in `QuantDepthwiseConv2D`.
        pointwise_quantizer: as `kernel_quantizer` of `QuantConv2D`.
        pad_values: as in `QuantConv2D`.
        metrics: as in `QuantLayer`, for both kernels.
        **kwargs: `depthwise_`, `pointwise_` and `bias_` with `initializer`, `regularizer`,
            `constraint`, and arguments of `keras.layers.Layer`.

    Raises:
        ValueError: as the two layers.
    """

    depthwise_class: type[Any]
    pointwise_class: type[Any]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        *,
        input_quantizer: Any = None,
        depthwise_quantizer: Any = None,
        pointwise_quantizer: Any = None,
        pad_values: float = 0.0,
        metrics: Any = None,
        **kwargs: Any,
    ):
        parts: dict[str, dict[str, Any]] = {
            part: {
                f"{'kernel' if part == 'pointwise' else part}_{what}": kwargs.pop(f"{part}_{what}")
                for what in _OF_BOTH
                if f"{part}_{what}" in kwargs
            }
            for part in ("depthwise", "pointwise", "bias")
        }
        super().__init__(**kwargs)
        shared = {"data_format": data_format, "metrics": metrics, "dtype": self.dtype_policy}
        self.depthwise = self.depthwise_class(
            kernel_size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation_rate,
            depth_multiplier=depth_multiplier,
            pad_values=pad_values,
            use_bias=False,
            input_quantizer=input_quantizer,
            depthwise_quantizer=depthwise_quantizer,
            name="depthwise",
            **parts["depthwise"],
            **shared,
        )
        self.pointwise = self.pointwise_class(
            filters,
            1,
            activation=activation,
            use_bias=use_bias,
            kernel_quantizer=pointwise_quantizer,
            name="pointwise",
            **parts["pointwise"],
            **parts["bias"],
            **shared,
        )

    @property
    def input_quantizer(self) -> Any:
        """Of the depthwise convolution."""
        return self.depthwise.input_quantizer

    @property
    def depthwise_quantizer(self) -> Any:
        """Of the first kernel."""
        return self.depthwise.kernel_quantizer

    @property
    def pointwise_quantizer(self) -> Any:
        """Of the second kernel."""
        return self.pointwise.kernel_quantizer

    @property
    def depthwise_kernel(self) -> Any:
        """The first latent kernel, `(..., C, depth_multiplier)`."""
        return self.depthwise.kernel

    @property
    def pointwise_kernel(self) -> Any:
        """The second latent kernel, `(1, ..., C * depth_multiplier, filters)`."""
        return self.pointwise.kernel

    @property
    def bias(self) -> Any:
        """The bias, or None."""
        return self.pointwise.bias

    def build(self, input_shape: Any) -> None:
        """Builds both layers."""
        self.depthwise.build(input_shape)
        self.pointwise.build(self.depthwise.compute_output_shape(input_shape))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the outputs of the second layer."""
        return self.pointwise(self.depthwise(inputs, training=training), training=training)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """That of the second layer."""
        middle = self.depthwise.compute_output_shape(input_shape)
        return self.pointwise.compute_output_shape(middle)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        first, second = self.depthwise.get_config(), self.pointwise.get_config()
        return {
            **super().get_config(),
            **{key: second[key] for key in ("filters", "data_format", "activation", "use_bias")},
            **{key: first[key] for key in ("kernel_size", *_OF_WINDOW)},
            **{f"depthwise_{what}": first[f"depthwise_{what}"] for what in _OF_BOTH},
            **{f"pointwise_{what}": second[f"kernel_{what}"] for what in _OF_BOTH},
            **{f"bias_{what}": second[f"bias_{what}"] for what in _OF_BOTH},
            "input_quantizer": quantizers.serialize(self.input_quantizer),
            "depthwise_quantizer": quantizers.serialize(self.depthwise_quantizer),
            "pointwise_quantizer": quantizers.serialize(self.pointwise_quantizer),
            **({"metrics": first["metrics"]} if "metrics" in first else {}),
        }


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantSeparableConv1D(QuantSeparableConv):
    """A `QuantDepthwiseConv1D`, then a `QuantConv1D` of size 1; see `QuantSeparableConv2D`.

    Input shape:
        `(N, T, C)`

    Output shape:
        `(N, OT, filters)`
    """

    depthwise_class = QuantDepthwiseConv1D
    pointwise_class = QuantConv1D


@keras.saving.register_keras_serializable(package="keras_groupnet")
class QuantSeparableConv2D(QuantSeparableConv):
    """A `QuantDepthwiseConv2D`, then a `QuantConv2D` of size 1, with the arguments of Larq's.

    What goes from one to the other is not quantized, so in a converted file the second has binary
    weights and reads floats. Two quantized layers with an input quantizer each are faster.

    Args: see `QuantSeparableConv`.

    Input shape:
        `(N, H, W, C)`

    Output shape:
        `(N, OH, OW, filters)`
    """

    depthwise_class = QuantDepthwiseConv2D
    pointwise_class = QuantConv2D
