"""Random inputs for each op: one line a case, its options by name."""

import zlib

import numpy as np

from keras_groupnet.conversion.weights import huffman
from tests.runtime.model_builder import (
    CONV2D_DEFAULTS,
    DENSE_DEFAULTS,
    GENERAL_ACTIVATION,
    single_op,
)
from tests.runtime.reference_ops import OPS, pack, pack_bits, same_or_valid


class Case:
    """One op with inputs and options.

    Attributes:
        name, inputs, options: as `single_op` takes them.
        constants: positions of the inputs that the file holds.
    """

    def __init__(self, name, inputs, options, constants=()):
        self.name, self.inputs, self.options, self.constants = name, inputs, options, constants

    @property
    def model(self):
        return single_op(self.name, self.inputs, self.options, self.constants)

    @property
    def run_time_inputs(self):
        return [
            value
            for position, value in enumerate(self.inputs)
            if value is not None and position not in self.constants
        ]

    @property
    def expected(self):
        return OPS[self.name](*self.inputs, **self.options)


def _random(*description):
    return np.random.default_rng(zlib.crc32(repr(description).encode()))


def _activations(random, shape, bits):
    """Packed input; for 32 bits whole numbers, whose sums are exact in any order."""
    if bits == 32:
        return random.integers(-8, 9, shape).astype(np.float32)
    if bits == 1:
        return pack(random.choice([-1.0, 1.0], shape), 1)
    return pack(random.integers(0, 2**bits, shape), bits)


def _compressed(random, kernels):
    """The stream of kernels whose weights are +1 more often than not."""
    positive = random.random((kernels, 9)) < 0.8
    return huffman.encode(positive @ (1 << np.arange(9)))


def _floats(random, *shape):
    return random.standard_normal(shape).astype(np.float32)


def conv2d(
    bits=1,
    channels_in=40,
    channels_out=33,
    kernel=(3, 3),
    size=(2, 7, 6),
    pixel_scale=None,
    addend=False,
    addend_multiplier=False,
    second_addend=False,
    quantize_affine=False,
    compressed=False,
    slope=False,
    offset=False,
    version=1,
    **options,
):
    """KgnConv2D. `pixel_scale`: None, "pixel", "image" or "channel"; `size`: batch, height, width.

    Options of later versions are only named where they are not the default.
    """
    given = options
    options = {**CONV2D_DEFAULTS, "bits": bits, "channels_in": channels_in, **given}
    if compressed:
        options |= {"version": 2, "compression": 1}
    if version == 3:
        options |= {"version": 3, **GENERAL_ACTIVATION, "compression": int(compressed)} | given
    random = _random(bits, channels_in, channels_out, kernel, size, sorted(options.items()))
    depth = channels_in // options["groups"]
    extent = [
        same_or_valid(
            size[1 + axis],
            kernel[axis],
            options[f"stride_{name}"],
            options[f"dilation_{name}"],
            options["padding"],
        )[0]
        for axis, name in enumerate(("height", "width"))
    ]
    scale_shape = {"pixel": (size[0], *extent, 1), "image": (size[0], 1, 1, 1)}
    scale_shape["channel"] = (size[0], 1, 1, channels_out)
    inputs = [
        _activations(random, (*size, channels_in), bits),
        _compressed(random, channels_out * depth)
        if compressed
        else pack_bits(random.integers(0, 2, (channels_out, *kernel, depth)) > 0),
        _floats(random, channels_out) * np.float32(0.05),
        _floats(random, channels_out),
        None if pixel_scale is None else np.abs(_floats(random, *scale_shape[pixel_scale])),
        _floats(random, size[0], *extent, channels_out) if addend else None,
        _floats(random, channels_out) if addend_multiplier else None,
        _floats(random, size[0], *extent, channels_out) if second_addend else None,
        _floats(random, channels_out) if quantize_affine else None,
        _floats(random, channels_out) if quantize_affine else None,
    ]
    inputs += [_floats(random, channels_out) if there else None for there in (slope, offset)]
    while inputs[-1] is None:
        inputs.pop()
    return Case("KgnConv2D", inputs, options, (1, 2, 3, 6, 8, 9, 10, 11))


def dense(
    bits=1,
    channels_in=70,
    channels_out=10,
    batch=3,
    pixel_scale=None,
    addend=False,
    addend_multiplier=False,
    second_addend=False,
    quantize_affine=False,
    slope=False,
    offset=False,
    version=1,
    **options,
):
    """KgnDense. `pixel_scale`: None, "image" or "channel"."""
    given = options
    options = {**DENSE_DEFAULTS, "bits": bits, "channels_in": channels_in, **given}
    if version == 3:
        options |= {"version": 3, **GENERAL_ACTIVATION} | given
    random = _random(bits, channels_in, channels_out, batch, sorted(options.items()))
    inputs = [
        _activations(random, (batch, channels_in), bits),
        pack_bits(random.integers(0, 2, (channels_out, channels_in)) > 0),
        _floats(random, channels_out) * np.float32(0.05),
        _floats(random, channels_out),
        None
        if pixel_scale is None
        else np.abs(_floats(random, batch, 1 if pixel_scale == "image" else channels_out)),
        _floats(random, batch, channels_out) if addend else None,
        _floats(random, channels_out) if addend_multiplier else None,
        _floats(random, batch, channels_out) if second_addend else None,
        _floats(random, channels_out) if quantize_affine else None,
        _floats(random, channels_out) if quantize_affine else None,
    ]
    inputs += [_floats(random, channels_out) if there else None for there in (slope, offset)]
    while inputs[-1] is None:
        inputs.pop()
    return Case("KgnDense", inputs, options, (1, 2, 3, 6, 8, 9, 10, 11))


