"""RBCN's convolution: a binary kernel times the mean of a learned matrix."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.layers.latent_conv2d import LatentConv2D
from keras_groupnet.quantizers import functional
from keras_groupnet.quantizers.gradient import scale_gradient, straight_through

C_SHAPES = ("layer", "channel")
C_GRADIENTS = ("mean", "matrix")
KERNEL_GRADIENTS = ("direct", "literal")


@keras.saving.register_keras_serializable(package="keras_groupnet")
class RectifiedConv2D(LatentConv2D):
    """`conv(input_quantizer(x), C* . sgn(W))`, with a learned matrix C whose mean is C*.

    Forward (Eq. 5, 6): the mean of C stands in for each of its entries. Backward: `dL/dC` is that
    of the mean, `dL/dW = g * C* * (2 - 2|W|)` for |W| < 1 (Eq. 8). Like a regularizer, the layer
    adds its kernel loss (Eq. 3) to the model's,

        L_K = lambda_1 / 2 * ||W - C sgn(W)||^2,  dL_K/dC = -lambda_1 sum (W - C sgn(W)) sgn(W)

    The loss is a sum: along C its curvature is `lambda_1 * Cin * filters`, which times the learning
    rate should stay below 2. Lower `c_rate` for very wide layers.

    Args:
        filters: output channels.
        kernel_size: int or pair.
        c_shape: `"layer"`: one `(kh, kw)` matrix; `"channel"`: one value per output channel.
        c_gradient: of the task loss at a `"layer"` matrix. `"mean"`: each entry gets its part of
            the gradient at C*. `"matrix"`: `sum g * sgn(W)` at each entry, as if the forward pass
            had used it; public code of the authors' group does so. Behind a batch norm these sum
            to about zero: nothing in the forward pass answers to them, the entries drift apart,
            and the kernel loss then pulls W after them.
        kernel_weight: lambda_1.
        kernel_gradient: at W. `"direct"`: `lambda_1 (W - C sgn(W))`, with sgn(W) constant.
            `"literal"`: Eq. 11 times Eq. 8, which goes through sgn(W) and raises L_K.
        c_rate: learning rate of C relative to that of W, for SGD.
        input_quantizer: anything `quantizers.get` takes; `"approx_sign"` in the paper.
        pad_values: value of the taps outside the feature map, as in `QuantConv2D`.
        **kwargs: arguments of `keras.layers.Conv2D` but `use_bias` and `groups`.

    Raises:
        ValueError: for other values, and as `LatentConv2D`.

    Input shape:
        `(N, H, W, Cin)`

    Output shape:
        `(N, OH, OW, filters)`

    References:
        Liu et al., Rectified Binary Convolutional Networks, arXiv 1908.07748.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        c_shape: str = "layer",
        c_gradient: str = "mean",
        kernel_weight: float = 1e-4,
        kernel_gradient: str = "direct",
        c_rate: float = 1.0,
        input_quantizer: Any = None,
        pad_values: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(
            filters, kernel_size, input_quantizer=input_quantizer, pad_values=pad_values, **kwargs
        )
        for name, value, allowed in (
            ("c_shape", c_shape, C_SHAPES),
            ("c_gradient", c_gradient, C_GRADIENTS),
            ("kernel_gradient", kernel_gradient, KERNEL_GRADIENTS),
        ):
            if value not in allowed:
                raise ValueError(f"`{name}` must be one of {allowed}. Received: {name}={value!r}")
        if kernel_weight < 0 or c_rate < 0:
            raise ValueError(
                "`kernel_weight` and `c_rate` must be at least 0. Received: "
                f"kernel_weight={kernel_weight!r}, c_rate={c_rate!r}"
            )
        self.c_shape = c_shape
        self.c_gradient = c_gradient
        self.kernel_weight = kernel_weight
        self.kernel_gradient = kernel_gradient
        self.c_rate = c_rate

    def build(self, input_shape: Any) -> None:
        """Makes W and C, which starts where L_K is least: at `mean|W|`."""
        super().build(input_shape)
        layer = self.c_shape == "layer"
        self.c = self.add_weight(
            name="c",
            shape=(*self.kernel_size, 1, 1) if layer else (1, 1, 1, self.filters),
            initializer=self.mean_magnitude,
        )

    def fit_c(self) -> None:
        """Sets C to `mean|W|` again, for a kernel that came from elsewhere (`transfer_weights`)."""
        self.c.assign(self.mean_magnitude(self.c.shape))

    def quantize_kernel(self, kernel: Any) -> Any:
        """Returns `C* sgn(kernel)`."""
        kernel = ops.convert_to_tensor(kernel)
        c = ops.cast(ops.convert_to_tensor(self.c), kernel.dtype)
        if self.c_rate != 1.0:
            c = scale_gradient(c, self.c_rate)
        if self.c_shape == "layer":
            c = _matrix_gradient(c) if self.c_gradient == "matrix" else ops.mean(c)
        return functional.approx_sign(kernel) * c

    def kernel_loss(self) -> Any:
        """L_K, the kernel loss of Eq. 3, `lambda_1 / 2 * ||W - C sgn(W)||^2`, a float32 scalar."""
        kernel = ops.cast(ops.convert_to_tensor(self.kernel), "float32")
        c = ops.cast(ops.convert_to_tensor(self.c), "float32")
        if self.c_rate != 1.0:
            c = scale_gradient(c, self.c_rate)
        if self.kernel_gradient == "direct":
            difference = kernel - c * functional.sign(kernel)
        else:
            difference = ops.stop_gradient(kernel) - c * functional.approx_sign(kernel)
        return self.kernel_weight / 2 * ops.sum(ops.square(difference))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns `(N, OH, OW, filters)`."""
        if self.kernel_weight:
            self.add_loss(self.kernel_loss())
        return super().call(inputs, training)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "c_shape": self.c_shape,
            "c_gradient": self.c_gradient,
            "kernel_weight": self.kernel_weight,
            "kernel_gradient": self.kernel_gradient,
            "c_rate": self.c_rate,
        }


_matrix_gradient = straight_through(lambda c: ops.full_like(c, ops.mean(c)), lambda g, c: g)
