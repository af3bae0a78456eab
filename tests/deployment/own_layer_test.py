"""The code of docs/own_layer.md, as it stands there."""

import re
import types
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_groupnet as kgn

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

from keras_groupnet.conversion.flatbuffer.graph import Graph  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "own_layer.md"


@pytest.fixture(scope="module")
def page():
    """What the page's code defines."""
    module = types.ModuleType("own_layer_page")
    code = "\n\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102
    return module


def net(*layers, shape=(37,)):
    """The layers between two float ones, with variables that are not their initial values."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    x = keras.layers.Dense(40, name="first")(inputs)
    for layer in layers:
        x = layer(x)
    model = keras.Model(inputs, keras.layers.Dense(3, name="last")(x))
    generator = np.random.default_rng(0)
    for variable in model.variables:
        variable.assign(generator.normal(0, 0.5, variable.shape))
    return model


def test_a_described_layer_is_known_everywhere(page):
    model = net(page.SignDense(50, name="mine"))
    row = next(row for row in kgn.summary(model, print_fn=str).layers if row.name == "mine")
    assert (row.binary_weights, row.float_weights) == (40 * 50, 50)
    assert (row.weight_bits, row.activation_bits, row.macs) == (1, 1, 40 * 50)
    converted = kgn.convert(model)
    status = {layer.name: layer.status for layer in converted.report.layers}
    assert status["mine"] == "binary" and status["first"] == "float32"
    assert kgn.lite.verify(model, converted.content).layers == ["mine"]
    true = kgn.to_binary(model)["mine"]
    layer = model.get_layer("mine")
    np.testing.assert_array_equal(true["kernel"], np.where(np.asarray(layer.w) < 0, -1, 1))
    np.testing.assert_array_equal(true["bias"], np.asarray(layer.b))


def test_a_description_that_the_layer_does_not_keep_is_refused(page):
    class Negated(page.SignDense):
        def call(self, x):
            return -super().call(x)

    with pytest.raises(kgn.lite.ConversionError, match="negated"):
        kgn.convert(net(Negated(50, name="negated")))


def test_a_layer_with_an_exporter_of_its_own(page):
    model = net(page.CenteredDense(50, name="mine"))
    converted = kgn.convert(model)
    (layer,) = [one for one in converted.report.layers if one.name == "mine"]
    assert layer.status == "binary" and "1-bit activations" in layer.detail
    row = next(row for row in kgn.summary(model, print_fn=str).layers if row.name == "mine")
    assert (row.binary_weights, row.float_weights, row.activation_bits) == (40 * 50, 1, 1)


@pytest.mark.parametrize("where", ["layer", "input_quantizer", "behind_binary"])
def test_a_shift_of_each_channel_becomes_the_threshold(page, where):
    def quantized(shape=(6, 6, 40)):
        options = {"kernel_quantizer": "binary_weight", "use_bias": False, "padding": "valid"}
        inputs = x = keras.Input(shape)
        if where == "layer":
            x = kgn.layers.Quantize(page.ShiftedSign())(x)
        first = page.ShiftedSign() if where == "input_quantizer" else None
        if where == "behind_binary":
            x = kgn.layers.QuantConv2D(40, 1, input_quantizer="ste_sign", name="front", **options)(
                x
            )
            first = page.ShiftedSign()
        x = kgn.layers.QuantConv2D(8, 3, input_quantizer=first, name="conv", **options)(x)
        return keras.Model(inputs, x)

    keras.utils.set_random_seed(0)
    model = quantized()
    generator = np.random.default_rng(0)
    for variable in model.variables:
        if variable.name == "s":
            variable.assign(generator.normal(0, 0.5, variable.shape))
    converted = kgn.convert(model)
    graph = Graph(converted.content)
    assert {op.kind for op in graph.ops} == {"KgnQuantize", "KgnConv2D"}
    assert [op.options["bits"] for op in graph.of_kind("KgnConv2D")] == [1] * len(
        graph.of_kind("KgnConv2D")
    )
    rows = {row.name: row for row in kgn.summary(model, print_fn=str).layers}
    assert rows["conv"].activation_bits == 1
