"""Helpers for tests on any backend."""

import keras
import numpy as np
from keras import ops


def value_and_gradient(function, x, upstream=None):
    """`function(x)` and its vector-Jacobian product with `upstream` (ones if None), as arrays."""
    x = ops.convert_to_tensor(np.asarray(x, "float32"))
    if keras.backend.backend() == "jax":
        import jax

        y, pull_back = jax.vjp(function, x)
        upstream = (
            ops.ones_like(y) if upstream is None else ops.convert_to_tensor(upstream, y.dtype)
        )
        (gradient,) = pull_back(upstream)
    elif keras.backend.backend() == "torch":
        x.requires_grad_()
        y = function(x)
        y.backward(
            ops.ones_like(y) if upstream is None else ops.convert_to_tensor(upstream, y.dtype)
        )
        gradient = x.grad
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        upstream = (
            ops.ones_like(y) if upstream is None else ops.convert_to_tensor(upstream, y.dtype)
        )
        gradient = tape.gradient(y, x, output_gradients=upstream)
    return array(y), array(gradient)


def array(tensor):
    """A numpy array; half precision, which numpy may not know, becomes float32 exactly."""
    if keras.backend.standardize_dtype(tensor.dtype) in ("float16", "bfloat16"):
        tensor = ops.cast(tensor, "float32")
    return ops.convert_to_numpy(tensor)


def saved_and_loaded(model, folder):
    """The model after a round trip through a `.keras` file, without `custom_objects`."""
    path = folder / "model.keras"
    model.save(path)
    return keras.models.load_model(path)
