"""Methods: the converted file answers like Keras and holds nothing of the training."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet import methods, training
from keras_groupnet.conversion.flatbuffer.graph import Graph
from keras_groupnet.deployment import describe
from keras_groupnet.layers import (
    ModulatedConv2D,
    ProjectionConv2D,
    QuantConv2D,
    RectifiedConv2D,
    RepeatChannels,
)
from tests.conversion.networks import activation, randomise
from tests.methods.networks import method, tiny
from tests.steps import digits
from tests.training.small_nets import residual_net


@pytest.mark.parametrize("name", [x for x in methods.names() if x != "full_precision"])
def test_every_method(name):
    net = randomise(tiny(method(name), filters=(32, 32)))
    low_bit = [layer for layer in net.layers if isinstance(layer, QuantConv2D)]
    # Strict: all of these are binary, and the file is compared with Keras.
    report = kgn.convert(net, inputs=digits(8)[0]).report
    assert report.mismatched_top1 == 0
    assert report.largest_difference <= 1e-5 * report.output_range
    assert [x.name for x in report.layers if x.status == "binary"] == [x.name for x in low_bit]
    # One bit per weight of each binary kernel.
    weights = [describe(layer).binary_weights for layer in low_bit]
    assert report.binary_bytes * 8 == sum(weights)


def assert_agrees(model, tolerance=2e-4, **options):
    result = kgn.convert(model, **options)
    assert all(layer.status == "binary" for layer in result.report.layers), str(result.report)
    images = np.random.default_rng(0).standard_normal((4, *model.input_shape[1:]), np.float32)
    expected = model.predict_on_batch(images)
    answered = kgn.lite.Interpreter(result.content).predict(images)
    np.testing.assert_allclose(answered, expected, atol=tolerance * np.abs(expected).max())
    return result


def single(layer, bits=1, shape=(9, 11, 35)):
    inputs = keras.Input(shape)
    x = activation(bits)(inputs) if bits else inputs
    return randomise(keras.Model(inputs, keras.layers.BatchNormalization()(layer(x))))


GEOMETRIES = [
    {},
    {"padding": "same"},
    {"padding": "same", "strides": 2},
    {"dilation_rate": 2, "padding": "same"},
    {"padding": "same", "pad_values": 1},
]


@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
@pytest.mark.parametrize("forward", ["elementwise", "mean"])
def test_projection(options, forward):
    layer = ProjectionConv2D(5, 3, projections=3, forward=forward, **options)
    result = assert_agrees(single(layer))
    assert result.report.binary_bytes == 9 * 8 * 15  # 35 channels take two words


@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
@pytest.mark.parametrize("c_shape", ["layer", "channel"])
def test_rectified(options, c_shape):
    layer = RectifiedConv2D(7, 3, c_shape=c_shape, **options)
    model = single(layer)
    rng = np.random.default_rng(1)
    layer.c.assign(rng.normal(0.0, 0.3, layer.c.shape))  # scales of either sign
    assert_agrees(model)


@pytest.mark.parametrize("options", GEOMETRIES, ids=str)
@pytest.mark.parametrize("scalar", [False, True])
@pytest.mark.parametrize("bits", [1, 32])
def test_modulated(options, scalar, bits):
    if bits == 32:
        options = options | {"pad_values": 0}
    if options.get("pad_values") and not scalar:
        # It is padded before the signs: behind another layer's signs the padding stays float.
        options = options | {"input_quantizer": "ste_sign"}
        bits = None
    layer = ModulatedConv2D(5, (3, 2), planes=4, scalar=scalar, **options)
    result = assert_agrees(single(layer, bits))
    # The four channels of a map share their bits.
    assert result.report.binary_bytes == 3 * 2 * 8 * 5


def test_one_scalar_per_plane_is_one_convolution_and_scalings():
    graph = Graph(kgn.convert(single(ModulatedConv2D(5, 3, planes=4, scalar=True))).content)
    (op,) = graph.of_kind("KgnConv2D")
    assert graph.shape(op.outputs[0])[-1] == 5


def test_a_fixed_batch():
    for scalar in (False, True):
        assert_agrees(single(ModulatedConv2D(3, 3, planes=2, scalar=scalar)), batch_size=2)


@pytest.mark.parametrize("quantizer", ["ste_sign", "approx_sign"])
def test_input_quantizer_of_the_layer_itself(quantizer):
    for make in (ProjectionConv2D, RectifiedConv2D, ModulatedConv2D):
        layer = make(4, 3, padding="same", input_quantizer=quantizer)
        assert_agrees(single(layer, bits=None))


def test_a_chain_of_projections():
    inputs = keras.Input((8, 8, 3))
    x = RepeatChannels(2)(inputs)
    for maps in (4, 6):
        x = keras.layers.BatchNormalization()(x)
        x = ProjectionConv2D(maps, 3, projections=2, input_quantizer="approx_sign")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x))
    result = kgn.convert(randomise(keras.Model(inputs, keras.layers.Dense(3)(x))))
    assert [layer.status for layer in result.report.layers] == ["binary", "binary", "float32"]
    assert result.report.mismatched_top1 == 0


def test_a_chain_of_modulated_layers():
    inputs = keras.Input((8, 8, 3))
    x = RepeatChannels(4)(inputs)
    for maps in (4, 6):
        x = ModulatedConv2D(maps, 3, planes=4, padding="same")(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    assert_agrees(randomise(keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(x))))


def test_ternary_projections_stay_float():
    model = single(ProjectionConv2D(4, 3, projections=2, levels=3))
    with pytest.raises(kgn.lite.ConversionError, match="its weights have 2 bits"):
        kgn.convert(model)


def test_a_modulated_layer_needs_a_fixed_size():
    model = single(ModulatedConv2D(4, 3), shape=(None, None, 8))
    with pytest.raises(ValueError, match="height and width.*Received"):
        kgn.convert(model)


def test_of_an_adversarial_training_only_the_student_is_converted():
    x, y = digits(32)
    student, teacher = residual_net(True, 32), residual_net(False, 32)
    trainer = training.AdversarialTrainer(student, teacher)
    trainer.compile(training.SGDWithL2(0.02), "sparse_categorical_crossentropy")
    trainer.fit(x, y, verbose=0, epochs=2)
    result = kgn.convert(student, inputs=x)
    assert result.report.mismatched_top1 == 0
    statuses = [layer.status for layer in result.report.layers]
    assert statuses == ["float32", "binary", "binary", "float32"]
    # No constant of the file is a latent kernel, C, or a weight of the others.
    graph = Graph(result.content)
    values = [graph.constant(t) for op in graph.ops for t in op.inputs if t >= 0]
    held = {v.astype(np.float32).tobytes() for v in values if v is not None and v.size > 1}
    hidden = [layer.kernel for layer in student.layers if isinstance(layer, RectifiedConv2D)]
    hidden += [layer.c for layer in student.layers if isinstance(layer, RectifiedConv2D)]
    hidden += [w for part in (teacher, *trainer.discriminators) for w in part.trainable_weights]
    for weight in hidden:
        value = np.array(weight.numpy())
        if len(np.unique(value)) < 2:  # an untrained vector of ones or zeros says nothing
            continue
        axes = range(value.ndim)
        assert value.tobytes() not in held
        # Float kernels are stored with the output channels first.
        assert value.transpose(*list(axes)[-1:], *list(axes)[:-1]).tobytes() not in held
    assert len(result.content) < 4 * sum(w.size for w in map(np.array, teacher.get_weights()))
