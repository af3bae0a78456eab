"""Files of a few equal ops, to time one op: written straight from their geometry, without Keras.

An op stands in its file several times, with weights and an output of its own each, because in a
network the weights and what is written are not in the first cache when an op starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.op import ABSENT, Op, builtin_code

_FLOAT, _INT = schema.TensorType.FLOAT32, schema.TensorType.INT32
# Options of our convolution that do not depend on what is measured (docs/ops.md).
_CONV_OPTIONS = {
    "version": 1,
    "dilation_height": 1,
    "dilation_width": 1,
    "padding": 0,
    "pad_value": 0,
    "pre_activation": 0,
    "activation": 0,
    "out_scale": 1.0,
}


class OpFile:
    """A `.tflite` file under construction; tensors are known by their indices.

    Args:
        seed: of the constants.
    """

    def __init__(self, seed: int = 0):
        self._random = np.random.default_rng(seed)
        self._buffers = [schema.BufferT()]
        self._tensors: list[Any] = []
        self._ops: list[Op] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []

    def tensor(self, shape: Sequence[int], kind: int = _FLOAT) -> int:
        """Adds a tensor without value."""
        tensor = schema.TensorT()
        tensor.name = f"t{len(self._tensors)}"
        tensor.shape = np.asarray(shape, np.int32)
        tensor.type = kind
        tensor.hasRank = True
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def input(self, shape: Sequence[int], kind: int = _FLOAT) -> int:
        """Adds an input of the file."""
        self._inputs.append(self.tensor(shape, kind))
        return self._inputs[-1]

    def constant(self, value: np.ndarray) -> int:
        """Adds a constant, float32 or int32."""
        index = self.tensor(value.shape, _FLOAT if value.dtype == np.float32 else _INT)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
        self._buffers.append(buffer)
        self._tensors[index].buffer = len(self._buffers) - 1
        return index

    def floats(self, *shape: int) -> int:
        """Adds a constant of random floats."""
        return self.constant(self._random.standard_normal(shape, np.float32))

    def words(self, *shape: int) -> int:
        """Adds a constant of random bits."""
        bits = self._random.integers(-(2**31), 2**31, shape, np.int64)
        return self.constant(bits.astype(np.int32))

    def custom(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any):
        """Adds one of our ops; what it writes is an output of the file."""
        self._add(Op(kind, inputs, outputs, options))

    def builtin(
        self, kind: str, inputs: Sequence[int], output: int, table: str = "", **options: Any
    ):
        """Adds an op of the runtime; what it writes is an output of the file.

        Args:
            kind: name of the op.
            inputs: tensors.
            output: tensor.
            table: of its options, without `Options`; empty for none.
            **options: by their names in the schema.
        """
        source = schema.OperatorT()
        if table:
            source.builtinOptionsType = getattr(schema.BuiltinOptions, f"{table}Options")
            source.builtinOptions = getattr(schema, f"{table}OptionsT")()
            for name, value in options.items():
                setattr(source.builtinOptions, name, value)
        self._add(Op(kind, inputs, [output], {}, source, builtin_code(kind)))

    def content(self) -> bytes:
        """The file."""
        codes: dict[str, int] = {}
        model, subgraph = schema.ModelT(), schema.SubGraphT()
        model.operatorCodes, subgraph.operators = [], []
        same = {index: index for index in range(ABSENT, len(self._tensors))}
        for op in self._ops:
            if op.kind not in codes:
                codes[op.kind] = len(codes)
                code = op.code or builtin_code("CUSTOM")
                code.customCode = None if op.code else op.kind
                model.operatorCodes.append(code)
            subgraph.operators.append(op.written(codes[op.kind], same))
        subgraph.tensors = self._tensors
        subgraph.inputs = np.asarray(self._inputs, np.int32)
        subgraph.outputs = np.asarray(self._outputs, np.int32)
        model.version = 3
        model.subgraphs = [subgraph]
        model.buffers = self._buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _add(self, op: Op) -> None:
        self._ops.append(op)
        self._outputs += op.outputs


def _side(positions: int) -> tuple[int, int]:
    """Height and width of a map of about so many positions."""
    height = max(1, int(positions**0.5))
    return height, max(1, positions // height)


def binary_conv(
    copies: int,
    bits: int,
    taps: int,
    words: int,
    outputs: int,
    strides: int,
    positions: int,
    *,
    float_output: bool = True,
    out_bits: int = 0,
    addend: bool = False,
    pixel_scale: bool = False,
) -> bytes:
    """KgnConv2D whose channels fill their words.

    `positions` are those that it writes, `strides` is the product of both.
    """
    file = OpFile()
    height, width = _side(positions)
    kernel, stride = round(taps**0.5), round(strides**0.5)
    channels = 32 * words
    if bits == 32:
        x = file.input((1, stride * height, stride * width, channels))
    else:
        x = file.input((1, stride * height, stride * width, bits * words), _INT)
    map_shape = (1, height, width, outputs)
    # Sums of bases read what the op before them wrote: one addend for all.
    added = file.input(map_shape) if addend else ABSENT
    for _ in range(copies):
        inputs = [x, file.words(outputs, kernel, kernel, words)]
        inputs += [file.floats(outputs), file.floats(outputs)]
        inputs.append(file.input((1, height, width, 1)) if pixel_scale else ABSENT)
        inputs.append(added)
        results = [file.tensor(map_shape)] if float_output else []
        if out_bits:
            results.append(file.tensor((1, height, width, out_bits * (-(-outputs // 32))), _INT))
        options = {"float_output": int(float_output), "out_bits": out_bits, "groups": 1}
        options |= {"bits": bits, "channels_in": channels}
        options |= {"stride_height": stride, "stride_width": stride}
        file.custom("KgnConv2D", inputs, results, **_CONV_OPTIONS, **options)
    return file.content()


def binary_depthwise(copies: int, bits: int, taps: int, channels: int, positions: int) -> bytes:
    """KgnConv2D with a group for each channel."""
    file = OpFile()
    height, width = _side(positions)
    kernel = round(taps**0.5)
    words = -(-channels // 32)
    packed = bits < 32
    shape = (1, height, width, bits * words if packed else channels)
    x = file.input(shape, _INT if packed else _FLOAT)
    for _ in range(copies):
        inputs = [x, file.words(channels, kernel, kernel, 1)]
        inputs += [file.floats(channels), file.floats(channels)]
        result = file.tensor((1, height, width, channels))
        options = {"float_output": 1, "out_bits": 0, "groups": channels, "bits": bits}
        options |= {"channels_in": channels, "stride_height": 1, "stride_width": 1}
        file.custom("KgnConv2D", inputs, [result], **_CONV_OPTIONS, **options)
    return file.content()


def binary_dense(copies: int, bits: int, words: int, outputs: int) -> bytes:
    """KgnDense for one sample."""
    file = OpFile()
    packed = bits < 32
    x = file.input((1, bits * words if packed else 32 * words), _INT if packed else _FLOAT)
    for _ in range(copies):
        inputs = [x, file.words(outputs, words), file.floats(outputs), file.floats(outputs)]
        file.custom(
            "KgnDense",
            inputs,
            [file.tensor((1, outputs))],
            version=1,
            bits=bits,
            channels_in=32 * words,
            pre_activation=0,
            activation=0,
            float_output=1,
            out_bits=0,
            out_scale=1.0,
        )
    return file.content()


def quantize(copies: int, bits: int, channels: int, positions: int) -> bytes:
    """KgnQuantize with a batch norm in front."""
    file = OpFile()
    height, width = _side(positions)
    x = file.input((1, height, width, channels))
    for _ in range(copies):
        result = file.tensor((1, height, width, bits * (-(-channels // 32))), _INT)
        inputs = [x, file.floats(channels), file.floats(channels)]
        file.custom("KgnQuantize", inputs, [result], version=1, bits=bits, scale=1.0)
    return file.content()


def scale_map(
    copies: int, affine: int, taps: int, channels: int, strides: int, positions: int
) -> bytes:
    """KgnScaleMap; `affine` is 1 with a batch norm in front, positions and strides as above."""
    file = OpFile()
    height, width = _side(positions)
    kernel, stride = round(taps**0.5), round(strides**0.5)
    x = file.input((1, stride * height, stride * width, channels))
    options = {"version": 1, "dilation_height": 1, "dilation_width": 1, "padding": 0}
    options |= {"kernel_height": kernel, "kernel_width": kernel}
    options |= {"stride_height": stride, "stride_width": stride}
    for _ in range(copies):
        inputs = [x, file.floats(channels), file.floats(channels)] if affine else [x]
        file.custom("KgnScaleMap", inputs, [file.tensor((1, height, width, 1))], **options)
    return file.content()


def packed_pool(copies: int, bits: int, taps: int, words: int, positions: int) -> bytes:
    """KgnMaxPool2D, stride 2; `positions` are those that it writes."""
    file = OpFile()
    height, width = _side(positions)
    kernel = round(taps**0.5)
    x = file.input((1, 2 * height, 2 * width, bits * words), _INT)
    for _ in range(copies):
        file.custom(
            "KgnMaxPool2D",
            [x],
            [file.tensor((1, height, width, bits * words), _INT)],
            version=1,
            bits=bits,
            channels=32 * words,
            filter_height=kernel,
            filter_width=kernel,
            stride_height=2,
            stride_width=2,
            padding=0,
        )
    return file.content()


def conv(copies: int, taps: int, inputs: int, outputs: int, positions: int) -> bytes:
    """CONV_2D, stride 1."""
    file = OpFile()
    height, width = _side(positions)
    kernel = round(taps**0.5)
    x = file.input((1, height, width, inputs))
    for _ in range(copies):
        given = [x, file.floats(outputs, kernel, kernel, inputs), file.floats(outputs)]
        result = file.tensor((1, height, width, outputs))
        file.builtin("CONV_2D", given, result, "Conv2D", strideH=1, strideW=1, padding=0)
    return file.content()


def depthwise(copies: int, taps: int, channels: int, positions: int) -> bytes:
    """DEPTHWISE_CONV_2D, stride 1."""
    file = OpFile()
    height, width = _side(positions)
    kernel = round(taps**0.5)
    x = file.input((1, height, width, channels))
    for _ in range(copies):
        given = [x, file.floats(1, kernel, kernel, channels), file.floats(channels)]
        file.builtin(
            "DEPTHWISE_CONV_2D",
            given,
            file.tensor((1, height, width, channels)),
            "DepthwiseConv2D",
            strideH=1,
            strideW=1,
            depthMultiplier=1,
            padding=0,
        )
    return file.content()


def dense(copies: int, inputs: int, outputs: int) -> bytes:
    """FULLY_CONNECTED for one sample."""
    file = OpFile()
    x = file.input((1, inputs))
    for _ in range(copies):
        given = [x, file.floats(outputs, inputs), file.floats(outputs)]
        file.builtin("FULLY_CONNECTED", given, file.tensor((1, outputs)), "FullyConnected")
    return file.content()


def add(copies: int, values: int) -> bytes:
    """ADD of two maps."""
    file = OpFile()
    shape = (1, max(1, values // 64), min(64, values))
    x = file.input(shape)
    for _ in range(copies):
        file.builtin("ADD", [x, file.input(shape)], file.tensor(shape), "Add")
    return file.content()


def scale(copies: int, values: int) -> bytes:
    """MUL of a map with a constant a channel."""
    file = OpFile()
    shape = (1, max(1, values // 64), min(64, values))
    x = file.input(shape)
    for _ in range(copies):
        file.builtin("MUL", [x, file.floats(shape[-1])], file.tensor(shape), "Mul")
    return file.content()


def unary(kind: str) -> Callable[[int, int], bytes]:
    """What writes files of an element-wise op without options."""

    def write(copies: int, values: int) -> bytes:
        file = OpFile()
        shape = (1, max(1, values // 64), min(64, values))
        x = file.input(shape)
        for _ in range(copies):
            table = {"SOFTMAX": "Softmax"}.get(kind, "")
            options = {"beta": 1.0} if table else {}
            file.builtin(kind, [x], file.tensor(shape), table, **options)
        return file.content()

    return write


def pool(copies: int, taps: int, channels: int, positions: int) -> bytes:
    """MAX_POOL_2D, stride 2; `positions` are those that it writes."""
    file = OpFile()
    height, width = _side(positions)
    kernel = round(taps**0.5)
    x = file.input((1, 2 * height, 2 * width, channels))
    options = {"strideH": 2, "strideW": 2, "filterHeight": kernel, "filterWidth": kernel}
    for _ in range(copies):
        result = file.tensor((1, height, width, channels))
        file.builtin("MAX_POOL_2D", [x], result, "Pool2D", padding=0, **options)
    return file.content()


def mean(copies: int, channels: int, positions: int) -> bytes:
    """MEAN over height and width; `positions` are those that it reads."""
    file = OpFile()
    height, width = _side(positions)
    x = file.input((1, height, width, channels))
    axes = file.constant(np.array([1, 2], np.int32))
    for _ in range(copies):
        file.builtin("MEAN", [x, axes], file.tensor((1, channels)), "Reducer")
    return file.content()


def transpose(copies: int, values: int) -> bytes:
    """TRANSPOSE of a map: what a change of the layout in memory costs."""
    file = OpFile()
    shape = (1, max(1, values // 64), min(64, values))
    x = file.input(shape)
    order = file.constant(np.array([0, 2, 1], np.int32))
    for _ in range(copies):
        result = file.tensor((1, shape[2], shape[1]))
        file.builtin("TRANSPOSE", [x, order], result, "Transpose")
    return file.content()


def matmul(copies: int, inputs: int, outputs: int, positions: int) -> bytes:
    """BATCH_MATMUL of two maps, as in attention."""
    file = OpFile()
    x = file.input((1, positions, inputs))
    for _ in range(copies):
        given = [x, file.input((1, inputs, outputs))]
        file.builtin("BATCH_MATMUL", given, file.tensor((1, positions, outputs)), "BatchMatMul")
    return file.content()
