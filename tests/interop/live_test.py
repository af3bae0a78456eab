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


def test_the_gradients_are_those_of_larq():
    theirs = make_larq.quantizers()
    mine = kgn.interop.from_larq(theirs)
    x = np.random.default_rng(0).normal(0, 1, (4, 12)).astype("float32")
    found = _gradients(mine, {one.path: one.value for one in mine.trainable_variables}, x)
    theirs_by_name = {one.name.partition(":")[0]: one for one in theirs.trainable_variables}
    expected = _gradients(theirs, theirs_by_name, x)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=1e-4, err_msg=name)


def _gradients(model, variables, x):
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = tf.nest.flatten(model(inputs, training=True))
        # Each output counts differently.
        loss = tf.add_n([(i + 1.0) * tf.reduce_sum(y**2) for i, y in enumerate(outputs)])
    return tape.gradient(loss, {"input": inputs, **variables})


def test_a_subclassed_model_is_refused():
    class Net(tf.keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="functional or Sequential model"):
        kgn.interop.from_larq(Net())
