"""`verify` accepts int8 files of `convert`, and refuses them broken, naming the layer."""

import functools
from importlib.util import find_spec

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.export.origin import Origin
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import ADDEND, BIAS, KERNEL_OPS, MULTIPLIER
from tests.conversion.networks import two_groups

if not (find_spec("litert_quantizer") or find_spec("ai_edge_quantizer")):
    pytest.skip("the LiteRT quantizer is not installed", allow_module_level=True)

WEIGHTS = 1


@functools.cache
def quantized(bits: int, compress: str | None = None):
    """A model and its int8 file."""
    model = two_groups(bits, relu=bits == 2)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if type(layer).__name__ in ("Conv2D", "Dense"):
            layer.bias.assign(generator.normal(0, 0.1, layer.bias.shape))
    data = generator.standard_normal((16, 9, 11, 3)).astype(np.float32)
    options = {"representative_data": data, "compress": compress}
    return model, kgn.convert(model, float_layers="int8", **options).content


def changed(graph, op, position, change):
    """Another constant of the same type, scale and name."""
    old = op.inputs[position]
    value = graph.value(old).copy()
    change(value)
    new = graph.add_constant(value, graph.name(old))
    graph.tensors[new].quantization = graph.tensors[old].quantization
    op.set_input(position, new)


def named(model, graph) -> set[str]:
    """The layers in which `verify` finds problems."""
    report = kgn.lite.verify(model, graph.to_bytes())
    assert not report.ok
    return {problem.layer for problem in report.problems}


@pytest.mark.parametrize(("bits", "compress"), [(1, None), (1, "huffman"), (2, None), (32, None)])
def test_a_good_file(bits, compress):
    model, content = quantized(bits, compress)
    report = kgn.lite.verify(model, content)
    assert report.ok and len(report.layers) == 12, str(report)
    floats = [layer.name for layer in model.layers if type(layer).__name__ in ("Conv2D", "Dense")]
    assert report.int8_layers == floats
    assert all(name in str(report) for name in floats)


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("number", [11])
class TestOneOp:
    """One constant or option of one of the twelve binary ops is wrong."""

    @pytest.fixture(autouse=True)
    def _file(self, bits, number):
        self.model, content = quantized(bits)
        self.graph = Graph(content)
        self.op = self.graph.of_kind(*KERNEL_OPS)[number]
        self.layer = Origin.of(self.graph.name(self.op.inputs[WEIGHTS])).layer

    def test_a_flipped_bit(self):
        def flip(words):
            words.flat[words.size // 2] ^= 1

        changed(self.graph, self.op, WEIGHTS, flip)
        assert named(self.model, self.graph) == {self.layer}

    def test_a_negated_multiplier(self):
        def negate(values):
            values[-1] *= -1

        changed(self.graph, self.op, MULTIPLIER, negate)
        assert named(self.model, self.graph) == {self.layer}

    def test_a_shifted_bias(self):
        def shift(values):
            values[5] += 0.01

        changed(self.graph, self.op, BIAS, shift)
        assert named(self.model, self.graph) == {self.layer}

    @pytest.mark.parametrize("option", ["padding", "activation", "pad_value", "stride_height"])
    def test_an_option(self, option):
        self.op.options[option] = 1 - self.op.options[option] if option != "stride_height" else 3
        assert named(self.model, self.graph) == {self.layer}

    def test_the_addend_dropped(self):
        if self.op.input(ADDEND) == ABSENT:
            pytest.skip("nothing is added to this op")
        self.op.inputs = [*self.op.inputs[:ADDEND], *[ABSENT] * 3, *self.op.inputs[8:]]
        assert named(self.model, self.graph) == {self.layer}


def test_two_ops_exchange_their_kernels():
    model, content = quantized(1)
    graph = Graph(content)
    first, second = graph.of_kind(*KERNEL_OPS)[2:4]
    pair = first.inputs[WEIGHTS], second.inputs[WEIGHTS]
    layers = {Origin.of(graph.name(tensor)).layer for tensor in pair}
    first.set_input(WEIGHTS, pair[1])
    second.set_input(WEIGHTS, pair[0])
    assert named(model, graph) == layers


@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
class TestAFloatLayer:
    """What is judged of an int8 layer: weights, bias, options, connections."""

    @pytest.fixture(autouse=True)
    def _file(self, kind):
        self.model, content = quantized(1)
        self.graph = Graph(content)
        (self.op,) = self.graph.of_kind(kind)
        name = "Conv2D" if kind == "CONV_2D" else "Dense"
        (self.layer,) = [x.name for x in self.model.layers if type(x).__name__ == name]

    def test_a_weight_of_one_step_more(self):
        def shift(values):
            values.flat[7] += 1 if values.flat[7] < 100 else -1

        changed(self.graph, self.op, WEIGHTS, shift)
        assert named(self.model, self.graph) == {self.layer}

    def test_its_bias(self):
        def shift(values):
            values[1] += values.dtype.type(values[0] / 10)

        changed(self.graph, self.op, 2, shift)
        assert named(self.model, self.graph) == {self.layer}

    def test_its_activation(self):
        self.op.source.builtinOptions.fusedActivationFunction = 1
        assert named(self.model, self.graph) == {self.layer}


def test_another_input_or_output():
    keras.utils.set_random_seed(0)
    inputs = [keras.Input((6,), name=name) for name in ("left", "right")]
    outputs = [keras.layers.Dense(4, name=f"{x.name}_dense")(x) for x in inputs]
    model = keras.Model(inputs, outputs)
    data = list(np.random.default_rng(0).standard_normal((2, 16, 6)).astype(np.float32))
    content = kgn.convert(model, float_layers="int8", representative_data=data).content
    assert kgn.lite.verify(model, content).ok
    graph = Graph(content)
    first, second = (graph.consumers(tensor)[0] for tensor in graph.inputs)
    first.inputs, second.inputs = second.inputs, first.inputs
    assert named(model, graph) == {"left_dense", "right_dense"}
