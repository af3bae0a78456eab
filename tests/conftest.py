"""Every test starts from the same random seed and from float32."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _fresh_state():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(params=["float32", "mixed_float16", "mixed_bfloat16"])
def policy(request):
    """A dtype policy, in force during the test."""
    keras.config.set_dtype_policy(request.param)
    return keras.config.dtype_policy()
