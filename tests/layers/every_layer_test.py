"""Every layer of the package, and two of a user's, under the same checks."""

import keras
import pytest

from keras_groupnet import layers, quantizers
from tests.layers.layer_checks import run_export_test, run_layer_test

IMAGE = (6, 7, 8)
BINARY = {"input_quantizer": "approx_sign", "kernel_quantizer": "binary_weight"}
PADDED = {"padding": "same", "pad_values": 1}
SEPARABLE = {"depthwise_quantizer": "ste_sign", "pointwise_quantizer": "ste_sign"}
# What does not hold for a layer.
EXCEPT = {
    layers.ProjectionConv2D: {"policies": ("mixed_bfloat16",)},
    layers.ActivationScale: {"gradient": False},
}

# name -> class, options, input shape without the batch
CASES = {
    "conv": (layers.QuantConv2D, {"filters": 8, "kernel_size": 3, **PADDED, **BINARY}, IMAGE),
    "conv_of_everything": (
        layers.QuantConv2D,
        {
            "filters": 8,
            "kernel_size": (2, 3),
            "strides": (1, 2),
            "groups": 2,
            "activation": "relu",
            "bias_initializer": "ones",
            "input_quantizer": "ste_sign",
            "kernel_quantizer": "xnor_weight",
        },
        IMAGE,
    ),
    "conv_of_bases": (
        layers.QuantConv2D,
        {
            "filters": 4,
            "kernel_size": 3,
            "input_quantizer": "half_wave_gaussian",
            "kernel_quantizer": quantizers.WeightBases(2),
        },
        IMAGE,
    ),
    "conv_of_bits": (
        layers.QuantConv2D,
        {
            "filters": 4,
            "kernel_size": 3,
            "dilation_rate": 2,
            "input_quantizer": quantizers.KBitActivation(2, 1.5),
            "kernel_quantizer": quantizers.KBitWeight(2),
        },
        IMAGE,
    ),
    "conv_of_subgroups": (
        layers.QuantConv2D,
        {
            "filters": 4,
            "kernel_size": 3,
            "input_quantizer": "approx_sign",
            "kernel_quantizer": "subgroup_sign",
        },
        IMAGE,
    ),
    "conv_of_shifted_signs": (
        layers.QuantConv2D,
        {"filters": 4, "kernel_size": 3, "input_quantizer": "activation_bases"}
        | {"kernel_quantizer": quantizers.WeightBases(2)},
        IMAGE,
    ),
    "conv_of_learned_steps": (
        layers.QuantConv2D,
        {
            "filters": 4,
            "kernel_size": 3,
            "input_quantizer": "learned_step_activation",
            "kernel_quantizer": quantizers.LearnedStepWeight(3),
        },
        IMAGE,
    ),
    "dense_of_a_learned_clip": (
        layers.QuantDense,
        # The outermost levels lie inside of the inputs: else nothing could move the clip.
        {"units": 6, "input_quantizer": quantizers.PactActivation(4, alpha=1.0)}
        | {"kernel_quantizer": "learned_step_weight"},
        (32,),
    ),
    "conv_of_8_bits": (
        layers.QuantConv2D,
        # More than 256 weights an output channel, so that a latent kernel has more values.
        {"filters": 4, "kernel_size": (5, 7), "input_quantizer": "int8_activation"}
        | {"kernel_quantizer": "int8_weight"},
        IMAGE,
    ),
    "depthwise_of_8_bits": (
        layers.QuantDepthwiseConv2D,
        {"kernel_size": (6, 7), "padding": "same"}
        | {"input_quantizer": quantizers.Int8Activation(0.5)}
        | {"depthwise_quantizer": "int8_weight"},
        IMAGE,
    ),
    "dense_of_8_bits": (
        layers.QuantDense,
        {"units": 3, "input_quantizer": "int8_activation", "kernel_quantizer": "int8_weight"},
        (300,),
    ),
    "conv_of_learned_thresholds": (
        layers.QuantConv2D,
        {"filters": 8, "kernel_size": 3, **PADDED, **BINARY, "input_quantizer": "r_sign"},
        IMAGE,
    ),
    "depthwise_of_shifted_signs": (
        layers.QuantDepthwiseConv2D,
        {"kernel_size": 3, "input_quantizer": "activation_bases", "kernel_quantizer": "ste_sign"},
        IMAGE,
    ),
    "dense_of_subgroups": (
        layers.QuantDense,
        {"units": 6, "input_quantizer": "approx_sign", "kernel_quantizer": "subgroup_sign"},
        (32,),
    ),
    "depthwise": (
        layers.QuantDepthwiseConv2D,
        {"kernel_size": 3, "depth_multiplier": 2, **PADDED, **BINARY},
        IMAGE,
    ),
    "conv1d": (layers.QuantConv1D, {"filters": 8, "kernel_size": 3, **PADDED, **BINARY}, (9, 8)),
    "conv1d_of_everything": (
        layers.QuantConv1D,
        {
            "filters": 8,
            "kernel_size": 3,
            "strides": 2,
            "groups": 2,
            "activation": "leaky_tanh",
            "kernel_constraint": "weight_clip",
            "input_quantizer": quantizers.DoReFa(2),
            "kernel_quantizer": "ste_tern",
        },
        (9, 8),
    ),
    "depthwise1d": (
        layers.QuantDepthwiseConv1D,
        {"kernel_size": 3, "depth_multiplier": 2, **PADDED, "input_quantizer": "swish_sign"}
        | {"depthwise_quantizer": "ste_sign"},
        (9, 8),
    ),
    "separable1d": (
        layers.QuantSeparableConv1D,
        {"filters": 6, "kernel_size": 3, "input_quantizer": "ste_sign", **SEPARABLE},
        (9, 8),
    ),
    "separable": (
        layers.QuantSeparableConv2D,
        {"filters": 6, "kernel_size": 3, "strides": 2, "depth_multiplier": 2, **PADDED}
        | {"input_quantizer": "ste_sign", "activation": "hard_tanh", **SEPARABLE}
        | {"depthwise_constraint": "weight_clip", "pointwise_initializer": "he_normal"},
        IMAGE,
    ),
    "transposed": (
        layers.QuantConv2DTranspose,
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", **BINARY},
        (4, 5, 8),
    ),
    "transposed_of_bits": (
        layers.QuantConv2DTranspose,
        {
            "filters": 4,
            "kernel_size": (2, 4),
            "strides": (3, 1),
            "activation": "relu",
            "bias_initializer": "ones",
            "input_quantizer": quantizers.KBitActivation(2),
            "kernel_quantizer": "k_bit_weight",
        },
        (4, 5, 8),
    ),
    "dense": (layers.QuantDense, {"units": 6, **BINARY}, (32,)),
    "dense_of_bits": (
        layers.QuantDense,
        {"units": 6, "input_quantizer": "ste_sign", "kernel_quantizer": quantizers.KBitWeight(3)},
        (32,),
    ),
    "projection": (
        layers.ProjectionConv2D,
        {"filters": 4, "kernel_size": 3, "projections": 2, "input_quantizer": "approx_sign"},
        IMAGE,
    ),
    "rectified": (
        layers.RectifiedConv2D,
        {"filters": 8, "kernel_size": 3, **PADDED, "input_quantizer": "approx_sign"},
        IMAGE,
    ),
    "rectified_channels": (
        layers.RectifiedConv2D,
        {"filters": 8, "kernel_size": 3, "c_shape": "channel", "input_quantizer": "approx_sign"},
        IMAGE,
    ),
    "modulated": (
        layers.ModulatedConv2D,
        {"filters": 4, "kernel_size": 3, "planes": 2, "strides": 2, "padding": "same"},
        IMAGE,
    ),
    "modulated_scalar": (
        layers.ModulatedConv2D,
        {"filters": 4, "kernel_size": 3, "planes": 2, "scalar": True},
        IMAGE,
    ),
    "group_sum": (layers.GroupSum, {"initializer": "ones"}, [IMAGE, IMAGE, IMAGE]),
    "repeat_channels": (layers.RepeatChannels, {"copies": 3}, IMAGE),
    "quantize": (layers.Quantize, {"quantizer": "approx_sign"}, IMAGE),
    "quantize_bits": (layers.Quantize, {"quantizer": quantizers.KBitActivation(4, 2.0)}, IMAGE),
    "quantize_shifted": (layers.Quantize, {"quantizer": "r_sign"}, IMAGE),
    "quantize_learned": (
        layers.Quantize,
        {"quantizer": quantizers.LearnedStepActivation(2)},
        IMAGE,
    ),
    "rprelu": (layers.RPReLU, {}, IMAGE),
    "channel_scale": (layers.ChannelScale, {"filters": 12, "ratio": 4, "seed": 3}, IMAGE),
    "activation_scale": (layers.ActivationScale, {"kernel_size": 3, "strides": (2, 1)}, IMAGE),
}
# Further options of layers, for what does not depend on their export, and layers that have none.
VARIANTS = {
    "conv3d": (
        layers.QuantConv3D,
        {"filters": 4, "kernel_size": 2, **PADDED, **BINARY},
        (4, 4, 4, 3),
    ),
    "transposed3d": (
        layers.QuantConv3DTranspose,
        {"filters": 4, "kernel_size": 2, "strides": 2, **BINARY},
        (3, 3, 3, 4),
    ),
    "causal": (
        layers.QuantConv1D,
        {"filters": 8, "kernel_size": 3, "dilation_rate": 2, "padding": "causal", **BINARY},
        (9, 8),
    ),
    "projection_ternary": (
        layers.ProjectionConv2D,
        {"filters": 4, "kernel_size": 3, "projections": 2, "levels": 3},
        IMAGE,
    ),
    "projection_of_means": (
        layers.ProjectionConv2D,
        # A mean that starts near 0 changes its sign, and with it all kernels of the layer.
        {"filters": 4, "kernel_size": 3, "projections": 2, "forward": "mean"}
        | {"projection_initializer": "ones"},
        IMAGE,
    ),
    "rectified_matrix": (
        layers.RectifiedConv2D,
        {"filters": 8, "kernel_size": 3, "c_gradient": "matrix", "c_rate": 0.5},
        IMAGE,
    ),
    "modulated_per_plane": (
        layers.ModulatedConv2D,
        {"filters": 4, "kernel_size": 3, "planes": 2, "filter_loss": "per_plane"},
        IMAGE,
    ),
    "mean_scale": (layers.ActivationScale, {"mode": "mean"}, IMAGE),
    "conv_that_learns": (
        layers.QuantConv2D,
        {"filters": 4, "kernel_size": 3, "input_quantizer": "activation_bases"}
        | {"kernel_quantizer": "subgroup_sign"},
        IMAGE,
    ),
}
every_case = pytest.mark.parametrize("layer_class, options, input_shape", CASES.values(), ids=CASES)


