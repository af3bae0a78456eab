"""docs/ops.md restated in numpy, one function an op, without any regard for speed.

Packed tensors are int32 arrays as in the file; options are keyword arguments named as in the file.
Float results are exact (same roundings as the specification), except that sums of real numbers
(`bits=32`) are taken in float64.
"""

import numpy as np


def pack_bits(bits):
    """Booleans `[..., C]` -> int32 `[..., ceil(C / 32)]`, least significant bit first."""
    *outer, channels = bits.shape
    words = -(-channels // 32)
    padded = np.zeros((*outer, words * 32), np.uint64)
    padded[..., :channels] = bits
    weights = np.uint64(1) << np.arange(32, dtype=np.uint64)
    packed = (padded.reshape(*outer, words, 32) * weights).sum(-1)
    return packed.astype(np.uint32).view(np.int32)


def unpack_bits(packed, channels):
    """Inverse of `pack_bits`."""
    words = np.ascontiguousarray(packed).view(np.uint32)
    bits = (words[..., None] >> np.arange(32, dtype=np.uint32)) & 1
    return bits.reshape(*packed.shape[:-1], 32 * packed.shape[-1])[..., :channels].astype(bool)


def pack(values, bits):
    """±1 values (1 bit) or codes (2, 4 bits) `[..., C]` -> packed `[..., bits * W]`."""
    if bits == 1:
        return pack_bits(values < 0)
    codes = values.astype(np.int64)
    return np.concatenate([pack_bits((codes >> m) & 1 != 0) for m in range(bits)], axis=-1)


def unpack(packed, bits, channels):
    """Packed `[..., bits * W]` -> float64 ±1 values or codes `[..., C]`."""
    if bits == 1:
        return 1.0 - 2.0 * unpack_bits(packed, channels)
    planes = np.split(packed, bits, axis=-1)
    return sum((1 << m) * unpack_bits(plane, channels) for m, plane in enumerate(planes)) * 1.0


def quantize(y, bits, scale):
    """`quantize` of the specification: float32 -> ±1 values or codes."""
    if bits == 1:
        return np.where(y < 0, -1.0, 1.0)
    code = np.rint(y.astype(np.float32) * np.float32(scale))
    return np.nan_to_num(np.clip(code, 0, 2**bits - 1), nan=0.0)


def same_or_valid(size, kernel, stride, dilation, padding):
    """Returns the output extent and the padding before and after along one axis."""
    extent = (kernel - 1) * dilation + 1
    if padding == 1:
        return (size - extent) // stride + 1, 0, 0
    out = -(-size // stride)
    total = max((out - 1) * stride + extent - size, 0)
    return out, total // 2, total - total // 2


def shifted(values, kernel, stride, dilation, extent):
    """What each tap of a window sees of a padded map: `(i, j, values)`, row by row."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            starts = i * dilation[0], j * dilation[1]
            rows, columns = (
                slice(start, start + (length - 1) * step + 1, step)
                for start, length, step in zip(starts, extent, stride, strict=True)
            )
            yield i, j, values[:, rows, columns]


def _activate(y, options, slope, offset):
    """The general activation."""
    if slope is not None:
        y = np.where(y < 0, slope * y, y)
    low, high = (np.float32(options[f"activation_{end}"]) for end in ("min", "max"))
    if np.isfinite(low) or np.isfinite(high):
        y = np.minimum(np.maximum(y, low), high)
    return y if offset is None else y + offset


def _epilogue(
    acc,
    options,
    multiplier,
    bias,
    pixel_scale=None,
    addend=None,
    addend_multiplier=None,
    second_addend=None,
    quantize_multiplier=None,
    quantize_bias=None,
    slope=None,
    offset=None,
):
    v = acc.astype(np.float32)
    if options["pre_activation"]:
        v = np.maximum(v, np.float32(0))
    if pixel_scale is not None:
        v = v * pixel_scale
    y = multiplier * v + bias
    if options["activation"] == 1:
        y = np.maximum(y, np.float32(0))
    if options["activation"] == 2:
        y = _activate(y, options, slope, offset)
    if addend is not None:
        y = y + (addend if addend_multiplier is None else addend_multiplier * addend)
    if second_addend is not None:
        y = y + second_addend
    if options["activation"] == 3:
        y = _activate(y, options, slope, offset)
    outputs = [y] if options["float_output"] else []
    if options["out_bits"]:
        q = y if quantize_multiplier is None else quantize_multiplier * y + quantize_bias
        codes = quantize(q, options["out_bits"], options["out_scale"])
        outputs.append(pack(codes, options["out_bits"]))
    return outputs


def kgn_quantize(x, multiplier=None, bias=None, *, bits, scale, version=1):
    y = x if multiplier is None else multiplier * x + bias
    return [pack(quantize(y, bits, scale), bits)]


def kgn_dequantize(x, *, bits, channels, scale, version=1):
    return [unpack(x, bits, channels).astype(np.float32) * np.float32(scale)]


def restore_kernels(stream, channels_out, depth):
    """Compressed weights -> packed ones, [channels_out, 3, 3, words]."""
    bits = "".join(format(int(word) & 0xFFFFFFFF, "032b") for word in stream)
    shortest, width = int(bits[:4], 2), int(bits[4:7], 2)
    present = [symbol for symbol in range(512) if bits[7 + symbol] == "1"]
    bits = bits[519:]
    lengths = {}
    for symbol in present:
        lengths[symbol] = shortest + (int(bits[:width], 2) if width else 0)
        bits = bits[width:]
    codes, code, before = {}, 0, 0
    for symbol in sorted(present, key=lambda symbol: (lengths[symbol], symbol)):
        code <<= lengths[symbol] - before
        before = lengths[symbol]
        codes[format(code, f"0{before}b")] = symbol
        code += 1
    symbols, start, end = [], 0, 0
    while len(symbols) < channels_out * depth:
        end += 1
        if bits[start:end] in codes:
            symbols.append(codes[bits[start:end]])
            start = end
    assert len(bits) - end < 32 and "1" not in bits[end:]
    taps = np.array(symbols)[:, None] >> np.arange(8, -1, -1) & 1
    return pack_bits(taps.reshape(channels_out, depth, 3, 3).transpose(0, 2, 3, 1) == 0)


def convolve(values, signs, stride, dilation, padding, pad_value, groups):
    """±1 kernels over a map; `signs` are [C_out, kh, kw, channels of a group]."""
    count, height, width, _ = values.shape
    out_channels, kernel_h, kernel_w, depth = signs.shape
    oh, top, bottom = same_or_valid(height, kernel_h, stride[0], dilation[0], padding)
    ow, left, right = same_or_valid(width, kernel_w, stride[1], dilation[1], padding)
    # Padding by 0 adds nothing to the sum, so for ±1 too it is "these taps do not count".
    border = ((0, 0), (top, bottom), (left, right), (0, 0))
    values = np.pad(values, border, constant_values=pad_value)
    acc = np.zeros((count, oh, ow, groups, out_channels // groups))
    signs = signs.reshape(groups, out_channels // groups, kernel_h, kernel_w, depth)
    for i, j, seen in shifted(values, (kernel_h, kernel_w), stride, dilation, (oh, ow)):
        taps = seen.reshape(count, oh, ow, groups, depth)
        acc += np.einsum("nhwgc,goc->nhwgo", taps, signs[:, :, i, j])
    return acc.reshape(count, oh, ow, out_channels)


def kgn_conv2d(x, weights, *epilogue, **options):
    channels, groups = options["channels_in"], options["groups"]
    if options.get("compression"):
        weights = restore_kernels(weights, len(epilogue[0]), channels // groups)
    stride = options["stride_height"], options["stride_width"]
    dilation = options["dilation_height"], options["dilation_width"]
    values = x.astype(np.float64) if options["bits"] == 32 else unpack(x, options["bits"], channels)
    signs = 1.0 - 2.0 * unpack_bits(weights, channels // groups)
    padding, pad_value = options["padding"], options["pad_value"]
    acc = convolve(values, signs, stride, dilation, padding, pad_value, groups)
    return _epilogue(acc, options, *epilogue)


def kgn_dense(x, weights, *epilogue, **options):
    channels = options["channels_in"]
    values = x.astype(np.float64) if options["bits"] == 32 else unpack(x, options["bits"], channels)
    acc = values @ (1.0 - 2.0 * unpack_bits(weights, channels)).T
    return _epilogue(acc, options, *epilogue)


def kgn_max_pool_2d(
    x,
    minimum=None,
    *,
    bits,
    channels,
    filter_height,
    filter_width,
    stride_height,
    stride_width,
    padding,
    version=1,
):
    values = unpack(x, bits, channels)
    sign = np.ones(channels) if minimum is None else 1.0 - 2.0 * unpack_bits(minimum, channels)
    values = values * sign
    _, height, width, _ = values.shape
    oh, top, bottom = same_or_valid(height, filter_height, stride_height, 1, padding)
    ow, left, right = same_or_valid(width, filter_width, stride_width, 1, padding)
    border = ((0, 0), (top, bottom), (left, right), (0, 0))
    values = np.pad(values, border, constant_values=-np.inf)
    window, stride = (filter_height, filter_width), (stride_height, stride_width)
    windows = [seen for _, _, seen in shifted(values, window, stride, (1, 1), (oh, ow))]
    return [pack(np.max(windows, axis=0) * sign, bits)]


def kgn_scale_map(
    x,
    multiplier=None,
    bias=None,
    *,
    kernel_height,
    kernel_width,
    stride_height,
    stride_width,
    dilation_height,
    dilation_width,
    padding,
    version=1,
):
    count, height, width, channels = x.shape
    if multiplier is not None:
        x = multiplier * x + bias
    groups = -(-channels // 16)
    lanes = np.zeros((count, height, width, groups, 16), np.float32)
    lanes.reshape(count, height, width, -1)[..., :channels] = np.abs(x)
    sums = np.zeros((count, height, width, 16), np.float32)
    for group in range(groups):
        sums = sums + lanes[..., group, :]
    for other in (8, 4, 2, 1):
        sums = sums[..., :other] + sums[..., other:]
    oh, top, bottom = same_or_valid(height, kernel_height, stride_height, dilation_height, padding)
    ow, left, right = same_or_valid(width, kernel_width, stride_width, dilation_width, padding)
    sums = np.pad(sums, ((0, 0), (top, bottom), (left, right), (0, 0)))
    total = np.zeros((count, oh, ow, 1), np.float32)
    kernel, stride = (kernel_height, kernel_width), (stride_height, stride_width)
    dilation = dilation_height, dilation_width
    for _, _, seen in shifted(sums, kernel, stride, dilation, (oh, ow)):
        total = total + seen
    return [total * np.float32(1 / (channels * kernel_height * kernel_width))]


OPS = {
    "KgnQuantize": kgn_quantize,
    "KgnConv2D": kgn_conv2d,
    "KgnDense": kgn_dense,
    "KgnMaxPool2D": kgn_max_pool_2d,
    "KgnDequantize": kgn_dequantize,
    "KgnScaleMap": kgn_scale_map,
}
