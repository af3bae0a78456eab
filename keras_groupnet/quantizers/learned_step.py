"""LSQ: uniform quantizers whose step is learned with the weights."""

import math
from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.gradient import straight_through
from keras_groupnet.quantizers.k_bit_activation import KBitActivation
from keras_groupnet.quantizers.learned import LearnedQuantizer

# Steps are kept from 0, where x / step ends; training may bring them back.
_LEAST = 1e-5
# E[max(x, 0)] of a standard Gaussian: what a batch norm in front of the quantizer gives.
_MEAN_OF_HALF_WAVE = 1 / math.sqrt(2 * math.pi)


def learned_step(x: Any, step: Any, lowest: int, highest: int, count: Any) -> Any:
    """`step * code`, `code = clip(round(x / step), lowest, highest)`, with LSQ's gradients.

    Of the upstream gradient g, x gets `g * 1[inside]`, `inside = lowest < x / step < highest`. The
    step gets

        1 / sqrt(count * highest) * sum g * (code - 1[inside] * x / step)

    Args:
        x: what is quantized.
        step: float32 scalar, positive.
        lowest: the smallest code, not above 0.
        highest: the largest code, positive.
        count: of the weights, or of the features of a sample.
    """

    def ratio(x, step):
        return x * ops.cast(1 / step, x.dtype)

    def forward(x, step):
        code = ops.clip(ops.round(ratio(x, step)), lowest, highest)
        return code * ops.cast(step, x.dtype)

    def gradient(upstream, x, step):
        scaled = ratio(x, step)
        inside = ops.logical_and(scaled > lowest, scaled < highest)
        code = ops.clip(ops.round(scaled), lowest, highest)
        slope = ops.where(inside, code - scaled, code)
        total = ops.sum(ops.cast(upstream, "float32") * ops.cast(slope, "float32"))
        factor = 1 / ops.sqrt(ops.cast(count, "float32") * highest)
        return ops.where(inside, upstream, ops.zeros_like(upstream)), factor * total

    return straight_through(forward, gradient)(x, step)