def quantize(bits=1, shape=(2, 5, 4, 35), affine=False, scale=None):
    random = _random("quantize", bits, shape, affine)
    x = _floats(random, *shape)
    x.flat[:5] = [0.0, -0.0, np.nan, np.inf, -np.inf]
    inputs = [x]
    if affine:
        inputs += [_floats(random, shape[-1]), _floats(random, shape[-1])]
    scale = scale or (1.0 if bits == 1 else 2.0**bits - 1)
    return Case("KgnQuantize", inputs, {"version": 1, "bits": bits, "scale": scale}, (1, 2))


def dequantize(bits=1, shape=(2, 5, 4, 35), scale=1.0):
    random = _random("dequantize", bits, shape)
    options = {"version": 1, "bits": bits, "channels": shape[-1], "scale": scale}
    return Case("KgnDequantize", [_activations(random, shape, bits)], options)


def max_pool(bits=1, shape=(2, 7, 6, 35), window=(3, 3), strides=(2, 2), padding=0, minimum=False):
    random = _random("max_pool", bits, shape, window, strides, padding)
    options = {
        "version": 2 if minimum else 1,
        "bits": bits,
        "channels": shape[-1],
        "filter_height": window[0],
        "filter_width": window[1],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "padding": padding,
    }
    inputs = [_activations(random, shape, bits)]
    if minimum:
        inputs.append(pack_bits(random.integers(0, 2, shape[-1]) > 0))
    return Case("KgnMaxPool2D", inputs, options, (1,))


def scale_map(
    shape=(2, 7, 6, 35),
    kernel=(3, 3),
    strides=(1, 1),
    dilations=(1, 1),
    padding=0,
    affine=False,
):
    random = _random("scale_map", shape, kernel, strides, dilations, padding, affine)
    options = {
        "version": 1,
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride_height": strides[0],
        "stride_width": strides[1],
        "dilation_height": dilations[0],
        "dilation_width": dilations[1],
        "padding": padding,
    }
    inputs = [_floats(random, *shape)]
    if affine:
        inputs += [_floats(random, shape[-1]), _floats(random, shape[-1])]
    return Case("KgnScaleMap", inputs, options, (1, 2))


