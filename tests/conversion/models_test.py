"""Models as users write them: layers anywhere, any inputs and outputs, other precisions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_groupnet as kgn
from keras_groupnet.layers import QuantConv2D, QuantDense, Quantize

# Of Keras: layers that build their parts when they are first called, and quantize() of inputs.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`build:UserWarning"),
    pytest.mark.filterwarnings("ignore:Layer InputLayer does not have:UserWarning"),
]


def binary(filters, **options):
    """A binary convolution that quantizes its input itself."""
    options = {"padding": "same", "input_quantizer": "ste_sign", "use_bias": False} | options
    return QuantConv2D(filters, 3, kernel_quantizer="binary_weight", **options)


class Block(keras.layers.Layer):
    """Binary layers in a list and a dict of another layer."""

    def __init__(self):
        super().__init__()
        self.convolutions = [binary(8) for _ in range(2)]
        self.norms = {"last": keras.layers.BatchNormalization()}

    def call(self, x):
        for convolution in self.convolutions:
            x = convolution(x)
        return self.norms["last"](x)


class Net(keras.Model):
    """A subclassed model, with a layer that it never calls."""

    def __init__(self):
        super().__init__()
        self.block = Block()
        self.unused = QuantDense(3, kernel_quantizer="binary_weight")
        self.head = keras.layers.Dense(3)

    def call(self, x):
        return self.head(keras.layers.GlobalAveragePooling2D()(self.block(x)))


def agrees(model, samples=3, **options):
    """Converts strictly; the file predicts what Keras does, in its structure."""
    converted = kgn.convert(model, **options)
    report = kgn.lite.verify(model, converted.content)
    assert report.ok and report.layers, str(report)
    generator = np.random.default_rng(1)
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.map_structure(
        lambda t: (
            generator.integers(0, 9, (samples, *t.shape[1:])).astype(t.dtype)
            if "int" in t.dtype
            else generator.standard_normal((samples, *(n or 10 for n in t.shape[1:])), np.float32)
        ),
        structure,
    )
    expected = model.predict_on_batch(inputs)
    predicted = kgn.lite.Interpreter(converted.content).predict(inputs)
    keras.tree.assert_same_structure(expected, predicted)
    for one, other in zip(keras.tree.flatten(expected), keras.tree.flatten(predicted), strict=True):
        assert other.shape == one.shape
        np.testing.assert_allclose(other, one, atol=2e-3 * max(np.abs(one).max(), 1e-3))
    return converted.report


def statuses(report):
    return {layer.name: layer.status for layer in report.layers}


def over(layer, shape=(6, 6, 8)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize(
    "model",
    [
        lambda: over(Block()),
        lambda: over(Net()),
        lambda: keras.Sequential([keras.Input((6, 6, 8)), Net()]),
        lambda: over(keras.layers.TimeDistributed(binary(4)), (3, 6, 6, 8)),
        lambda: over(keras.Sequential([keras.Input((6, 6, 8)), keras.Sequential([Block()])])),
    ],
    ids=["a layer", "a subclassed model", "Sequential of one", "a wrapper", "nested Sequential"],
)
def test_binary_layers_inside_of(model):
    found = statuses(agrees(model()))
    assert set(found.values()) <= {"binary", "float32"}
    binary_layers = [name for name, status in found.items() if status == "binary"]
    assert len(binary_layers) in (1, 2)
    assert all("quant_conv2d" in name for name in binary_layers)


def test_a_binary_layer_inside_that_cannot_be_is_refused_by_its_path():
    block = Block()
    block.convolutions[1].kernel_quantizer = None
    with pytest.raises(
        kgn.lite.ConversionError, match=r"'net\w*/block\w*/quant_conv2d\w*': it has"
    ):
        net = Net()
        net.block = block
        kgn.convert(over(net))


def test_a_layer_called_several_times():
    shared = binary(8, name="shared")
    inputs = x = keras.Input((6, 6, 8))
    for _ in range(3):
        x = keras.layers.BatchNormalization()(shared(x))
    report = agrees(keras.Model(inputs, x))
    assert statuses(report) == {"shared": "binary"}
    assert report.binary_bytes == 8 * 9 * 4


def several(inputs, outputs):
    keras.utils.set_random_seed(0)
    image, vector = keras.Input((6, 6, 8), name="zeta"), keras.Input((40,), name="alpha")
    one = binary(4)(image)
    two = QuantDense(3, kernel_quantizer="binary_weight", input_quantizer="ste_sign")(vector)
    three = keras.layers.Dense(2)(keras.layers.Flatten()(one))
    return keras.Model(inputs(image, vector), outputs(one, two, three))


@pytest.mark.parametrize(
    "inputs",
    [lambda a, b: [a, b], lambda a, b: [b, a], lambda a, b: {"zeta": a, "alpha": b}],
    ids=["list", "reversed", "dict"],
)
@pytest.mark.parametrize(
    "outputs",
    [
        lambda *y: list(y),
        lambda *y: [y[2], y[0], y[1]],
        lambda a, b, c: {"z": a, "y": b, "b": c},
        lambda a, b, c: {"z": [a, b], "b": c},
        lambda a, b, c: [b, b, a, c],
        lambda a, b, c: {"only": keras.layers.Concatenate()([b, c])},
    ],
    ids=["list", "permuted", "dict", "nested", "one twice", "dict of one"],
)
def test_inputs_and_outputs(inputs, outputs):
    agrees(several(inputs, outputs))


def test_predict_takes_lists_and_dicts():
    model = several(lambda a, b: [a, b], lambda *y: list(y))
    interpreter = kgn.lite.Interpreter(kgn.convert(model).content)
    image, vector = np.ones((2, 6, 6, 8)), np.ones((2, 40))
    by_order = interpreter.predict([image, vector])
    by_name = interpreter.predict({"alpha": vector, "zeta": image})
    for one, other in zip(by_order, by_name, strict=True):
        np.testing.assert_array_equal(one, other)
    for wrong, message in [
        (image, "list or dict of 2 inputs: zeta, alpha"),
        ([image], "Expected 2 inputs"),
        ({"alpha": vector}, "Expected inputs"),
        ([vector, image], "Expected input"),
        ([image, vector[:1]], "as many samples"),
    ]:
        with pytest.raises(ValueError, match=message):
            interpreter.predict(wrong)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.ones((2, 5, 6, 8)), "Expected 2 input"),
        ([np.ones((2, 6, 6, 8)), np.ones((2, 39))], "'alpha' of shape"),
        ([np.ones((2, 6, 6, 8)), np.ones((3, 40))], "as many samples"),
        ({"zeta": np.ones((2, 6, 6, 8))}, "Expected inputs"),
        ([np.ones((2, 6, 6, 8)), np.full((2, 40), "a")], "Expected numbers"),
    ],
)
def test_inputs_of_the_check_are_checked(inputs, message):
    model = several(lambda a, b: [a, b], lambda *y: list(y))
    with pytest.raises(ValueError, match=message):
        kgn.convert(model, inputs=inputs)


def test_state_that_is_no_weight():
    norm = keras.layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(3, 5, (64, 6, 6, 8)))
    inputs = keras.Input((6, 6, 8))
    agrees(keras.Model(inputs, binary(4)(norm(inputs))))


def test_functions_as_layers():
    inputs = keras.Input((6, 6, 8))
    x = keras.layers.Lambda(lambda x: 2 * x - 1)(inputs)
    x = keras.layers.Activation(lambda x: x * keras.ops.sigmoid(x))(binary(8)(x))
    agrees(keras.Model(inputs, x))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("method", ["group_net", "xnor_net", "rbcn"])
def test_half_precision(policy, method):
    keras.config.set_dtype_policy(policy)
    model = kgn.models.ResNet(
        (10, 10, 3), 10, blocks=(1, 1), filters=(8, 16), stem="cifar", method=method
    )
    keras.config.set_dtype_policy("float32")
    report = kgn.convert(model).report
    assert report.verification.ok and report.verification.layers
    assert {layer.compute_dtype for layer in model.layers} == {policy[6:], "float32"}


def test_float16_variables_are_refused():
    keras.config.set_dtype_policy("float16")
    model = over(binary(4))
    keras.config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="variables are float32"):
        kgn.convert(model)


def test_a_model_of_a_mirrored_strategy():
    devices = tf.config.list_logical_devices("CPU")
    with tf.distribute.MirroredStrategy([device.name for device in devices]).scope():
        model = over(binary(4))
    agrees(model)


def test_pictures():
    inputs = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 127.5, -1)(inputs)
    x = binary(8)(keras.layers.Conv2D(16, 3)(x))
    agrees(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)))


def test_tokens():
    inputs = keras.Input((20,), dtype="int32")
    x = keras.layers.Embedding(50, 16)(inputs)
    dense = QuantDense(8, kernel_quantizer="binary_weight", input_quantizer="ste_sign")
    agrees(keras.Model(inputs, dense(x)))


@pytest.mark.parametrize("dtype", ["bool", "int32"])
def test_inputs_of_few_levels_are_nobodys_fault(dtype):
    inputs = keras.Input((6, 6, 8), dtype=dtype)
    outputs = binary(4, input_quantizer=None)(keras.ops.cast(inputs, "float32"))
    report = kgn.convert(keras.Model(inputs, outputs)).report
    assert report.layers[0].detail == "float32 activations"


def test_open_sizes():
    inputs = keras.Input((None, None, 8))
    agrees(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(binary(4)(inputs))))


@pytest.mark.parametrize("strides", [1, 2])
def test_open_sizes_with_a_padding_of_one(strides):
    inputs = keras.Input((None, None, 8))
    x = binary(4, pad_values=1, strides=strides)(inputs)
    agrees(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x)))


def test_an_exception_of_the_model_arrives():
    class Picky(keras.layers.Layer):
        def call(self, x):
            if tf.is_symbolic_tensor(x) and x.shape[0] is None:
                raise RuntimeError("this layer wants a batch")
            return x

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    with pytest.raises(RuntimeError, match="this layer wants a batch"):
        kgn.convert(over(Picky()))


def test_control_flow_is_refused_in_one_sentence():
    inputs = keras.Input((10, 8))
    x = keras.layers.LSTM(8)(inputs)
    with pytest.raises(ValueError, match="no builtin op for these TensorFlow ops") as refusal:
        kgn.convert(keras.Model(inputs, x))
    assert len(str(refusal.value)) < 600


def test_names_that_cannot_be_traced():
    with pytest.raises(ValueError, match="name='my conv'"):
        kgn.convert(over(binary(4, name="my conv")))


def test_layers_that_keras_has_quantized():
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(inputs))
    model.quantize("int8")
    with pytest.raises(ValueError, match="'head', quantized to 'int8'"):
        kgn.convert(model)


def test_plain_functions_as_quantizers():
    layer = QuantDense(3, kernel_quantizer=lambda w: keras.ops.sign(w), input_quantizer="ste_sign")
    with pytest.raises(kgn.lite.ConversionError, match="subclass .*Quantizer or set its attribute"):
        kgn.convert(over(layer, (8,)))
    with pytest.raises(kgn.lite.ConversionError, match="subclass .*Quantizer or set its attribute"):
        kgn.convert(over(Quantize(lambda x: keras.ops.sign(x)), (8,)))


def test_paths_are_checked_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_groupnet.conversion.converter.float32_graph", None)
    with pytest.raises(ValueError, match="there is no folder"):
        kgn.convert(over(binary(4)), tmp_path / "no" / "model.tflite")
    with pytest.raises(ValueError, match="can be written"):
        kgn.convert(over(binary(4)), tmp_path)


def test_old_names_still_work_with_a_warning():
    model = over(binary(4))
    images = np.ones((2, 6, 6, 8), np.float32)
    with pytest.warns(DeprecationWarning, match="inputs instead of images"):
        report = kgn.convert(model, images=images).report
    with pytest.warns(DeprecationWarning, match="float_layers instead of first_last"):
        kgn.convert(model, first_last="float")
    with pytest.warns(DeprecationWarning, match="status"):
        assert report.layers[0].fate == "binary"
    assert report.images == 2
