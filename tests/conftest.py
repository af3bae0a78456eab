"""Every test starts from the same random seed and from float32."""

import gc

import keras
import pytest


@pytest.fixture(autouse=True)
def _fresh_state():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True, scope="module")
def _small_heap():
    """TensorFlow keeps what it has traced, and Python goes through all of it again and again.

    A test of `fit` took five seconds alone and seventy behind two thousand others.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["float32", "mixed_float16", "mixed_bfloat16"])
def policy(request):
    """A dtype policy, in force during the test."""
    keras.config.set_dtype_policy(request.param)
    return keras.config.dtype_policy()