CASES = {
    "conv 1 bit, pad 0": conv2d(),
    "conv 1 bit, pad +1": conv2d(pad_value=1),
    "conv 1 bit, pad -1": conv2d(pad_value=-1),
    "conv 2 bits": conv2d(bits=2),
    "conv 4 bits": conv2d(bits=4),
    "conv 32 bits": conv2d(bits=32),
    "conv 32 bits, pad +1": conv2d(bits=32, pad_value=1),
    "conv valid": conv2d(padding=1),
    "conv strides": conv2d(stride_height=2, stride_width=3, pad_value=1),
    "conv dilation": conv2d(bits=2, dilation_height=2, dilation_width=3, size=(1, 9, 11)),
    "conv 2 groups": conv2d(groups=2, channels_in=66, channels_out=34, pad_value=1),
    "conv depthwise": conv2d(groups=35, channels_in=35, channels_out=35),
    "conv depthwise, multiplier 2": conv2d(bits=2, groups=5, channels_in=5, channels_out=10),
    "conv 1x1": conv2d(kernel=(1, 1), channels_in=64, channels_out=64),
    "conv 5x2": conv2d(bits=4, kernel=(5, 2), channels_in=3, channels_out=5),
    "conv one channel": conv2d(channels_in=1, channels_out=1, pad_value=1),
    "conv many channels": conv2d(channels_in=160, channels_out=130, size=(1, 4, 4)),
    "conv pre-activation": conv2d(bits=2, pre_activation=1),
    "conv activation": conv2d(activation=1),
    "conv scale map": conv2d(pad_value=1, pixel_scale="pixel", pre_activation=1),
    "conv scale of an image": conv2d(pixel_scale="image"),
    "conv addend": conv2d(addend=True, activation=1),
    "conv addend, scaled": conv2d(bits=4, addend=True, addend_multiplier=True),
    "conv two addends": conv2d(addend=True, second_addend=True),
    "conv two addends, one scaled, batch norm before the quantizer": conv2d(
        addend=True, addend_multiplier=True, second_addend=True, quantize_affine=True, out_bits=1
    ),
    "conv batch norm before the quantizer, packed only": conv2d(
        quantize_affine=True, out_bits=2, out_scale=3.0, float_output=0
    ),
    "conv groups inside a word, batch norm before the quantizer": conv2d(
        groups=2, channels_in=6, channels_out=10, quantize_affine=True, out_bits=4, out_scale=2.0
    ),
    "conv everything": conv2d(
        bits=2,
        pixel_scale="pixel",
        addend=True,
        addend_multiplier=True,
        pre_activation=1,
        activation=1,
        out_bits=4,
        out_scale=5.0,
    ),
    "conv to 1 bit": conv2d(float_output=0, out_bits=1, pad_value=1),
    "conv to 2 bits": conv2d(float_output=0, out_bits=2, out_scale=3.0),
    "conv to 4 bits and float": conv2d(out_bits=4, out_scale=7.5, addend=True),
    "conv 32 bits to 1 bit and float": conv2d(bits=32, out_bits=1),
    "conv compressed": conv2d(compressed=True, channels_in=100, pad_value=1),
    "conv compressed, 2 groups, 2 bits": conv2d(
        compressed=True, bits=2, groups=2, channels_in=66, channels_out=34, activation=1
    ),
    "conv compressed, depthwise, everything": conv2d(
        compressed=True,
        bits=4,
        groups=35,
        channels_in=35,
        channels_out=35,
        pixel_scale="pixel",
        addend=True,
        out_bits=2,
        out_scale=1.5,
    ),
    "conv compressed, 32 bits": conv2d(compressed=True, bits=32, channels_out=5),
    "conv compressed, one kernel": conv2d(compressed=True, channels_in=1, channels_out=1),
    "conv version 3, scale of channels": conv2d(version=3, pixel_scale="channel"),
    "conv version 3, scale of channels, 1x1": conv2d(
        version=3, pixel_scale="channel", kernel=(1, 1), size=(3, 3, 2), addend=True
    ),
    "conv version 3, slope before the addend": conv2d(
        version=3, activation=2, slope=True, offset=True, addend=True, pad_value=1
    ),
    "conv version 3, slope behind the addends, batch norm before the quantizer": conv2d(
        version=3,
        activation=3,
        slope=True,
        offset=True,
        addend=True,
        addend_multiplier=True,
        second_addend=True,
        quantize_affine=True,
        out_bits=1,
    ),
    "conv version 3, limits behind the addend, packed only": conv2d(
        version=3,
        activation=3,
        activation_min=0.0,
        activation_max=6.0,
        addend=True,
        float_output=0,
        out_bits=2,
        out_scale=0.5,
    ),
    "conv version 3, depthwise, everything": conv2d(
        version=3,
        bits=2,
        groups=40,
        channels_in=40,
        channels_out=40,
        activation=2,
        slope=True,
        offset=True,
        activation_min=-1.0,
        activation_max=1.0,
        addend=True,
        pixel_scale="channel",
        compressed=True,
        out_bits=4,
        out_scale=5.0,
    ),
    "conv version 3, 32 bits, slope without addend": conv2d(
        version=3, bits=32, activation=3, slope=True
    ),
    "conv empty batch": conv2d(size=(0, 7, 6)),
    "dense 1 bit": dense(),
    "dense 2 bits": dense(bits=2, addend=True, addend_multiplier=True),
    "dense 4 bits to 2": dense(bits=4, float_output=0, out_bits=2, out_scale=3.0),
    "dense 32 bits": dense(bits=32, pre_activation=1, activation=1, out_bits=1),
    "dense two addends": dense(
        addend=True, second_addend=True, quantize_affine=True, out_bits=2, out_scale=3.0
    ),
    "dense scale": dense(pixel_scale="image", channels_out=65),
    "dense version 3": dense(
        version=3,
        activation=3,
        activation_max=1.0,
        slope=True,
        offset=True,
        addend=True,
        pixel_scale="channel",
        out_bits=1,
    ),
    "quantize 1 bit": quantize(),
    "quantize 2 bits, affine": quantize(bits=2, affine=True),
    "quantize 4 bits, half to even": quantize(bits=4, scale=0.5, shape=(3, 64)),
    "quantize 1 bit, affine, rank 5": quantize(affine=True, shape=(2, 1, 3, 2, 5)),
    "quantize rank 1": quantize(bits=4, shape=(33,)),
    "dequantize 1 bit": dequantize(),
    "dequantize 2 bits": dequantize(bits=2, scale=1 / 3),
    "dequantize 4 bits, rank 2": dequantize(bits=4, scale=0.1, shape=(3, 70)),
    "max pool 1 bit": max_pool(),
    "max pool 2 bits, valid": max_pool(bits=2, window=(2, 3), padding=1),
    "max pool 4 bits": max_pool(bits=4, strides=(1, 3)),
    "max pool version 2": max_pool(minimum=True),
    "max pool version 2, 2 bits": max_pool(bits=2, minimum=True, padding=1),
    "scale map": scale_map(),
    "scale map, affine": scale_map(affine=True),
    "scale map, 1x1, strides": scale_map(kernel=(1, 1), strides=(2, 2), shape=(1, 5, 8, 64)),
    "scale map, valid, dilation": scale_map(
        kernel=(2, 3), strides=(1, 2), dilations=(3, 1), padding=1
    ),
}