def test_every_public_layer_has_a_case():
    bases = {"LatentConv2D", "QuantConv", "QuantLayer"}
    several_outputs = {"SoftGates"}  # see ConcatenatedGates
    cases = (CASES | VARIANTS).values()
    assert {case[0].__name__ for case in cases} == set(layers.__all__) - bases - several_outputs


@pytest.mark.parametrize(
    "layer_class, options, input_shape", (CASES | VARIANTS).values(), ids=CASES | VARIANTS
)
def test_layer(layer_class, options, input_shape, tmp_path):
    run_layer_test(layer_class, options, input_shape, tmp_path, **EXCEPT.get(layer_class, {}))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="conversion needs TensorFlow as the backend"
)
@every_case
def test_export(layer_class, options, input_shape, tmp_path):
    run_export_test(layer_class, options, input_shape, tmp_path)


@keras.saving.register_keras_serializable(package="every_layer_test")
class MyConv1D(layers.QuantConv, keras.layers.Conv1D):
    """All that a convolution of another rank takes."""


@keras.saving.register_keras_serializable(package="every_layer_test")
class QuantEinsum(layers.QuantLayer, keras.layers.Dense):
    """A layer with an arithmetic of its own."""

    def linear(self, inputs, kernel):
        return keras.ops.einsum("nij,jk->nik", inputs, kernel)


