import numpy as np
import pytest

import keras_groupnet as kgn
from tests.conversion.networks import two_groups


@pytest.fixture(scope="module")
def content():
    return kgn.convert(two_groups(2)).content


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((5, 9, 11, 3)).astype(np.float32)


def test_every_runtime_threads_and_batches_agree(content, images):
    expected = kgn.lite.Interpreter(content, runtime="litert").predict(images)
    for options in ({"runtime": "tf"}, {"num_threads": 2}):
        answered = kgn.lite.Interpreter(content, **options).predict(images)
        np.testing.assert_allclose(answered, expected, atol=1e-4)
    one_by_one = kgn.lite.Interpreter(content).predict(images, batch_size=1)
    np.testing.assert_allclose(one_by_one, expected, atol=1e-4)


def test_low_level_calls(content, images):
    interpreter = kgn.lite.Interpreter(content)
    entry = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(entry["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], images)
    interpreter.invoke()
    answered = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(answered, kgn.lite.Interpreter(content).predict(images))


def test_path_and_bytes(content, images, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    np.testing.assert_array_equal(
        kgn.lite.Interpreter(path).predict(images), kgn.lite.Interpreter(content).predict(images)
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"runtime": "onnx"}, ValueError, "runtime='onnx'"),
        ({"num_threads": 0}, ValueError, "num_threads=0"),
        ({"model": "no/such.tflite"}, FileNotFoundError, "no/such.tflite"),
        ({"delegate_options": {"kernel": "abacus"}}, ValueError, "abacus"),
    ],
)
def test_bad_arguments(content, arguments, error, message):
    with pytest.raises(error, match=message):
        kgn.lite.Interpreter(**({"model": content} | arguments))


def test_wrong_image_shape(content):
    with pytest.raises(ValueError, match=r"\[2, 9, 12, 3\]"):
        kgn.lite.Interpreter(content).predict(np.zeros((2, 9, 12, 3)))
