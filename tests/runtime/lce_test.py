"""Files with Larq Compute Engine's ops in stock interpreters, against LCE's own answers."""

import numpy as np
import pytest

import keras_groupnet as kgn
from tests.data import shared_lce
from tests.runtime.lce_cases import BCONV2D_DEFAULTS, CASES
from tests.runtime.model_builder import ModelBuilder
from tests.runtime.runners import assert_same, invoke, kernels, load

# LCE's fast kernels pad with ones and subtract a float, where we leave the taps out.
CONVERTED = {
    "bconv": 0,
    "bconv_1x1": 0,
    "bconv_3x3_ones": 0,
    "bconv_3x3_zero": 2e-4,
    "bconv_c24": 0,
    "bconv_d2": 0,
    "bconv_int8_out": 0,
    "bconv_s2": 0,
    "chain_bitpacked": 0,
    "groupnet_k4": 0,
}


@pytest.mark.parametrize("name", CASES)
def test_op(name):
    case = CASES[name]
    assert_same(invoke(load(case.model), [case.x]), [case.expected])


@pytest.mark.parametrize("options", [{"num_threads": "3"}, {"runtime": "tf"}], ids=str)
def test_threads_and_runtimes_change_nothing(options):
    for case in CASES.values():
        assert_same(invoke(load(case.model, **options), [case.x]), [case.expected])


def test_every_kernel_gives_the_same_bits():
    for kernel in kernels():
        for name in CASES:
            if name.startswith(("conv", "quantize float")):
                case = CASES[name]
                assert_same(invoke(load(case.model, kernel=kernel), [case.x]), [case.expected])


@pytest.mark.parametrize("name", ["conv packed", "conv int8", "max pool", "dequantize bool"])
def test_other_batch_sizes(name):
    case = CASES[name]
    interpreter = load(case.model)
    for count in (3, 1, 2):
        repeated = [np.repeat(value, count, axis=0) for value in (case.x, case.expected)]
        assert_same(invoke(interpreter, repeated[:1]), repeated[1:])


@pytest.mark.parametrize("name", CONVERTED)
def test_converted_file(name):
    folder = shared_lce()
    model = (folder / f"{name}.tflite").read_bytes()
    arrays = np.load(folder / f"{name}.npz")
    variants = [{"runtime": "tf"}, {"num_threads": "2"}]
    variants += [{"kernel": kernel} for kernel in kernels()]
    for options in variants:
        (answered,) = invoke(load(model, **options), [arrays["x"]])
        assert answered.dtype == arrays["y0"].dtype
        np.testing.assert_allclose(answered, arrays["y0"], rtol=0, atol=CONVERTED[name])


def test_the_package_s_interpreter_takes_such_files():
    case = CASES["conv int8"]
    answered = kgn.lite.Interpreter(case.model).predict(case.x)
    real = (case.expected.astype(np.float32) + 3) * np.float32(0.11)
    np.testing.assert_array_equal(answered, real)

    bireal = shared_lce() / "bireal18.tflite"
    images = np.random.default_rng(0).standard_normal((2, 224, 224, 3)).astype(np.float32)
    answers = [
        kgn.lite.Interpreter(bireal, delegate_options=options).predict(images)
        for options in ({}, {"kernel": "scalar"})
    ]
    assert answers[0].shape == (2, 1000) and np.ptp(answers[0]) > 0
    np.testing.assert_array_equal(*answers)


def _model(weights=(40, 3, 3, 2), dtype=np.float32, **options):
    """A convolution; an option that is None is left out."""
    options = {**BCONV2D_DEFAULTS, "channels_in": 64, **options}
    builder = ModelBuilder()
    x = builder.input((1, 7, 6, 2), np.int32)
    constants = [np.zeros(weights, np.int32), *[np.ones(weights[0], np.float32)] * 2, None]
    y = builder.tensor((1, 7, 6, weights[0]), dtype)
    indices = [builder.constant(value) for value in constants]
    given = {key: value for key, value in options.items() if value is not None}
    builder.custom("LceBconv2d", [x, *indices], [y], given)
    return builder.finish([y])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pad_values": None}, "'pad_values', which is missing"),
        ({"pad_values": 2}, "Received: pad_values=2"),
        ({"padding": 2}, "Received: padding=2"),
        ({"fused_activation_function": 4}, "Received: fused_activation_function=4"),
        ({"stride_width": 0}, "Received: stride_width=0"),
        ({"channels_in": 65}, r"shape=\[40, 3, 3, 2\], channels_in=65"),
        ({"weights": (40, 3, 3, 3)}, r"shape=\[40, 3, 3, 3\], channels_in=64"),
        ({"weights": (41, 3, 3, 1)}, r"shape=\[41, 3, 3, 1\], channels_in=64"),
        ({"dtype": np.int32}, r"thresholds .input 4., which is absent"),
        ({"dtype": np.int8}, "scale above 0. Received: scale=0"),
        ({"dtype": bool}, "float32, int8 or int32. Received: bool"),
    ],
)
def test_malformed_ops_are_refused(wrong, message):
    load(_model()).allocate_tensors()
    with pytest.raises(RuntimeError, match=f"LceBconv2d.*{message}"):
        load(_model(**wrong)).allocate_tensors()
