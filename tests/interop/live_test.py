"""Live models, where Larq and tf-keras are in the same process (TF_USE_LEGACY_KERAS=1)."""

import os

import numpy as np
import pytest

import keras_groupnet as kgn

if os.environ.get("TF_USE_LEGACY_KERAS") != "1":
    pytest.skip("needs TF_USE_LEGACY_KERAS=1", allow_module_level=True)
pytest.importorskip("larq", reason="needs larq")

import tensorflow as tf  # noqa: E402

from tests.golden import make_larq  # noqa: E402


@pytest.mark.parametrize("make", make_larq.MODELS)
def test_a_live_model(make):
    theirs = make()
    mine = kgn.interop.from_larq(theirs)
    generator = np.random.default_rng(0)
    inputs = [
        generator.integers(0, 7, (2, *one.shape[1:])).astype(one.dtype.as_numpy_dtype)
        for one in theirs.inputs
    ]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    expected = tf.nest.flatten(theirs(inputs, training=False))
    for one, other in zip(tf.nest.flatten(mine(inputs, training=False)), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_subclassed_model_is_refused():
    class Net(tf.keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional or Sequential model"):
        kgn.interop.from_larq(Net())
