"""MCN's convolution: binary kernels, modulated by a few learned floats."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.latent_conv2d import LatentConv2D
from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.gradient import scale_gradient

FILTER_LOSSES = ("sum", "per_plane")


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ModulatedConv2D(LatentConv2D):
    """`conv(input_quantizer(x), sgn(C) * M_j)` for each of the K M-Filters, concatenated.

    The M-Filters M_j, one `(kh, kw)` matrix each for the whole layer, modulate one binary filter
    per output feature map: `Q_j = sgn(C) * M_j` (Eq. 3.12 to 3.17 of the book chapter). In MCN-1
    (`scalar=True`) M_j is one number. The gradient goes through the sign where |C| <= 1. Like a
    regularizer, the layer adds its filter loss (Eq. 3.18) to the model's, with sgn(C) constant:

        "sum"        theta / 2 * ||C - sgn(C) sum_j M_j||^2
        "per_plane"  theta / 2 * sum_j ||C - sgn(C) M_j||^2      (what Eq. 3.27 differentiates)

    Args:
        filters: number of output feature maps, of `planes` channels each.
        kernel_size: int or pair.
        planes: K, channels of a feature map. The input's channels should be such maps of K channels
            too (`RepeatChannels` makes them of an image).
        scalar: MCN-1.
        filter_weight: theta.
        filter_loss: `"sum"` or `"per_plane"`.
        modulation_rate: learning rate of M relative to that of C, for SGD.
        modulation_initializer: of M; None for `u * mean|C| / K`, u uniform in [0.5, 1.5), about
            where the filter loss is least.
        input_quantizer: anything `quantizers.get` takes; None in the paper's nets, whose
            activations are floats.
        pad_values: value of the taps outside the feature map, as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.Conv2D` but `use_bias` and `groups`.

    Raises:
        ValueError: for other values, and as `LatentConv2D`.

    Input shape:
        `(N, H, W, Cin)`

    Output shape:
        `(N, OH, OW, filters * planes)`; channel j of feature map h is `h * K + j`

    References:
        Wang et al., Modulated Convolutional Networks, CVPR 2018.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        planes: int = 4,
        scalar: bool = False,
        filter_weight: float = 1e-3,
        filter_loss: str = "sum",
        modulation_rate: float = 1.0,
        modulation_initializer: Any = None,
        input_quantizer: Any = None,
        pad_values: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, input_quantizer=input_quantizer, pad_values=pad_values, **kwargs
        )
        if filter_loss not in FILTER_LOSSES:
            raise ValueError(
                f"`filter_loss` must be one of {FILTER_LOSSES}. Received: "
                f"filter_loss={filter_loss!r}"
            )
        if planes < 1 or filter_weight < 0 or modulation_rate < 0:
            raise ValueError(
                "`planes` must be at least 1, `filter_weight` and `modulation_rate` at least 0. "
                f"Received: planes={planes!r}, filter_weight={filter_weight!r}, "
                f"modulation_rate={modulation_rate!r}"
            )
        self.planes = planes
        self.channels_per_map = planes
        self.scalar = scalar
        self.filter_weight = filter_weight
        self.filter_loss_form = filter_loss
        self.modulation_rate = modulation_rate
        self.modulation_initializer = keras.initializers.get(modulation_initializer)

    def build(self, input_shape: Any) -> None:
        """Makes C and M (`modulation`)."""
        super().build(input_shape)
        self.modulation = self.add_weight(
            name="modulation",
            shape=(self.planes, *((1, 1) if self.scalar else self.kernel_size)),
            initializer=self.modulation_initializer or self._spread_magnitude,
        )

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns all Q_j for the latent `kernel`: `(kh, kw, Cin, filters * planes)`."""
        kernel = ops.convert_to_tensor(kernel)
        *taps, filters = kernel.shape
        modulated = functional.ste_sign(kernel)[..., None] * self._m_filters(kernel.dtype)
        return ops.reshape(modulated, (*taps, filters * self.planes))

    def filter_loss(self) -> Any:
        """L_M, the filter loss of Eq. 3.18, a float32 scalar, in the form `filter_loss`."""
        kernel = ops.cast(ops.convert_to_tensor(self.kernel), "float32")[..., None]
        m_filters = self._m_filters("float32")
        if self.filter_loss_form == "sum":
            m_filters = ops.sum(m_filters, axis=-1, keepdims=True)
        difference = kernel - functional.sign(kernel) * m_filters
        return self.filter_weight / 2 * ops.sum(ops.square(difference))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns `(N, OH, OW, filters * planes)`."""
        if self.filter_weight:
            self.add_loss(self.filter_loss())
        return super().call(inputs, training)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "planes": self.planes,
            "scalar": self.scalar,
            "filter_weight": self.filter_weight,
            "filter_loss": self.filter_loss_form,
            "modulation_rate": self.modulation_rate,
            "modulation_initializer": keras.initializers.serialize(self.modulation_initializer)
            if self.modulation_initializer
            else None,
        }

    def _m_filters(self, dtype):
        """`(K, kh, kw)` as `(kh, kw, 1, 1, K)`."""
        modulation = ops.cast(ops.convert_to_tensor(self.modulation), dtype)
        if self.modulation_rate != 1.0:
            modulation = scale_gradient(modulation, self.modulation_rate)
        return ops.transpose(modulation, (1, 2, 0))[:, :, None, None, :]

    def _spread_magnitude(self, shape, dtype=None):
        uniform = keras.initializers.RandomUniform(0.5, 1.5)(shape, dtype=dtype)
        return self.mean_magnitude(shape, dtype) * uniform / self.planes
