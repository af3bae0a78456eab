"""`verify` accepts what `convert` writes, and refuses it broken in any way, naming the layer."""

import functools

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.conversion.export.origin import Origin
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph
from keras_groupnet.conversion.passes.epilogue import ADDEND, BIAS, KERNEL_OPS, MULTIPLIER
from keras_groupnet.layers import QuantDense, Quantize
from tests.conversion.networks import conv, randomise, two_groups

WEIGHTS = 1


@functools.cache
def trained(bits, **options):
    """A model and its file."""
    model = two_groups(bits, **options)
    return model, kgn.convert(model).content


def layer_of(graph, op):
    return Origin.of(graph.name(op.inputs[WEIGHTS])).layer


def changed_constant(graph, op, position, change):
    value = graph.value(op.inputs[position]).copy()
    change(value)
    op.set_input(position, graph.add_constant(value, graph.name(op.inputs[position])))


def refused(model, graph, *layers):
    """The report of a broken file; every layer is named in it."""
    report = kgn.lite.verify(model, graph.to_bytes())
    assert not report.ok
    for layer in layers:
        assert any(layer in problem.layer.split(" + ") for problem in report.problems), str(report)
    return report


@pytest.mark.parametrize("bits", [1, 2, 4, 32])
@pytest.mark.parametrize("options", [{}, {"relu": True}, {"scale_map": True}], ids=str)
def test_a_good_file(bits, options):
    model = two_groups(bits, **options)
    converted = kgn.convert(model)
    report = kgn.lite.verify(model, converted.content)
    assert report.ok, str(report)
    assert len(report.layers) == 12
    outputs = converted.report
    assert outputs.mismatched_top1 == 0
    assert outputs.largest_difference < 0.02 * outputs.output_range
    assert (report.values > 0) == (bits != 32)


NETS = [(1, {}), (2, {"relu": True}), (1, {"scale_map": True, "relu": True}), (32, {})]


