import keras
import numpy as np
import pytest

from keras_groupnet import models
from keras_groupnet.layers import QuantConv2D, Quantize
from tests.tensors import array, saved_and_loaded


def parameters(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def tiny(bases=2, bits=1, **options):
    options = {"blocks": (1, 1), "filters": (8, 16), "stem": "cifar"} | options
    return models.ResNet((8, 8, 1), 3, bases, bits, **options)


def test_the_parent_of_resnet18_has_the_usual_size():
    model = models.ResNet18(bases=None)
    assert parameters(model) == 11_689_512
    kernels = {
        layer.name: layer.count_params()
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    blocks = {name: count for name, count in kernels.items() if name.startswith("stage")}
    shortcuts = {name: count for name, count in blocks.items() if "shortcut" in name}
    assert sum(shortcuts.values()) == 172_032
    assert sum(blocks.values()) - sum(shortcuts.values()) == 10_985_472
    assert kernels["stem_conv"] == 9408
    assert model.output_shape == (None, 1000)


def test_the_parents_of_resnet34_and_50_have_the_usual_sizes():
    assert parameters(models.ResNet34(bases=None)) == 21_797_672
    assert parameters(models.ResNet50(bases=None)) == 25_557_032


def test_resnet18_with_five_bases():
    model = models.ResNet18(bases=5)
    binary = [layer for layer in model.layers if isinstance(layer, QuantConv2D)]
    assert len(binary) == 5 * 16 + 3
    assert sum(int(np.prod(layer.kernel.shape)) for layer in binary) == 5 * 10_985_472 + 172_032
    # Eight inputs of groups; in each base one more, in front of the second convolution.
    assert sum(isinstance(layer, Quantize) for layer in model.layers) == 8 + 8 * 5
    assert model.get_layer("group8_sum").output.shape == (None, 7, 7, 512)
    assert type(model.get_layer("stem_conv")) is keras.layers.Conv2D
    assert type(model.get_layer("fc")) is keras.layers.Dense


def test_resnet50_with_two_bases():
    model = models.ResNet50((64, 64, 3), 10, 2, 2, partition="v2", filters=(4, 8, 16, 32))
    assert model.get_layer("group8_sum").output.shape == (None, 2, 2, 128)
    # Stage 1 starts with a group and shares its shortcut; the other stages start inside a group.
    binary = [layer for layer in model.layers if isinstance(layer, QuantConv2D)]
    assert len(binary) == 2 * 48 + 1 + 2 * 3


@pytest.mark.parametrize("bits", [1, 2, 4, 32])
@pytest.mark.parametrize("partition", ["v1", "v3", "layerwise"])
def test_saving_keeps_the_latent_weights(bits, partition, tmp_path):
    model = tiny(2, bits, partition=partition)
    loaded = saved_and_loaded(model, tmp_path)
    for kept, latent in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, latent)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1))
    np.testing.assert_array_equal(array(loaded(images)), array(model(images)))


@pytest.mark.parametrize(
    "bits, wiring",
    [
        (1, "layer_shortcut"),
        (1, "block_shortcut"),
        (2, "block_shortcut"),
        (32, "layer_shortcut"),
    ],
)
def test_training_lowers_the_loss_and_moves_every_weight(bits, wiring):
    model = tiny(2, bits, wiring=wiring)
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(32, 8, 8, 1)), rng.integers(0, 3, size=32)
    model.compile(keras.optimizers.SGD(0.01, 0.9), "sparse_categorical_crossentropy")
    before = [array(weight) for weight in model.trainable_weights]
    first = float(model.train_on_batch(images, labels))
    moved = [
        not np.array_equal(old, array(new))
        for old, new in zip(before, model.trainable_weights, strict=True)
    ]
    assert all(moved)
    assert float(model.train_on_batch(images, labels)) < first
    assert np.mean([float(model.train_on_batch(images, labels)) for _ in range(5)]) < first


