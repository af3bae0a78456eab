"""Architectures of today: their sizes are those that their authors, or Larq's zoo, name."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet import methods, models
from keras_groupnet.layers import ChannelScale, QuantConv2D, Quantize, RPReLU
from keras_groupnet.quantizers import RSign
from tests.tensors import array, saved_and_loaded

# name -> options of a net of seconds, with all kinds of its blocks
SMALL = {
    "ReActNet18": {"filters": (8, 8, 16, 16)},
    "ReActNetA": {"stem_filters": 8, "filters": (16, 16, 32)},
    "RealToBinaryNet": {"filters": (8, 8, 16, 16)},
    "QuickNet": {"blocks": (1, 1), "filters": (16, 24)},
    "BinaryDenseNet": {
        "blocks": (1, 1, 1),
        "reductions": (2, 2),
        "dilation_rates": (1, 1, 2),
        "growth": 16,
        "stem_filters": 16,
    },
    "MeliusNet": {"blocks": (1, 1), "transitions": (48,)},
    "BinaryResNetE18": {"blocks": (1, 1), "filters": (8, 16)},
}
every_net = pytest.mark.parametrize("name", SMALL)


def small(name, **options):
    options = {"stem": "cifar"} | SMALL[name] | options
    return getattr(models, name)((16, 16, 3), 5, **options)


def images(samples=4):
    return np.random.default_rng(0).normal(size=(samples, 16, 16, 3)).astype("float32")


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


def binary_layers(model):
    return [layer for layer in model.layers if isinstance(layer, QuantConv2D)]


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("RealToBinaryNet", 11_995_624),
        ("BinaryResNetE18", 11_699_368),
        ("BinaryDenseNet28", 5_150_504),
        pytest.param("BinaryDenseNet37", 8_734_120, marks=pytest.mark.slow),
        pytest.param("BinaryDenseNet37Dilated", 8_734_120, marks=pytest.mark.slow),
        pytest.param("BinaryDenseNet45", 13_939_240, marks=pytest.mark.slow),
    ],
)
def test_parameters_of_larq_zoo(name, parameters):
    model = getattr(models, name)()
    assert model.count_params() == parameters
    assert model.output_shape == (None, 1000)


def test_trainable_parameters_of_meliusnet_in_larq_zoo():
    model = models.MeliusNet22()
    assert count(model.trainable_variables) == 6_944_584
    assert [layer.filters for layer in binary_layers(model)] == [64] * 34


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("QuickNet", 13_234_088),
        pytest.param("QuickNetSmall", 12_655_688, marks=pytest.mark.slow),
        pytest.param("QuickNetLarge", 23_342_248, marks=pytest.mark.slow),
    ],
)
def test_parameters_of_quicknets_in_larq_zoo(name, parameters):
    model = getattr(models, name)()
    # Larq counts no statistics of batch norms, but those of one that learns nothing.
    statistics = count(
        variable
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.scale
        for variable in layer.non_trainable_variables
    )
    assert model.count_params() - statistics == parameters
    assert model.output_shape == (None, 1000)


def test_reactnet18_has_the_parameters_of_its_release():
    model = models.ReActNet18()
    widths = [64] * 4 + [128] * 4 + [256] * 4 + [512] * 4
    inputs = [64, *widths[:-1]]
    # Of the release's modules: the stem and fc; of each convolution the kernel, a batch norm, the
    # bias in front of the sign, and two biases and a PReLU; three shortcuts with a batch norm.
    expected = 9408 + 2 * 64 + 513_000
    expected += sum(9 * a * b + 2 * b + a + 3 * b for a, b in zip(inputs, widths, strict=True))
    expected += sum(a * 2 * a + 2 * 2 * a for a in (64, 128, 256))
    assert count(model.trainable_variables) == expected
    assert len(binary_layers(model)) == sum(isinstance(x, RPReLU) for x in model.layers) == 16


def test_reactnet_a_has_the_parameters_of_its_release():
    model = models.ReActNetA()
    widths = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    expected = 3 * 32 * 9 + 2 * 32 + 1024 * 1000 + 1000
    for a, b in zip(widths, widths[1:], strict=False):
        # 3x3 and 1x1 kernels; batch norms; the biases in front of signs; RPReLUs.
        expected += 9 * a * a + a * b + 2 * a + 2 * b + 2 * a + 3 * a + 3 * b
    assert count(model.trainable_variables) == expected
    features = keras.Model(model.input, model.get_layer("block13_rprelu2").output)
    assert features.output_shape == (None, 7, 7, 1024)


def test_real_to_binary_is_a_resnet18():
    model = models.RealToBinaryNet()
    assert len(binary_layers(model)) == sum(isinstance(x, ChannelScale) for x in model.layers) == 16
    assert type(model.get_layer("stem_prelu")) is keras.layers.PReLU
    # The scale is that of what the sign is taken of, behind the batch norm.
    scale = model.get_layer("stage1_block1_conv2_channel_scale")
    assert scale.input is model.get_layer("stage1_block1_conv2_quantize").input
    assert scale.reduction_kernel.shape == (64, 8)


def test_every_binary_convolution_of_a_reactnet_has_thresholds_of_its_own():
    model = small("ReActNet18")
    quantizers = [x.quantizer for x in model.layers if isinstance(x, Quantize)]
    assert len(quantizers) == 16 and all(type(x) is RSign for x in quantizers)
    by_method = models.ResNet18(
        (16, 16, 3), 5, method="react_net", stem="cifar", filters=(8, 8, 16, 16), name="reactnet18"
    )
    assert by_method.to_json() == model.to_json()


@every_net
def test_saving(name, tmp_path):
    model = small(name)
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(array(loaded(images())), array(model(images())))


# Those that are models of a method are trained in tests/methods.
@pytest.mark.parametrize("name", [x for x in SMALL if x not in ("ReActNet18", "RealToBinaryNet")])
def test_training_steps(name):
    model = small(name)
    labels = np.arange(8) % 5
    # Tracing the graph takes longer than these steps.
    model.compile(
        keras.optimizers.Adam(3e-3),
        "sparse_categorical_crossentropy",
        run_eagerly=keras.backend.backend() == "tensorflow",
    )
    before = [array(layer.kernel).copy() for layer in binary_layers(model)]
    losses = [float(model.train_on_batch(images(8), labels)) for _ in range(4)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for layer, start in zip(binary_layers(model), before, strict=True):
        assert not np.array_equal(array(layer.kernel), start), layer.name


@every_net
def test_summaries_know_all_binary_weights(name):
    model = small(name)
    totals = kgn.summary(model, print_fn=lambda text: None)
    assert totals.binary_weights == count(layer.kernel for layer in binary_layers(model))


@every_net
def test_the_stem_of_imagenet_makes_maps_smaller(name):
    sizes = [
        getattr(models, name)((64, 64, 3), stem=stem, include_top=False, **SMALL[name]).output_shape
        for stem in ("imagenet", "cifar")
    ]
    assert sizes[1][1] // sizes[0][1] == (2 if name == "ReActNetA" else 4)


@pytest.mark.parametrize("name", ["QuickNet", "BinaryDenseNet"])
def test_images_that_are_too_small(name):
    for stem, size in (("imagenet", 31), ("cifar", 7)):
        with pytest.raises(ValueError, match=rf"at least.*Received: input_shape=\({size}"):
            getattr(models, name)((size, 64, 3), stem=stem, **SMALL[name])


@pytest.mark.parametrize("name", [*SMALL, "MeliusNet22", "QuickNetSmall", "BinaryDenseNet37"])
def test_pictures_of_cifar(name):
    model = getattr(models, name)((32, 32, 3), 10, **(SMALL.get(name, {})))
    assert model.output_shape == (None, 10)


def test_one_stage_is_enough():
    for name, options in (
        ("MeliusNet", {"blocks": (1,), "transitions": ()}),
        ("BinaryDenseNet", {"blocks": (1,), "reductions": (), "dilation_rates": (2,)}),
        ("QuickNet", {"blocks": (1,), "filters": (8,)}),
        ("ReActNetA", {"filters": (8,)}),
        ("BinaryResNetE18", {"blocks": (1,), "filters": (8,)}),
    ):
        assert small(name, **options).output_shape == (None, 5)


def test_weights_are_those_of_a_file(tmp_path):
    path = tmp_path / "net.weights.h5"
    model = small("QuickNet", seed=1)
    model.save_weights(path)
    loaded = small("QuickNet", weights=path)
    np.testing.assert_array_equal(array(loaded(images())), array(model(images())))
    with pytest.raises(ValueError, match="no trained weights.*Received: weights='imagenet'"):
        small("QuickNet", weights="imagenet")


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("QuickNet", {"filters": (18, 24)}, r"multiple of 4.*Received"),
        ("QuickNet", {"blocks": (1,)}, "one of each per stage.*Received"),
        ("BinaryDenseNet", {"reductions": (2,)}, "one less.*Received"),
        ("MeliusNet", {"transitions": ()}, "one less.*Received"),
        ("ReActNetA", {"filters": (16, 24)}, "twice that.*Received"),
        ("BinaryResNetE18", {"filters": (16,)}, "one of each per stage.*Received"),
        ("ReActNet18", {"bases": 3}, "without the arguments of Group-Net"),
        ("QuickNet", {"stem": "mnist"}, "imagenet.*Received"),
    ],
)
def test_impossible_requests(name, options, message):
    with pytest.raises(ValueError, match=message):
        small(name, **options)


@every_net
def test_conversion(name):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("conversion needs the TensorFlow backend")
    pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
    model = small(name)
    generator = np.random.default_rng(0)
    for variable in model.variables:
        if "shift" in variable.name:
            variable.assign(generator.normal(0, 0.3, variable.shape))
    report = kgn.convert(model, inputs=images(8)).report  # strict: all of these are binary
    assert report.mismatched_top1 == 0
    assert {x.name for x in report.layers if x.status == "binary"} == {
        layer.name for layer in binary_layers(model)
    }
    assert all(x.detail == "1-bit activations" for x in report.layers if x.status == "binary")


def test_method_stages():
    for method, bits in (
        (methods.ReActNet(), [(32, 1), (1, 1)]),
        (methods.RealToBinary(), [(32, 32), (32, 1), (1, 1)]),
    ):
        stages = method.stages()
        assert [(stage.weight_bits, stage.activation_bits) for stage in stages] == bits
        assert stages[-1] is method
