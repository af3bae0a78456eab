"""The predicted size beside that of the file, for every method and model of the zoo."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet import methods, models
from keras_groupnet.deployment.summary import summarize
from tests.methods.networks import method, tiny

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

from keras_groupnet.conversion import passes  # noqa: E402
from keras_groupnet.conversion.export.tracing import trace  # noqa: E402
from keras_groupnet.conversion.flatbuffer.graph import Graph  # noqa: E402

LARGE = 100_000
TOLERANCE, TOLERANCE_OF_SMALL = 0.02, 0.06


def trained(model):
    """Values that no constant folding finds equal, as after training."""
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(generator.normal(0, 1, layer.bias.shape))
        for variable in layer.variables:
            if "shift" in variable.name:
                variable.assign(generator.normal(0, 1, variable.shape))
    return model


def file_bytes(model):
    """Of the converted file, without the checks of `convert`, which take longer."""
    traced = trace(model, None)
    graph = Graph(traced.content)
    graph.name_interface(traced.inputs, traced.outputs)
    passes.run(graph)
    return len(graph.to_bytes())


def resnet(bases=3, bits=1, **options):
    options = {"stem": "cifar", "blocks": (1, 1), "filters": (64, 128)} | options
    return models.ResNet((32, 32, 3), 10, bases, bits, **options)


SMALL_ALEXNET = {"stem": "cifar", "filters": (32, 64, 64, 64, 64), "units": 64}
NETS = {
    **{f"tiny {name}": lambda name=name: tiny(method(name)) for name in methods.names()},
    "resnet": resnet,
    "resnet, 2 bits": lambda: resnet(bits=2),
    "resnet, float activations": lambda: resnet(bits=32),
    "resnet, float shortcuts": lambda: resnet(shortcut="float"),
    "resnet, layerwise": lambda: resnet(2, partition="layerwise", filters=(32, 64)),
    "resnet, bottlenecks": lambda: resnet(2, block="bottleneck"),
    "alexnet": lambda: models.AlexNet((32, 32, 3), 10, 2, **SMALL_ALEXNET),
    "alexnet, 2 bits": lambda: models.AlexNet((32, 32, 3), 10, 2, 2, **SMALL_ALEXNET),
    "vgg_small": lambda: models.VGGSmall((32, 32, 3), 10, 1),
}


@pytest.mark.parametrize("build", NETS.values(), ids=NETS)
def test_predicted_size(build):
    keras.utils.set_random_seed(0)
    model = trained(build())
    expected = file_bytes(model)
    tolerance = TOLERANCE if expected >= LARGE else TOLERANCE_OF_SMALL
    assert summarize(model).file_bytes == pytest.approx(expected, rel=tolerance)


def test_constants_of_layers():
    inputs = keras.Input((9, 9, 40))
    quantized = kgn.layers.Quantize("ste_sign")(inputs)
    options = {"kernel_quantizer": "binary_weight", "use_bias": False}
    x = kgn.layers.QuantConv2D(5, 3, name="binary", **options)(quantized)
    x = keras.layers.BatchNormalization(name="behind_binary")(x)
    x = keras.layers.Conv2D(6, 1, use_bias=False, name="float")(x)
    x = keras.layers.BatchNormalization(name="behind_float")(x)
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.BatchNormalization(name="alone")(x)
    rows = {row.name: row.file_bytes for row in summarize(keras.Model(inputs, x)).layers}
    assert rows == {
        "binary": 5 * 9 * 2 * 4 + 5 * 4,  # two words for 40 channels
        "behind_binary": 5 * 4,
        "float": 6 * 5 * 4 + 6 * 4,
        "behind_float": 0,
        "alone": 2 * 6 * 4,
    }