@pytest.mark.parametrize("bits", [1, 4])
def test_mixed_precision_quantizes_exactly(bits, policy):
    model = tiny(2, bits)
    tensors = [layer.output for layer in model.layers if isinstance(layer, Quantize)]
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    top = 2**bits - 1
    for tensor in keras.Model(model.input, tensors)(images):
        assert keras.backend.standardize_dtype(tensor.dtype) == policy.compute_dtype
        if bits == 1:
            np.testing.assert_array_equal(np.abs(array(tensor)), np.ones(tensor.shape))
        else:
            codes = keras.ops.cast(np.round(array(tensor) * top), policy.compute_dtype)
            np.testing.assert_array_equal(array(tensor), array(codes * (1.0 / top)))
    outputs = model(images)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    assert np.isfinite(array(outputs)).all()


def test_the_size_of_the_image_may_stay_open():
    model = models.ResNet((None, None, 3), 4, 2, blocks=(1, 1), filters=(4, 8))
    small, large = (np.zeros((1, side, side + 3, 3), "float32") for side in (19, 32))
    assert model.predict(small, verbose=0).shape == model.predict(large, verbose=0).shape == (1, 4)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"bases": 0}, "at least 1.*Received: bases=0"),
        ({"activation_bits": 3.5}, r"\(1, 2, 4, 32\).*Received: activation_bits=3.5"),
        ({"partition": [1, 2]}, "sum to the number of blocks, 8.*Received"),
        ({"stem": "mnist"}, "imagenet.*Received"),
        ({"block": "wide"}, "bottleneck.*Received"),
        ({"filters": (64, 128)}, "one of each per stage.*Received"),
        ({"classes": 0}, "positive int.*Received"),
        ({"input_shape": (32, 32)}, r"\(height, width, channels\).*Received"),
        ({"input_shape": (32, 32, None)}, r"\(height, width, channels\).*Received"),
        ({"input_shape": (3, 32, 32)}, r"channels last.*Received.*pass \(32, 32, 3\)"),
        ({"input_shape": (1, 28, 30)}, r"channels last.*Received.*pass \(28, 30, 1\)"),
        ({"seed": 1.5}, "int.*Received: seed=1.5"),
    ],
)
def test_impossible_requests(options, message):
    with pytest.raises(ValueError, match=message):
        models.ResNet(**options)


def convolutions(model, side=None):
    kernels = [x.kernel for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    return [int(np.prod(k.shape)) for k in kernels if side in (None, k.shape[0])]


@pytest.mark.parametrize(
    "depth, stages, kernels, count",
    [
        (22, (16, 16, 32, 64), 19, 270_256),
        (22, (64, 64, 128, 256), 19, 4_318_912),
        (40, (16, 16, 32, 64), 37, 560_560),
    ],
)
def test_wide_resnets_have_the_sizes_of_the_papers(depth, stages, kernels, count):
    model = models.WideResNet(depth=depth, stages=stages, method="full_precision")
    assert len(convolutions(model, 3)) == kernels and len(convolutions(model, 1)) == 2
    assert sum(convolutions(model)) == count
    assert model.output_shape == (None, 100)


@pytest.mark.parametrize(
    "filters, count",
    [
        ((32, 32, 64, 128), 729_952),
        ((32, 64, 128, 256), 2_790_240),
        ((64, 64, 128, 256), 2_918_080),
    ],
)
def test_resnet18_for_small_images_has_the_sizes_of_the_papers(filters, count):
    model = models.ResNet18((32, 32, 3), 100, method="bi_real", filters=filters, stem="cifar")
    # The papers count no shortcut where a stage halves the feature map and keeps the width.
    without = filters[0] ** 2 if filters[0] == filters[1] else 0
    assert sum(convolutions(model)) - without == count
    assert model.get_layer("stem_conv").filters == filters[0]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"depth": 20}, r"6 n \+ 4.*Received: depth=20"),
        ({"depth": 4}, r"6 n \+ 4.*Received: depth=4"),
        ({"stages": (16, 32, 64)}, "stem and of three stages.*Received"),
    ],
)
def test_wide_resnets_that_do_not_exist(options, message):
    with pytest.raises(ValueError, match=message):
        models.WideResNet(**options)