@pytest.mark.parametrize(
    "layer_class, options, input_shape",
    [
        (MyConv1D, {"filters": 8, "kernel_size": 3, **PADDED, **BINARY}, (9, 8)),
        (QuantEinsum, {"units": 4, **BINARY}, (3, 16)),
    ],
)
def test_a_layer_of_a_users_own(layer_class, options, input_shape, tmp_path):
    run_layer_test(layer_class, options, input_shape, tmp_path)


@keras.saving.register_keras_serializable(package="every_layer_test")
class ConcatenatedGates(layers.SoftGates):
    """The outputs of a layer that has several, as one."""

    def call(self, inputs):
        return keras.ops.concatenate(super().call(inputs), axis=-1)

    def compute_output_shape(self, input_shape):
        *shape, channels = input_shape[0]
        return (*shape, len(input_shape) * channels)


def test_a_layer_of_several_outputs(tmp_path):
    case = (ConcatenatedGates, {"seed": 1}, [IMAGE, IMAGE, IMAGE], tmp_path)
    run_layer_test(*case)
    if keras.backend.backend() == "tensorflow":
        run_export_test(*case)


@pytest.mark.parametrize("layer_class", [layers.QuantConv2D, MyConv1D])
def test_causal_padding_is_refused(layer_class):
    with pytest.raises(ValueError, match="causal"):
        layer_class(4, 3, padding="causal")