@pytest.mark.parametrize(("bits", "options"), NETS, ids=str)
@pytest.mark.parametrize("number", [0, 11])
class TestOneOp:
    """One constant or option of one of the twelve binary ops is wrong."""

    @pytest.fixture(autouse=True)
    def _file(self, bits, options, number):
        self.model, content = trained(bits, **options)
        self.graph = Graph(content)
        self.op = self.graph.of_kind(*KERNEL_OPS)[number]
        self.layer = layer_of(self.graph, self.op)

    def test_one_bit_of_a_kernel(self):
        def flip(words):
            words.flat[words.size // 2] ^= 1

        changed_constant(self.graph, self.op, WEIGHTS, flip)
        refused(self.model, self.graph, self.layer)

    def test_a_thousandth_of_the_bits(self):
        generator = np.random.default_rng(0)

        def flip(words):
            places = generator.random((*words.shape, 32)) < 1e-3
            words ^= np.packbits(places, axis=-1).view(np.int32)[..., 0]

        changed_constant(self.graph, self.op, WEIGHTS, flip)
        refused(self.model, self.graph, self.layer)

    @pytest.mark.parametrize("channel", [0, -1])
    def test_one_multiplier_negated(self, channel):
        def negate(values):
            values[channel] *= -1

        changed_constant(self.graph, self.op, MULTIPLIER, negate)
        refused(self.model, self.graph, self.layer)

    def test_one_multiplier_a_little_larger(self):
        def grow(values):
            values[3] *= 1.01

        changed_constant(self.graph, self.op, MULTIPLIER, grow)
        refused(self.model, self.graph, self.layer)

    def test_a_bias_shifted(self):
        def shift(values):
            values[5] += 0.01 * max(np.abs(values).max(), 1)

        changed_constant(self.graph, self.op, BIAS, shift)
        refused(self.model, self.graph, self.layer)

    def test_a_bias_dropped(self):
        if not self.graph.value(self.op.inputs[BIAS]).any():
            pytest.skip("the bias of the sum is in another op")
        changed_constant(self.graph, self.op, BIAS, lambda values: values.fill(0))
        refused(self.model, self.graph, self.layer)

    @pytest.mark.parametrize("option", ["activation", "pre_activation"])
    def test_an_activation(self, option):
        self.op.options[option] = 1 - self.op.options[option]
        refused(self.model, self.graph, self.layer)

    def test_another_padding_value(self, bits):
        if bits not in (1, 32):
            pytest.skip("codes are padded with 0 only")
        self.op.options["pad_value"] = 1 - abs(self.op.options["pad_value"])
        refused(self.model, self.graph, self.layer)

    def test_the_addend_dropped(self):
        if self.op.input(ADDEND) == ABSENT:
            pytest.skip("nothing is added to this op")
        self.op.inputs = [*self.op.inputs[:ADDEND], *[ABSENT] * 3, *self.op.inputs[8:]]
        refused(self.model, self.graph, self.layer)

    def test_the_threshold_of_its_output_shifted(self):
        if not self.op.options["out_bits"]:
            pytest.skip("the op writes floats")
        position = 9
        if self.op.input(position) == ABSENT:
            channels = len(self.graph.value(self.op.inputs[MULTIPLIER]))
            for at, value in ((8, 1), (9, 0)):
                values = np.full(channels, value, np.float32)
                self.op.set_input(at, self.graph.add_constant(values, f"{self.layer}/{at}"))

        def shift(values):
            values[2] += 0.05

        changed_constant(self.graph, self.op, position, shift)
        refused(self.model, self.graph, self.layer)


@pytest.mark.parametrize(("bits", "options"), NETS, ids=str)
@pytest.mark.parametrize("pair", [(0, 2), (5, 11)])
@pytest.mark.parametrize("position", [WEIGHTS, MULTIPLIER], ids=["kernels", "multipliers"])
def test_two_ops_exchange_their_constants(bits, options, pair, position):
    model, content = trained(bits, **options)
    graph = Graph(content)
    ops = graph.of_kind(*KERNEL_OPS)
    first, second = (ops[number] for number in pair)
    layers = layer_of(graph, first), layer_of(graph, second)
    values = [graph.value(op.inputs[position]) for op in (first, second)]
    if np.array_equal(*values):
        pytest.skip("the constants are equal")
    for op, value in zip((second, first), values, strict=True):
        name = graph.name(op.inputs[position])
        op.set_input(position, graph.add_constant(value, name))
    refused(model, graph, *layers)


def test_strides():
    model = randomise(single_conv(strides=2))
    graph = Graph(kgn.convert(model).content)
    (op,) = graph.of_kind("KgnConv2D")
    op.options |= {"stride_height": 1, "stride_width": 4}
    refused(model, graph, "binary")


def single_conv(**options):
    inputs = keras.Input((8, 8, 20))
    x = conv(20, 3, name="binary", **options)(Quantize("ste_sign")(inputs))
    return keras.Model(inputs, keras.layers.BatchNormalization()(x))


def test_the_scale_of_a_quantizer():
    model, content = trained(2)
    graph = Graph(content)
    (op, *_) = [op for op in graph.of_kind(*KERNEL_OPS) if op.options["out_bits"]]
    op.options["out_scale"] *= 1.01
    report = refused(model, graph)
    assert any(problem.layer.startswith("quantize") for problem in report.problems), str(report)


def test_a_scale_map():
    model, content = trained(1, scale_map=True)
    graph = Graph(content)
    (op, *_) = graph.of_kind("KgnScaleMap")
    op.options["kernel_height"] = op.options["kernel_width"] = 1
    layer = next(x for x in model.layers if isinstance(x, kgn.layers.ActivationScale))
    refused(model, graph, layer.name)


def test_a_single_image_that_leaves_most_channels_zero():
    model = kgn.models.AlexNet((67, 67, 3), 4, bases=2, filters=(4, 4, 4, 4, 4), units=24)
    kgn.convert(model, batch_size=1)  # which verifies


def test_a_float_layer_behind_the_last_binary_one():
    model, content = trained(1)
    graph = Graph(content)
    (op,) = graph.of_kind("FULLY_CONNECTED")
    changed_constant(graph, op, 1, lambda values: values.__imul__(1.01))
    assert any("output 0" in problem.layer for problem in refused(model, graph).problems)


def two_outputs():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 16), name="images")
    x = conv(16, name="trunk")(Quantize("ste_sign", name="sign")(inputs))
    left = conv(8, name="left", input_quantizer="ste_sign")(x)
    right = conv(8, name="right", input_quantizer="ste_sign")(x)
    return keras.Model(inputs, [right, left])


