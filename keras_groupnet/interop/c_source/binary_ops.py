"""Our ops, as docs/ops.md specifies them."""

from __future__ import annotations

import math

import numpy as np

from keras_groupnet.conversion.flatbuffer.graph import ABSENT
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    BIAS,
    MULTIPLIER,
    OFFSET,
    PIXEL_SCALE,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
    SECOND_ADDEND,
    SLOPE,
)
from keras_groupnet.conversion.weights.packed_kernel import packed_kernel
from keras_groupnet.interop.c_source.code import Code, Generator, call
from keras_groupnet.interop.c_source.literals import real
from keras_groupnet.interop.c_source.windows import declaration
from keras_groupnet.interop.window import Window, window_of

_POINTERS = {
    "multiplier": MULTIPLIER,
    "bias": BIAS,
    "pixel_scale": PIXEL_SCALE,
    "addend": ADDEND,
    "addend_multiplier": ADDEND_MULTIPLIER,
    "second_addend": SECOND_ADDEND,
    "quantize_multiplier": QUANTIZE_MULTIPLIER,
    "quantize_bias": QUANTIZE_BIAS,
    "slope": SLOPE,
    "offset": OFFSET,
}


def _conv2d(code: Code) -> list[str]:
    *_, height, width, _ = packed_kernel(code.graph, code.op).shape
    window = window_of(code.op, (height, width))
    source = (*code.shape(0)[:3], code.op.options["channels_in"])
    target = (*code.out_shape()[:3], len(code.value(MULTIPLIER, "the multiplier")))
    return _kernel_op(code, window, source, target)


def _dense(code: Code) -> list[str]:
    """A convolution of one tap over a map of one pixel."""
    batch = code.shape(0)[0]
    source = (batch, 1, 1, code.op.options["channels_in"])
    target = (batch, 1, 1, len(code.value(MULTIPLIER, "the multiplier")))
    return _kernel_op(code, Window((1, 1), (1, 1), 1), source, target)


def _kernel_op(
    code: Code, window: Window, source: tuple[int, ...], target: tuple[int, ...]
) -> list[str]:
    options = code.op.options
    bits, groups = options["bits"], options.get("groups", 1)
    weights = code.names.constant("weights", packed_kernel(code.graph, code.op).view(np.uint32))
    patch = math.prod(window.kernel) * -(-(source[-1] // groups) // 32)
    code.calls += ["epilogue", "window"]
    pad = options.get("pad_value", 0)
    if bits == 32:
        code.calls.append("conv_float")
        run = call("kgn_conv_float", ["&window", "&out", pad, code.input(0), weights])
    elif bits == 1:
        code.calls.append("conv_1bit")
        code.scratch = patch
        arguments = ["&window", "&out", pad, code.names.words(code.op.inputs[0]), weights, "patch"]
        run = call("kgn_conv_1bit", arguments)
    else:
        code.calls.append("conv_codes")
        code.scratch = bits * patch
        packed = code.names.words(code.op.inputs[0])
        run = call("kgn_conv_codes", ["&window", "&out", bits, packed, weights, "patch"])
    return [
        *declaration(window, source, target, groups),
        *_epilogue(code, math.prod(target[:3]), target[-1]),
        run,
    ]


def _epilogue(code: Code, pixels: int, channels: int) -> list[str]:
    options, outputs = code.op.options, list(code.op.outputs)
    fields = {"channels": str(channels), "pixels_per_scale": "1"}
    for name in ("pre_activation", "activation"):
        fields[name] = str(options[name])
    for name, position in _POINTERS.items():
        if code.op.input(position) != ABSENT:
            fields[name] = code.input(position)
    if "pixel_scale" in fields:
        shape = code.shape(PIXEL_SCALE)
        fields["scale_channels"] = str(shape[-1])
        fields["pixels_per_scale"] = str(pixels * shape[-1] // math.prod(shape))
    if options["activation"] > 1:
        fields["low"], fields["high"] = (real(options[f"activation_{x}"]) for x in ("min", "max"))
    if options["float_output"]:
        fields["float_out"] = code.names.pointer(outputs.pop(0))
    if options["out_bits"]:
        fields["out_bits"] = str(options["out_bits"])
        fields["out_scale"] = real(options["out_scale"])
        fields["packed_out"] = code.names.words(outputs.pop(0))
    lines = [f"    .{name} = {value}," for name, value in fields.items()]
    return ["const kgn_epilogue out = {", *lines[:-1], lines[-1][:-1] + "};"]


def _quantize(code: Code) -> list[str]:
    code.calls.append("quantize")
    *outer, channels = code.shape(0)
    arguments = [
        *(math.prod(outer), channels, code.op.options["bits"], real(code.op.options["scale"])),
        *(code.input(position) for position in range(3)),
        code.names.words(code.op.outputs[0]),
    ]
    return [call("kgn_quantize", arguments)]


def _dequantize(code: Code) -> list[str]:
    code.calls.append("dequantize")
    *outer, channels = code.out_shape()
    arguments = [
        *(math.prod(outer), channels, code.op.options["bits"], real(code.op.options["scale"])),
        code.names.words(code.op.inputs[0]),
        code.output(),
    ]
    return [call("kgn_dequantize", arguments)]


def _max_pool(code: Code) -> list[str]:
    code.calls.append("max_pool_packed")
    options = code.op.options
    bits, channels = options["bits"], options["channels"]
    window = window_of(code.op, (options["filter_height"], options["filter_width"]))
    source, target = (*code.shape(0)[:3], channels), (*code.out_shape()[:3], channels)
    words = [code.names.words(tensor) for tensor in (code.op.inputs[0], code.op.outputs[0])]
    smallest = "NULL" if code.op.input(1) == ABSENT else code.names.words(code.op.inputs[1])
    return [
        *declaration(window, source, target),
        call("kgn_max_pool_packed", ["&window", bits, smallest, *words]),
    ]


def _scale_map(code: Code) -> list[str]:
    code.calls.append("scale_map")
    options, source = code.op.options, code.shape(0)
    window = window_of(code.op, (options["kernel_height"], options["kernel_width"]))
    factor = real(1 / (source[-1] * math.prod(window.kernel)))
    arguments = ["&window", factor, *(code.input(i) for i in range(3)), code.output()]
    return [*declaration(window, source, code.out_shape()), call("kgn_scale_map", arguments)]


GENERATORS: dict[str, Generator] = {
    "KgnConv2D": _conv2d,
    "KgnDense": _dense,
    "KgnDequantize": _dequantize,
    "KgnMaxPool2D": _max_pool,
    "KgnQuantize": _quantize,
    "KgnScaleMap": _scale_map,
}
