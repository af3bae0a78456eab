"""What cannot be written as C is refused by name, with what to do."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn

if keras.backend.backend() != "tensorflow":
    pytest.skip("conversion needs the TensorFlow backend", allow_module_level=True)
pytest.importorskip("ai_edge_litert", reason="conversion needs ai-edge-litert")

from tests.runtime.model_builder import ModelBuilder  # noqa: E402


def over(layer, shape=(6, 6, 4)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


def dense():
    return over(keras.layers.Dense(3), (5,))


def test_an_op_without_c_code():
    with pytest.raises(ValueError, match=r"CONV_3D '.*kgn\.lite\.Interpreter"):
        kgn.to_c(over(keras.layers.Conv3D(2, 2), (4, 4, 4, 2)))


def test_open_sizes():
    model = over(keras.layers.Conv2D(3, 3), (None, 6, 4))
    with pytest.raises(ValueError, match=r"sizes are fixed.*keras\.Input of a full shape"):
        kgn.to_c(kgn.convert(model, inputs=np.ones((2, 6, 6, 4), np.float32)).content)


def test_int8_files():
    pytest.importorskip("litert_quantizer", reason="int8 needs litert-quantizer")
    data = np.random.default_rng(0).standard_normal((20, 6, 6, 4)).astype(np.float32)
    model = over(keras.layers.Conv2D(8, 3))
    converted = kgn.convert(model, float_layers="int8", representative_data=data)
    with pytest.raises(ValueError, match="float_layers='float32'"):
        kgn.to_c(converted.content)


def test_files_of_larq():
    builder = ModelBuilder()
    x = builder.input((1, 4, 4, 32))
    y = builder.tensor((1, 4, 4, 1), np.int32)
    builder.custom("LceQuantize", [x], [y], {})
    with pytest.raises(ValueError, match="LceQuantize.*Export the Keras model"):
        kgn.to_c(builder.finish([y]))


@pytest.mark.parametrize("name", ["", "3net", "my-net", "größe", 3])
def test_names_that_c_has_not(name):
    with pytest.raises(ValueError, match="Expected a name as C has them"):
        kgn.to_c(dense(), name=name)


@pytest.mark.parametrize(
    ("file", "name"),
    [("net.c", "net"), ("my-net 2.c", "my_net_2"), ("3.c", "net_3"), ("é.c", "net")],
)
def test_the_name_is_that_of_the_file(file, name, tmp_path):
    assert kgn.to_c(dense(), tmp_path / file).name == name
    assert f"void {name}_run(const float *input, float *output)" in (tmp_path / file).read_text()


def test_paths(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.c.*net\.h"):
        kgn.to_c(dense(), tmp_path / "net.h")
    with pytest.raises(ValueError, match="there is no folder"):
        kgn.to_c(dense(), tmp_path / "none" / "net.c")
    with pytest.raises(FileNotFoundError, match="none.tflite"):
        kgn.to_c(tmp_path / "none.tflite")
    dense().save(tmp_path / "net.keras")
    with pytest.raises(ValueError, match="Load it with keras.models.load_model"):
        kgn.to_c(tmp_path / "net.keras")
    (tmp_path / "net.tflite").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"\.tflite"):
        kgn.to_c(tmp_path / "net.tflite")


def test_a_refusal_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.c"
    path.write_text("old")
    with pytest.raises(ValueError, match="CONV_3D"):
        kgn.to_c(over(keras.layers.Conv3D(2, 2), (4, 4, 4, 2)), path)
    assert path.read_text() == "old" and [one.name for one in tmp_path.iterdir()] == ["net.c"]


@pytest.mark.parametrize("model", [None, 3, keras.layers.Dense(2)])
def test_no_model(model):
    with pytest.raises(ValueError, match="Expected a built functional or Sequential Keras model"):
        kgn.to_c(model)
