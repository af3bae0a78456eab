import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.layers import GroupSum, QuantConv2D, SoftGates
from keras_groupnet.methods import GroupNet
from keras_groupnet.models import DeepLabV3
from tests.tensors import array, saved_and_loaded

ROOT = Path(__file__).parents[2]
IMAGES = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype("float32")


def small(bases=2, **options):
    options = {
        "blocks": (1, 1, 1, 1),
        "filters": (4, 4, 8, 8),
        "aspp_filters": 8,
        "aspp_rates": (2, 4),
        "stem": "cifar",
    } | options
    if "method" not in options:
        options["bases"] = bases
    return DeepLabV3((16, 16, 1), 3, **options)


def rates(model):
    return {
        x.name: x.dilation_rate[0]
        for x in model.layers
        if isinstance(x, keras.layers.Conv2D) and x.dilation_rate != (1, 1)
    }


def test_a_pixel_has_probabilities():
    model = small()
    outputs = array(model(IMAGES))
    assert outputs.shape == (2, 16, 16, 3)
    np.testing.assert_allclose(outputs.sum(-1), 1, rtol=1e-5)
    assert small(classifier_activation=None).layers[-1].activation is keras.activations.linear


@pytest.mark.parametrize("bases", [3, 5])
def test_each_base_of_a_dilated_stage_has_its_dilation(bases):
    own = rates(small(bases))
    third = [own[f"stage3_block1_base{i}_conv1"] for i in range(1, bases + 1)]
    fourth = [own[f"stage4_block1_base{i}_conv2"] for i in range(1, bases + 1)]
    # Of the release, for five bases: 2 to 6 and 6 to 10.
    assert third == list(range(2, bases + 2))
    assert fourth == list(range(bases + 1, 2 * bases + 1))
    assert {own[f"aspp_rate4_base{i}_conv"] for i in range(1, bases + 1)} == {4}
    assert not any("stage1" in name or "stage2" in name for name in own)


@pytest.mark.parametrize(
    "stride, sizes", [(8, [16, 8, 8, 8]), (16, [16, 8, 4, 4]), (32, [16, 8, 4, 2])]
)
def test_output_strides(stride, sizes):
    model = small(output_stride=stride, partition="v1")
    ends = [model.get_layer(f"group{i}_sum").output.shape[1] for i in (1, 2, 3, 4)]
    assert ends == sizes
    dilated = {name.split("_")[0] for name in rates(model)} - {"aspp"}
    assert dilated == {8: {"stage3", "stage4"}, 16: {"stage4"}, 32: set()}[stride]
    assert model.output_shape == (None, 16, 16, 3)


@pytest.mark.parametrize("method", ["full_precision", "bi_real", "react_net", "xnor_net"])
def test_other_methods_have_dilations_2_and_4(method):
    model = small(method=method)
    own = rates(model)
    assert (own["stage3_block1_conv1"], own["stage4_block1_conv2"]) == (2, 4)
    assert own["aspp_rate2_conv"] == 2
    assert model(IMAGES).shape == (2, 16, 16, 3)


def test_groups_that_differ():
    method = GroupNet(bases=(1, 2, 3, 2), activation_bits=(1, 2, 1, 2))
    model = small(method=method)
    bits = [x.scales.shape[0] for x in model.layers if isinstance(x, GroupSum)]
    assert bits == [1, 2, 3, 2, 2, 2, 2, 2]  # the ASPP is like the last group
    assert rates(model)["stage3_block1_base3_conv1"] == 4
    assert rates(small(dilations=(1, 1, 3, (1, 2))))["stage4_block1_base2_conv1"] == 2
    layerwise = rates(small(partition="layerwise"))
    assert layerwise["stage4_block1_base2_conv1"] == 4


def test_gates_end_with_the_blocks():
    model = small(gates=True)
    gates = [x.name for x in model.layers if isinstance(x, SoftGates)]
    assert gates == ["group1_gates", "group2_gates", "group3_gates"]


def test_it_starts_from_its_parent():
    parent, model = small(None), small()
    report = kgn.transfer_weights(parent, model, noise=0)
    for name in ("stage4_block1_base2_conv1", "aspp_rate4_base1_conv", "classifier"):
        assert name in report.copied
    kernel = parent.get_layer("aspp_rate4_conv").kernel
    np.testing.assert_array_equal(
        array(model.get_layer("aspp_rate4_base1_conv").kernel), array(kernel)
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"output_stride": 4}, r"\(8, 16, 32\).*Received"),
        ({"blocks": (1, 1)}, "four stages.*Received"),
        ({"stem": "imagenet", "output_stride": 32}, r"multiples of 32.*Received"),
        ({"dilations": (1, 2)}, "for each group.*Received"),
    ],
)
def test_impossible_requests(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_saving_and_conversion(tmp_path):
    model = small()
    loaded = saved_and_loaded(model, tmp_path)
    np.testing.assert_array_equal(array(loaded(IMAGES)), array(model(IMAGES)))
    if keras.backend.backend() != "tensorflow":
        pytest.skip("conversion needs the TensorFlow backend")
    pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
    converted = kgn.convert(model, inputs=IMAGES)
    binary = {x.name for x in converted.report.layers if x.status == "binary"}
    assert binary == {x.name for x in model.layers if isinstance(x, QuantConv2D)}
    answered = kgn.lite.Interpreter(converted.content).predict(IMAGES)
    np.testing.assert_allclose(answered, array(model(IMAGES)), atol=1e-5)


@pytest.mark.slow
def test_the_example():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("conversion needs the TensorFlow backend")
    pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")
    script = [sys.executable, ROOT / "examples" / "segmentation.py", "--epochs=6", "--bases=2"]
    result = subprocess.run(
        script, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert result.returncode == 0, result.stderr
    numbers = re.search(
        r"Keras ([\d.]+), interpreter ([\d.]+), all background ([\d.]+)", result.stdout
    )
    in_keras, in_file, nothing = map(float, numbers.groups())
    assert in_keras > nothing + 0.02 and abs(in_keras - in_file) < 0.005
