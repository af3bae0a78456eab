"""PCNN's convolution: several binary kernels from one latent kernel and its projections."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.initializers import SignedUniform
from keras_groupnet.layers.latent_conv2d import LatentConv2D
from keras_groupnet.quantizers import projection


@keras.saving.register_keras_serializable(package="keras_groupnet")
class ProjectionConv2D(LatentConv2D):
    """`conv(input_quantizer(x), D)`, `D_j = a * sgn(W_j * C)`, the J results concatenated.

    The latent kernel C has one filter per output feature map; the J learned projections W_j, one
    `(kh, kw)` matrix each for the whole layer, make J binary filters of it. All of a layer's
    deployed weights are ±a. The gradients are those of the task loss and of the projection loss,
    see `quantizers.projection.project`: training needs no further loss, only eta, which
    `training.ProjectionCallback` keeps equal to the learning rate.

    A flip of one latent weight flips it in all J kernels: they differ by the signs of W_j, which
    rarely change. At equal `filters` more projections help; at an equal number of channels,
    `filters * J`, there are J times fewer weights to learn.

    Gradients of the projection loss join behind the loss, where the loss scaling of
    `mixed_float16` does not reach: use `mixed_bfloat16`.

    Args:
        filters: number of output feature maps, of `projections` channels each.
        kernel_size: int or pair.
        projections: J, channels of a feature map. The input's channels should be such maps of J
            channels too.
        levels: 2; 3 for the ternary net, `{-a, 0, a}`, from which a binary one may start
            (`methods.PCNN.stages`). It stays float when converted.
        forward: `"elementwise"`; `"mean"` is the paper's: the mean of W_j in the forward pass. All
            J kernels of a feature map are then equal up to their signs.
        projection_weight: lambda of the projection loss, 1e-4 in the paper.
        level_norm: `"weight"`: the level a is the mean of |C| over the weights; `"kernel"`: that
            of the L1 norms of kernels (`quantizers.projection.outer_level`).
        projection_initializer: of W; `SignedUniform(0.5, 1.5)` if None.
        input_quantizer: anything `quantizers.get` takes; `"approx_sign"` in the paper.
        pad_values: value of the taps outside the feature map, as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.Conv2D` but `use_bias` and `groups`.

    Raises:
        ValueError: for other values, and as `LatentConv2D`; when built, for `mixed_float16`.

    Input shape:
        `(N, H, W, Cin)`

    Output shape:
        `(N, OH, OW, filters * projections)`; channel j of feature map h is `h * J + j`

    References:
        Gu et al., Projection Convolutional Neural Networks, arXiv 1811.12755 (Eq. 3.28 to 3.57 of
        the book chapter).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        projections: int = 4,
        levels: int = 2,
        forward: str = "elementwise",
        projection_weight: float = 1e-4,
        level_norm: str = "weight",
        projection_initializer: Any = None,
        input_quantizer: Any = None,
        pad_values: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, input_quantizer=input_quantizer, pad_values=pad_values, **kwargs
        )
        for name, value, allowed in (
            ("levels", levels, projection.LEVELS),
            ("forward", forward, projection.FORWARDS),
            ("level_norm", level_norm, projection.LEVEL_NORMS),
        ):
            if value not in allowed:
                raise ValueError(f"`{name}` must be one of {allowed}. Received: {name}={value!r}")
        if projections < 1 or projection_weight < 0:
            raise ValueError(
                "`projections` must be at least 1 and `projection_weight` at least 0. Received: "
                f"projections={projections!r}, projection_weight={projection_weight!r}"
            )
        self.projections = projections
        self.channels_per_map = projections
        self.levels = levels
        # `forward` is what Torch calls.
        self.forward_pass = forward
        self.projection_weight = projection_weight
        self.level_norm = level_norm
        self.projection_initializer = keras.initializers.get(
            projection_initializer or SignedUniform()
        )

    def build(self, input_shape: Any) -> None:
        """Makes C, W (`projection`) and eta (`projection_rate`, not trained)."""
        if self.compute_dtype == "float16":
            raise ValueError(
                "ProjectionConv2D cannot train under loss scaling; use 'mixed_bfloat16'. "
                f"Received: dtype={self.dtype_policy.name!r}"
            )
        super().build(input_shape)
        self.projection = self.add_weight(
            name="projection",
            shape=(self.projections, *self.kernel_size),
            initializer=self.projection_initializer,
        )
        self.projection_rate = self.add_weight(
            name="projection_rate", shape=(), initializer="zeros", trainable=False
        )

    @property
    def kernel_precision(self) -> int:
        """2 bits for the ternary net."""
        return self.levels - 1

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns D for the latent `kernel`."""
        return projection.project(
            kernel,
            self.projection,
            self.projection_rate,
            self.projection_weight,
            self.levels,
            self.forward_pass,
            self.level_norm,
        )

    def projection_loss(self) -> Any:
        """The layer's projection loss (Eq. 3.42) without the step: at `d_j = 0`. Scalar."""
        kernel = ops.convert_to_tensor(self.kernel)
        return projection.projection_loss(
            kernel, self.projection, self.quantize_kernel(kernel), self.projection_weight
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "projections": self.projections,
            "levels": self.levels,
            "forward": self.forward_pass,
            "projection_weight": self.projection_weight,
            "level_norm": self.level_norm,
            "projection_initializer": keras.initializers.serialize(self.projection_initializer),
        }
