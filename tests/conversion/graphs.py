"""Hand-made graphs for the passes' tests, and their values with and without a pass.

Numbers are whole multiples of small powers of two, so that float32 sums and products are exact and
a rewrite that is right gives the same bits.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.conversion.weights.bitpack import pack_bits
from tests.runtime.model_builder import ABSENT, CONV2D_DEFAULTS, DENSE_DEFAULTS, ModelBuilder
from tests.runtime.reference_ops import same_or_valid
from tests.runtime.runners import invoke, load

RELU, RELU_N1_TO_1, RELU6, SIGN_BIT = 1, 2, 3, 5
_OPTIONS = {
    "ADD": "AddOptions",
    "MUL": "MulOptions",
    "SUB": "SubOptions",
    "DIV": "DivOptions",
    "MEAN": "ReducerOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "CONV_2D": "Conv2DOptions",
    "RESHAPE": "ReshapeOptions",
    "SHAPE": "ShapeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "EXPAND_DIMS": "ExpandDimsOptions",
    "TILE": "TileOptions",
    "CONCATENATION": "ConcatenationOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MAXIMUM": "MaximumMinimumOptions",
}


def exact(random, *shape, low=-4, high=4):
    """Random multiples of 1/4 with low <= value <= high."""
    return (random.integers(4 * low, 4 * high + 1, shape) / 4).astype(np.float32)


def images(*shape, batch=3, seed=9):
    """A batch of inputs."""
    return exact(np.random.default_rng(seed), batch, *shape)


class GraphBuilder(ModelBuilder):
    """A model builder whose tensors have shapes, with a dynamic batch where `batch` is None."""

    def __init__(self, seed=0, batch=None):
        super().__init__()
        self.random = np.random.default_rng(seed)
        self._batch = batch

    def image(self, *shape, dtype=np.float32):
        """An input of the model, its batch axis added in front."""
        index = self.input((self._batch or 1, *shape), dtype)
        if self._batch is None:
            self._sign(index, (-1, *shape))
        return index

    def shape(self, tensor):
        """Shape with -1 for the dynamic batch."""
        entry = self._tensors[tensor]
        found = entry.shape if entry.shapeSignature is None else entry.shapeSignature
        return tuple(int(n) for n in found)

    def result(self, shape, dtype=np.float32):
        """A tensor that an op writes; -1 in its shape for the dynamic batch."""
        index = self.tensor([abs(n) for n in shape], dtype)
        if -1 in shape:
            self._sign(index, shape)
        return index

    def _sign(self, index, shape):
        self._tensors[index].shapeSignature = np.asarray(shape, np.int32)

    def builtin(self, kind, inputs, output, **options):
        """Adds a builtin op; returns `output`."""
        code = (None, getattr(schema.BuiltinOperator, kind))
        operator = self._operator(code, inputs, output if isinstance(output, list) else [output])
        if kind in _OPTIONS:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, _OPTIONS[kind])
            operator.builtinOptions = getattr(schema, _OPTIONS[kind] + "T")()
            for name, value in options.items():
                assert hasattr(operator.builtinOptions, name)
                setattr(operator.builtinOptions, name, value)
        return output

    def binary(self, kind, left, right, activation=0):
        """ADD, MUL, SUB or DIV of two tensors; an array becomes a constant."""
        left, right = (
            self.constant(np.asarray(x, np.float32)) if isinstance(x, np.ndarray) else x
            for x in (left, right)
        )
        a, b = self.shape(left), self.shape(right)
        rank = max(len(a), len(b))
        a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
        shape = tuple(m if n == 1 else n for m, n in zip(a, b, strict=True))
        output = self.result(shape)
        fused = {} if kind in ("MINIMUM", "MAXIMUM") else {"fusedActivationFunction": activation}
        return self.builtin(kind, [left, right], output, **fused)

    def add(self, left, right, activation=0):
        return self.binary("ADD", left, right, activation)

    def mul(self, left, right, activation=0):
        return self.binary("MUL", left, right, activation)

    def unary(self, kind, x):
        return self.builtin(kind, [x], self.result(self.shape(x)))

    def leaky_relu(self, x, slope=0.25):
        return self.builtin("LEAKY_RELU", [x], self.result(self.shape(x)), alpha=slope)

    def prelu(self, x, slope=None):
        """PRELU with a slope a channel, of both signs, unless `slope` is an array."""
        slope = self.vector(self.shape(x)[-1]) / 2 if slope is None else slope
        return self.builtin("PRELU", [x, self.constant(slope)], self.result(self.shape(x)))

    def batch_norm(self, x, activation=0):
        """MUL and ADD by constants of both signs."""
        channels = self.shape(x)[-1]
        return self.add(self.mul(x, self.vector(channels)), self.vector(channels), activation)

    def vector(self, channels):
        """A constant with a value a channel, none of them 0 or 1 for all channels."""
        values = self.random.choice([-2.0, -1.5, -0.5, 0.25, 0.5, 1.5], channels)
        return values.astype(np.float32)

    def conv(self, x, filters=5, kernel=(3, 3), positive=False, bias=False, addend=None, **options):
        """KgnConv2D that reads floats."""
        *outer, channels = self.shape(x)
        weights = pack_bits(self.random.random((filters, *kernel, channels)) < 0.5)
        multiplier = self.vector(filters) / 4
        options = {**CONV2D_DEFAULTS, "bits": 32, "channels_in": channels, **options}
        names = ("height", "width")
        extent = [
            same_or_valid(outer[1 + i], kernel[i], options[f"stride_{n}"], 1, options["padding"])[0]
            for i, n in enumerate(names)
        ]
        output = self.result((outer[0], *extent, filters))
        constants = [weights, np.abs(multiplier) if positive else multiplier]
        constants.append(self.vector(filters) if bias else np.zeros(filters, np.float32))
        inputs = [x, *(self.constant(value) for value in constants)]
        if addend is not None:
            inputs += [ABSENT, addend]
        self.custom("KgnConv2D", inputs, [output], options)
        return output

    def dense(self, x, units=5, **options):
        """KgnDense that reads floats."""
        batch, channels = self.shape(x)
        weights = pack_bits(self.random.random((units, channels)) < 0.5)
        options = {**DENSE_DEFAULTS, "bits": 32, "channels_in": channels, **options}
        output = self.result((batch, units))
        constants = [weights, self.vector(units), np.zeros(units, np.float32)]
        inputs = [x, *(self.constant(value) for value in constants)]
        self.custom("KgnDense", inputs, [output], options)
        return output

    def quantize(self, x, bits=1, scale=1.0):
        """KgnQuantize; the packed tensor."""
        *outer, channels = self.shape(x)
        packed = self.result((*outer, bits * -(-channels // 32)), np.int32)
        self.custom("KgnQuantize", [x], [packed], {"version": 1, "bits": bits, "scale": scale})
        return packed

    def dequantize(self, packed, channels, bits=1, step=1.0):
        output = self.result((*self.shape(packed)[:-1], channels))
        options = {"version": 1, "bits": bits, "channels": channels, "scale": step}
        self.custom("KgnDequantize", [packed], [output], options)
        return output

    def low_bit(self, x, bits=1):
        """The float values of a quantized tensor, as an exporter and `quantize.run` leave them."""
        scale = 1.0 if bits == 1 else 2.0
        packed = self.quantize(x, bits, scale)
        return self.dequantize(packed, self.shape(x)[-1], bits, 1 / scale)

    def max_pool(self, x, activation=0):
        batch, height, width, channels = self.shape(x)
        output = self.result((batch, -(-height // 2), -(-width // 2), channels))
        options = {"strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 3, "padding": 0}
        return self.builtin(
            "MAX_POOL_2D", [x], output, fusedActivationFunction=activation, **options
        )

    def mean(self, x, axes, keep=True):
        """MEAN over some axes."""
        shape = [1 if i in axes else n for i, n in enumerate(self.shape(x))]
        if not keep:
            shape = [n for i, n in enumerate(shape) if i not in axes]
        axes = self.constant(np.asarray(axes, np.int32))
        return self.builtin("MEAN", [x, axes], self.result(shape), keepDims=keep)

    def reshape(self, x, shape):
        target = self.constant(np.asarray(shape, np.int32))
        return self.builtin("RESHAPE", [x, target], self.result(shape), newShape=list(shape))


def values(content, *inputs):
    """What a file gives for these inputs, batch axis included."""
    return invoke(load(content), inputs)


def rewritten(content, inputs, *passes):
    """Runs passes until they find nothing more; the file's values must stay, bit for bit.

    Returns:
        The graph that they leave.
    """
    graph = Graph(content)
    while any([one(graph) for one in passes]):
        graph.tidy()
    after = graph.to_bytes()
    for a, b in zip(values(after, *inputs), values(content, *inputs), strict=True):
        np.testing.assert_array_equal(a, b)
    return Graph(after)


def untouched(content, inputs, *passes):
    """Asserts that the passes find nothing to do."""
    graph = Graph(content)
    assert not any([one(graph) for one in passes])
    values(content, *inputs)  # the graph is a valid one: it is the pass that has a reason


def kinds(graph):
    """The ops in execution order."""
    return [op.kind for op in graph.ops]
