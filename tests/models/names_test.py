"""Names of layers and variables never change: saved models and `transfer_weights` go by them.

layer_names.json was written before names had a module of their own (`structure.scope`).
"""

import json
from pathlib import Path

import pytest

from keras_groupnet import methods, models

NAMES = json.loads((Path(__file__).parent / "layer_names.json").read_text())
SMALL = {
    "AlexNet": {"filters": (8, 8, 16, 16, 8), "units": 16, "stem": "cifar"},
    "ResNet": {"blocks": (1, 2), "filters": (4, 8), "block": "bottleneck"},
    "VGGSmall": {"filters": (8, 8, 8, 8, 16, 16)},
}


@pytest.mark.parametrize("key", NAMES)
def test_names_are_those_of_before(key):
    model, name = key.split("/")
    method = methods.GroupNet(bases=2) if name == "group_net" else methods.get(name)
    net = getattr(models, model)((16, 16, 3), 5, method=method, **SMALL[model])
    received = {layer.name: [v.path for v in layer.variables] for layer in net.layers}
    assert received == {
        layer: [f"{layer}/{variable}" for variable in variables]
        for layer, variables in NAMES[key].items()
    }
