"""What is not imported says so, by the name of the layer, and what to do."""

import json

import h5py
import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.interop.graph import build


def sequential(*layers):
    """The config of a tf.keras model of one input (4, 4, 3)."""
    entries = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4, 4, 3], "name": "i"}}
    ]
    entries += [
        {"class_name": kind, "config": {"name": f"layer_{i}", **config}}
        for i, (kind, config) in enumerate(layers)
    ]
    return {"name": "net", "layers": entries}


def imported(*layers, **custom_objects):
    return build("Sequential", sequential(*layers), custom_objects).model


SIGN = {"class_name": "SteSign", "config": {"clip_value": 1.3, "name": "x", "dtype": "float32"}}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (("LocallyConnected2D", {"filters": 2}), "use a Conv2D"),
        (("QuantLocallyConnected1D", {"filters": 2}), "use a QuantConv1D"),
        (("Mine", {}), r"custom_objects=\{'Mine'"),
        (("Dense", {"units": 2, "shape_of_things": 3}), "shape_of_things=3"),
        (("BatchNormalization", {"virtual_batch_size": 4}), "virtual_batch_size=4"),
        (("Dense", {"units": 2, "activation": "mine"}), "no activation 'mine'"),
        (("Dense", {"units": 2, "kernel_constraint": "Mine"}), "no constraint 'Mine'"),
        (("Dense", {"units": 2, "kernel_regularizer": "Mine"}), "no regularizer 'Mine'"),
        (("QuantDense", {"units": 2, "input_quantizer": "mine"}), "'mine' is not Larq's"),
        (("QuantDense", {"units": 2, "input_quantizer": 3}), "Expected a name or a config"),
        (("Lambda", {"function": ["bytes", None, None]}), "custom_objects"),
        (("TFOpLambda", {"function": "signal.fft"}), "'signal.fft' is not known"),
        (("TensorFlowOpLayer", {"node_def": '{"op": "FFT"}', "constants": {}}), "'FFT'"),
        (("ZeroPadding2D", {"padding": 1, "data_format": "channels_fast"}), "channels_fast"),
        (
            (
                "QuantDepthwiseConv2D",
                {
                    "kernel_size": 2,
                    "depth_multiplier": 2,
                    "depthwise_quantizer": "magnitude_aware_sign",
                },
            ),
            "one magnitude for all channels",
        ),
        (("LSTM", {"units": 2, "recurrent_activation": "hard_sigmoid"}), "recurrent_activation"),
    ],
)
def test_the_layer_is_named(layer, message):
    with pytest.raises(ValueError, match=f"Layer 'layer_0' .*{message}"):
        imported(layer)


