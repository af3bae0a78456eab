"""The ops that are priced are those that the converted file has."""

import math
from collections import Counter

import keras
import numpy as np
import pytest

from keras_groupnet import models
from keras_groupnet.deployment import CostModel, summarize
from tests.methods.networks import method, tiny

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

from keras_groupnet.conversion import passes  # noqa: E402
from keras_groupnet.conversion.export.tracing import trace  # noqa: E402
from keras_groupnet.conversion.flatbuffer.graph import Graph  # noqa: E402


class Counting(CostModel):
    """Writes down what it is asked for; every op takes a microsecond."""

    def __init__(self):
        vars(self).update(vars(CostModel.load("avx2")))
        self.asked = Counter()

    def microseconds(self, op, **geometry):
        super().microseconds(op, **geometry)  # which checks the names
        self.asked[op, *sorted(geometry.items())] += 1
        return 1.0

    def epilogue_microseconds(self, kind, values):
        self.asked[kind] += values
        return 1.0


def trained(model):
    """Values that no constant folding finds equal, as after training."""
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return model


def converted(model):
    """The file without the checks of `convert`."""
    traced = trace(model, 1)
    graph = Graph(traced.content)
    graph.name_interface(traced.inputs, traced.outputs)
    passes.run(graph)
    return graph


def of_file(graph):
    """What the ops of a file that are ours would be asked for."""
    asked = Counter()
    for op in graph.ops:
        options = op.options
        read = graph.shape(op.inputs[0])
        written = graph.shape(op.outputs[0])
        if op.kind == "KgnConv2D":
            outputs, height, width, words = graph.shape(op.inputs[1])
            geometry = {"taps": height * width, "positions": math.prod(written[:-1])}
            if options["groups"] > 1:
                name, geometry["channels"] = "binary_depthwise", outputs
            else:
                name = "binary_conv"
                geometry |= {"words": words, "outputs": outputs}
                geometry["strides"] = options["stride_height"] * options["stride_width"]
            asked[f"{name}_{options['bits']}", *sorted(geometry.items())] += 1
            values = geometry["positions"] * outputs
        elif op.kind == "KgnDense":
            outputs, words = graph.shape(op.inputs[1])
            asked[f"binary_dense_{options['bits']}", ("outputs", outputs), ("words", words)] += 1
            values = outputs
        elif op.kind == "KgnQuantize":
            geometry = (("channels", read[-1]), ("positions", math.prod(read[:-1])))
            asked[f"quantize_{options['bits']}", *geometry] += 1
            continue
        elif op.kind == "KgnScaleMap":
            geometry = {
                "affine": int(len(op.inputs) > 1),
                "taps": options["kernel_height"] * options["kernel_width"],
                "channels": read[-1],
                "strides": options["stride_height"] * options["stride_width"],
                "positions": math.prod(written[:-1]),
            }
            asked["scale_map", *sorted(geometry.items())] += 1
            continue
        else:
            continue
        asked["addend"] += values * sum(op.input(position) >= 0 for position in (5, 7))
        asked["pixel_scale"] += values * (op.input(4) >= 0)
        if options["out_bits"]:
            kind = "pack" if options["float_output"] else "only_packed"
            asked[f"{kind}_{options['out_bits']}"] += values
    return +asked


def of_model(model):
    counting = Counting()
    summarize(model, profile=counting)
    ours = ("binary", "quantize", "scale_map")
    return +Counter(
        {
            key: count
            for key, count in counting.asked.items()
            if isinstance(key, str) or key[0].startswith(ours)
        }
    )


def resnet(bases=3, bits=1, **options):
    options = {"stem": "cifar", "blocks": (1, 1), "filters": (64, 128)} | options
    return models.ResNet((32, 32, 3), 10, bases, bits, **options)


SMALL_ALEXNET = {"stem": "cifar", "filters": (32, 64, 64, 64, 64), "units": 64}
NETS = {
    **{
        f"tiny {name}": lambda name=name: tiny(method(name))
        for name in ("abc_net", "bi_real", "hwgq", "mcn", "syq")
    },
    "resnet": resnet,
    "resnet, 2 bits": lambda: resnet(2, 2),
    "resnet, float activations": lambda: resnet(2, 32, shortcut="float"),
    "resnet, mean scale": lambda: resnet(2, activation_scale="mean"),
    "resnet, bottlenecks": lambda: resnet(2, block="bottleneck", filters=(16, 32)),
    "alexnet, 2 bits": lambda: models.AlexNet((32, 32, 3), 10, 2, 2, **SMALL_ALEXNET),
    "vgg_small": lambda: models.VGGSmall((32, 32, 3), 10, 1, filters=(16,) * 6),
}


@pytest.mark.parametrize("name", NETS)
def test_our_ops_are_those_of_the_file(name):
    model = trained(NETS[name]())
    assert of_model(model) == of_file(converted(model))