class LearnedStep(LearnedQuantizer):
    """What LSQ's quantizers of activations and of weights share: the variable `step_size`.

    Args:
        bits: of a code.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, bits: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.bits = self.precision = bits

    def _make_step(self, value: float) -> None:
        self.step_size = self.add_weight(
            name="step_size", shape=(), initializer=keras.initializers.Constant(value)
        )

    def current_step(self) -> Any:
        """The step as it is used, a float32 scalar: at least 1e-5."""
        return ops.maximum(ops.cast(ops.convert_to_tensor(self.step_size), "float32"), _LEAST)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {**super().get_config(), "bits": self.bits}


@keras.saving.register_keras_serializable(package="keras_groupnet")
class LearnedStepActivation(LearnedStep):
    """`q(x) = step * clip(round(x / step), 0, 2^bits - 1)` with one learned step.

    Gradients are those of `learned_step`, whose count is that of the features of a sample. The
    paper starts at `2 E|x| / sqrt(2^bits - 1)` of the first batch. Here the step starts there for
    the positive half of a standard Gaussian, which a batch norm in front makes of any batch; `fit`
    starts it from other activations.

    A `LearnedQuantizer`: pass it to `layers.Quantize` or to a layer as `input_quantizer`. Converted
    files hold the step that it has then.

    Args:
        bits: an int from 2 to 8. The converter packs 2, 3 (as 4) and 4 bits.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: for other bits.

    Input and output shape:
        any

    References:
        Esser et al., Learned Step Size Quantization, arXiv 1902.08153, section 2.
    """

    def __init__(self, bits: int = 2, **kwargs: Any):
        KBitActivation(bits)  # checks the bits
        super().__init__(bits, **({"name": "learned_step_activation"} | kwargs))

    def build(self, input_shape: Any) -> None:
        """Makes the step."""
        self._make_step(2 * _MEAN_OF_HALF_WAVE / math.sqrt(2**self.bits - 1))

    def fit(self, kernel: Any) -> None:
        """Sets the step to `2 E[max(x, 0)] / sqrt(2^bits - 1)` of some activations."""
        mean = ops.mean(ops.relu(ops.convert_to_tensor(kernel)))
        self.step_size.assign(2 * mean / math.sqrt(2**self.bits - 1))

    @property
    def beta(self) -> float:
        """The largest level, with the step as it is now."""
        return float(ops.convert_to_numpy(self.current_step())) * (2**self.bits - 1)

    def call(self, inputs: Any) -> Any:
        """Returns the levels, in the dtype of `inputs`."""
        features = math.prod(ops.cast(size, "float32") for size in ops.shape(inputs)[1:])
        return learned_step(inputs, self.current_step(), 0, 2**self.bits - 1, features)


@keras.saving.register_keras_serializable(package="keras_groupnet")
class LearnedStepWeight(LearnedStep):
    """`q(w) = step * clip(round(w / step), -2^(bits-1), 2^(bits-1) - 1)` with one learned step.

    Gradients are those of `learned_step`, whose count is that of the weights. The step starts at
    `2 E|w| / sqrt(2^(bits-1) - 1)` of the latent kernel.

    A `LearnedQuantizer`: pass it to a quantized layer as `kernel_quantizer`. The levels are not
    symmetric, so a converted file holds one binary kernel more than there are bits: with `s_b` = ±1
    for bit b of the code + 2^(bits-1),

        q(w) = sum_b 2^(b-1) step * s_b - step / 2

    where the last term is a kernel of -1 alone. Sums of these are exact.

    Args:
        bits: an int from 2 to 4.
        **kwargs: arguments of `keras.layers.Layer`.

    Raises:
        ValueError: for other bits.

    Input and output shape:
        any

    Attributes:
        part_count: binary kernels of one kernel.

    References:
        Esser et al., Learned Step Size Quantization, arXiv 1902.08153, section 2.
    """

    def __init__(self, bits: int = 2, **kwargs: Any):
        if isinstance(bits, bool) or bits not in (2, 3, 4):
            raise ValueError(
                "`bits` must be an int from 2 to 4 (for 1 bit use 'binary_weight'). "
                f"Received: bits={bits!r}"
            )
        super().__init__(bits, **({"name": "learned_step_weight"} | kwargs))
        self.part_count = bits + 1

    def build(self, input_shape: Any) -> None:
        """Makes the step; the layer around it calls `fit`."""
        self._make_step(1.0)

    def fit(self, kernel: Any) -> None:
        """Sets the step to `2 E|w| / sqrt(2^(bits-1) - 1)` of a latent kernel."""
        mean = ops.mean(ops.abs(ops.convert_to_tensor(kernel)))
        self.step_size.assign(2 * mean / math.sqrt(2 ** (self.bits - 1) - 1))

    @property
    def step(self) -> Any:
        """The step of which all weights are multiples, without gradient."""
        return ops.stop_gradient(self.current_step())

    def call(self, inputs: Any) -> Any:
        """Returns the levels, in the dtype of `inputs`."""
        half = 2 ** (self.bits - 1)
        return learned_step(
            inputs, self.current_step(), -half, half - 1, float(math.prod(inputs.shape))
        )

    def binary_parts(self, kernel: Any) -> list[tuple[Any, Any]]:
        """Splits `q(kernel)` into a sum of `[(scale, ±1 tensor), ...]`, lowest bit first.

        No gradient.
        """
        step = float(ops.convert_to_numpy(self.current_step()))
        half = 2 ** (self.bits - 1)
        codes = ops.cast(ops.round(self(kernel) / step), "int32") + half
        parts: list[tuple[Any, Any]] = [
            (2 ** (b - 1) * step, ops.cast(2 * ((codes // 2**b) % 2) - 1, "float32"))
            for b in range(self.bits)
        ]
        return [*parts, (step / 2, -ops.ones_like(parts[0][1]))]