def test_custom_objects():
    class Mine(keras.layers.Layer):
        def __init__(self, by=1.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return self.by * x

    x = np.ones((1, 4, 4, 3), "float32")
    layers = [
        ("Mine", {"by": 2.0}),
        ("Lambda", {"function": ["bytes", None, None]}),
        ("Dense", {"units": 1, "activation": "triple"}),
    ]
    objects = {"Mine": Mine, "layer_1": lambda x: x + 1, "triple": lambda x: 3 * x}
    model = imported(*layers, **objects)
    model.layers[-1].set_weights([np.ones((3, 1)), np.zeros(1)])
    np.testing.assert_array_equal(np.asarray(model(x)), np.full((1, 4, 4, 1), 27.0))
    activations = {"triple": kgn.quantizers.SteSign(), "clip": keras.layers.ReLU(1.0)}
    chain = ("Dense", {"units": 1, "activation": "triple"}), ("Activation", {"activation": "clip"})
    kinds = [type(layer).__name__ for layer in imported(*chain, **activations).layers[1:]]
    assert kinds == ["Dense", "Quantize", "ReLU"]
    again = imported(layers[0], Mine=lambda config: keras.layers.Rescaling(config["by"] + 2))
    np.testing.assert_array_equal(np.asarray(again(x)), 4 * x)


def test_old_spellings():
    """Of TensorFlow 1.x to 2.3: names with packages, ops of the graph, activations as strings."""
    model = imported(
        ("experimental.preprocessing.Rescaling", {"scale": 2.0, "offset": 0.0}),
        ("BatchNormalizationV1", {"axis": [3], "fused": True, "virtual_batch_size": None}),
        ("TensorFlowOpLayer", {"node_def": {"op": "Mul"}, "constants": {"1": 3.0}}),
        ("Custom>QuantConv2D", {"filters": 2, "kernel_size": [2, 2], "input_quantizer": SIGN}),
        ("Activation", {"activation": "ste_sign"}),
    )
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[1] == "Rescaling" and kinds[-2:] == ["QuantConv2D", "Quantize"]
    assert model.layers[-2].input_quantizer.clip_value == 1.3


@pytest.mark.parametrize(
    "policy",
    [
        "mixed_float16",
        {"class_name": "Policy", "config": {"name": "mixed_float16"}},
        {
            "module": "keras.mixed_precision",
            "class_name": "Policy",
            "config": {"name": "mixed_float16"},
            "registered_name": None,
        },
    ],
)
def test_mixed_precision(policy):
    model = imported(("Dense", {"units": 2, "dtype": policy, "activation": "ste_sign"}))
    dense = model.layers[1]
    assert (dense.compute_dtype, dense.kernel.dtype) == ("float16", "float32")


def called_with(**arguments):
    """A batch norm in a functional model, in any order."""
    entry = {
        "class_name": "BatchNormalization",
        "name": "norm",
        "config": {"name": "norm", "axis": [1]},
        "inbound_nodes": [[["x", 0, 0, arguments]]],
    }
    source = {
        "class_name": "InputLayer",
        "name": "x",
        "config": {"name": "x", "batch_input_shape": [None, 4]},
        "inbound_nodes": [],
    }
    config = {"name": "net", "layers": [entry, source]}
    return config | {"input_layers": [["x", 0, 0]], "output_layers": [["norm", 0, 0]]}


def test_arguments_of_calls():
    """Keras 3 overrides `training` of a layer in a functional model."""
    model = build("Functional", called_with(mask=None, training=None), {}).model
    x = np.full((2, 4), 3.0, "float32")
    np.testing.assert_allclose(np.asarray(model(x)), x, rtol=1e-3)
    with pytest.warns(UserWarning, match=r"'norm' .*layer.trainable = False"):
        build("Functional", called_with(training=False), {})
    with pytest.raises(ValueError, match="'norm' .*training=True"):
        build("Functional", called_with(training=True), {})


def test_a_config_that_is_damaged():
    config = called_with()
    config["layers"][0]["inbound_nodes"] = [[["gone", 0, 0, {}]]]
    with pytest.raises(ValueError, match="missing layers: .*norm"):
        build("Functional", config, {})


def test_files_and_models_of_something_else(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        kgn.interop.from_larq(tmp_path / "model.h5")
    with pytest.raises(ValueError, match="SavedModel"):
        kgn.interop.from_larq(tmp_path)
    with pytest.raises(ValueError, match="Keras 3 model already"):
        kgn.interop.from_larq(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="Expected a tf.keras 2 model"):
        kgn.interop.from_larq(3)
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "3.5.0"
        file.attrs["model_config"] = "{}"
    with pytest.raises(ValueError, match="written by Keras 3"):
        kgn.interop.from_larq(path)


@pytest.mark.parametrize("damage", ["cut", "config", "weights"])
def test_damaged_files(tmp_path, damage):
    path = written(tmp_path / "model.h5", {"kernel": np.ones((3, 2)), "bias": np.ones(2)})
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:3000])
    else:
        with h5py.File(path, "r+") as file:
            if damage == "config":
                file.attrs["model_config"] = file.attrs["model_config"][:50]
            else:
                del file["model_weights/layer_0/layer_0/bias:0"]
    with pytest.raises(ValueError, match=r"model.h5 is damaged: .*Save the model again"):
        kgn.interop.from_tf_keras(path)


def written(path, weights, config=None):
    config = config or sequential(("Dense", {"units": 2}))
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config})
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = ["layer_0"]
        names = [f"layer_0/{name}:0" for name in weights]
        # Names that are too long for one attribute are in several.
        for i, name in enumerate(names):
            group.create_group("layer_0") if i == 0 else None
            group["layer_0"].attrs[f"weight_names{i}"] = [name]
            group["layer_0"][name] = weights[name.split("/")[1][:-2]]
    return path


def test_weights_are_checked(tmp_path):
    kernel, bias = np.ones((3, 2), "float32"), np.full(2, 5.0, "float32")
    path = written(tmp_path / "good.h5", {"bias": bias, "kernel": kernel})
    layer = kgn.interop.from_tf_keras(path).layers[-1]
    np.testing.assert_array_equal(np.asarray(layer.bias), bias)
    with pytest.raises(ValueError, match=r"Layer 'layer_0': expected the weights .*kernel"):
        kgn.interop.from_tf_keras(written(tmp_path / "few.h5", {"kernel": kernel}))
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        wrong = {"kernel": kernel.T, "bias": bias}
        kgn.interop.from_tf_keras(written(tmp_path / "wrong.h5", wrong))
    with pytest.raises(ValueError, match="found no place"):
        config = sequential(("ReLU", {}))
        config["layers"][1]["config"]["name"] = "other"
        kgn.interop.from_tf_keras(written(tmp_path / "lost.h5", {"bias": bias}, config))


def test_a_model_without_an_input_shape():
    config = {"name": "net", "layers": [{"class_name": "Dense", "config": {"name": "dense"}}]}
    with pytest.raises(ValueError, match="no input shape"):
        build("Sequential", config, {})