def test_two_outputs_exchanged():
    model = two_outputs()
    graph = Graph(kgn.convert(model).content)
    first, second = graph.of_kind("KgnConv2D")[1:]
    outputs = first.outputs, second.outputs
    first.outputs = [graph.add_tensor(graph.shape(outputs[0][0]), np.float32, "free")]
    second.outputs, first.outputs = outputs[0], outputs[1]
    refused(model, graph, "left", "right")


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_two_names_exchanged(kind):
    inputs = [keras.Input((6, 6, 8), name=name) for name in ("b", "a")]
    outputs = [conv(8, input_quantizer="ste_sign")(one) for one in inputs]
    model = keras.Model(inputs, outputs)
    content = kgn.convert(model).content
    assert kgn.lite.verify(model, content).ok
    graph = Graph(content)
    first, second = getattr(graph.model.signatureDefs[0], kind)
    first.name, second.name = second.name, first.name
    refused(model, graph, f"{kind[:-1]} 0", f"{kind[:-1]} 1")


def test_a_layer_is_missing():
    model = two_outputs()
    graph = Graph(kgn.convert(model).content)
    _, first, second = graph.of_kind("KgnConv2D")
    assert layer_of(graph, second) == "right"
    second.inputs = first.inputs
    refused(model, graph, "right")


def test_a_dense_layer_with_a_silent_channel():
    """A channel whose ReLU gives 0 on every input still has the right bias."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((64,))
    x = QuantDense(8, kernel_quantizer="binary_weight", name="dense", use_bias=False)(
        Quantize("ste_sign")(inputs)
    )
    norm = keras.layers.BatchNormalization()
    x = QuantDense(4, kernel_quantizer="binary_weight", name="last", input_quantizer="ste_sign")(
        norm(x)
    )
    model = keras.Model(inputs, x)
    gamma, beta, mean, variance = norm.get_weights()
    beta[2] = 50.0
    norm.set_weights([gamma, beta, mean, variance])
    graph = Graph(kgn.convert(model).content)
    op = graph.of_kind("KgnDense")[0]

    def shift(values):
        values[2] += 1.0

    position = next(
        at for at in (9, BIAS) if op.input(at) != ABSENT and graph.value(op.inputs[at]).any()
    )
    changed_constant(graph, op, position, shift)
    refused(model, graph, "dense")


@pytest.mark.parametrize(
    "name", ["abc_net", "syq", "mcn", "mcn_1", "hwgq", "dorefa", "pcnn", "rbcn"]
)
def test_methods(name):
    model = kgn.models.ResNet(
        (12, 12, 3), 10, blocks=(1, 1), filters=(16, 32), stem="cifar", method=name
    )
    content = kgn.convert(randomise(model)).content
    report = kgn.lite.verify(model, content)
    assert report.ok and report.layers, str(report)
    graph = Graph(content)
    op = graph.of_kind(*KERNEL_OPS)[-1]

    def flip(words):
        words.flat[0] ^= 2

    changed_constant(graph, op, WEIGHTS, flip)
    refused(model, graph, layer_of(graph, op))


def test_a_file_that_no_longer_runs():
    model, content = trained(1)
    graph = Graph(content)
    op = graph.of_kind(*KERNEL_OPS)[5]
    op.options |= {"stride_height": 2, "stride_width": 2}
    report = refused(model, graph, layer_of(graph, op))
    assert any(problem.layer == "the file" for problem in report.problems)


def test_a_file_of_another_model():
    _, content = trained(1)
    report = kgn.lite.verify(randomise(two_groups(1, relu=True), seed=5), content)
    assert not report.ok and "no such op" in str(report)


def test_a_compressed_file_with_one_other_kernel():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 64))
    layer = conv(64, name="binary")
    model = keras.Model(inputs, layer(Quantize("ste_sign")(inputs)))
    kernel = np.tile(np.random.default_rng(0).standard_normal((3, 3, 1, 4)), (1, 1, 64, 16))
    layer.set_weights([kernel])
    content = kgn.convert(model, compress="huffman").content
    assert kgn.lite.verify(model, content).ok
    kernel[0, 1, 2, 3] *= -1
    layer.set_weights([kernel])
    refused(model, Graph(content), "binary")


def test_bad_arguments():
    model, content = trained(1)
    with pytest.raises(FileNotFoundError):
        kgn.lite.verify(model, "no_such_file.tflite")
    with pytest.raises(ValueError, match="of shape"):
        kgn.lite.verify(model, content, np.ones((2, 9, 11, 4)))


def test_inputs_may_be_given():
    model, content = trained(1)
    assert kgn.lite.verify(model, content, np.ones((3, 9, 11, 3))).ok
