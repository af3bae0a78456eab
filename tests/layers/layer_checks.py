"""What must hold for every layer, as Keras' own `run_layer_test`: one call each."""

import json

import keras
import numpy as np
from keras import ops

from tests.tensors import array, saved_and_loaded

HALF_PRECISION = ("mixed_float16", "mixed_bfloat16")


def run_layer_test(
    layer_class, options, input_shape, folder, policies=HALF_PRECISION, gradient=True
):
    """Checks that a layer builds, can be called, saved, and trained, in any precision.

    Args:
        layer_class: the layer's.
        options: of its constructor.
        input_shape: without the batch; a list of shapes for layers of several inputs.
        folder: where files may be written.
        policies: in which it works too; it must refuse the others of `HALF_PRECISION`.
        gradient: whether a layer without weights hands one on.
    """
    layer = layer_class(**options)
    x = inputs_like(input_shape)
    y = layer(x)
    assert layer.built
    model = alone(layer, input_shape)
    _check_shapes(layer, model, x, y)
    _check_config(layer)
    _check_file(layer, model, x, folder)
    _check_policies(layer_class, options, x, policies)
    if layer.trainable_variables:
        _check_training(layer_class, options, input_shape)
    elif gradient:
        _check_gradient(layer, x)


def run_export_test(layer_class, options, input_shape, folder):
    """Checks that a layer converts (strictly), and that the file gives what Keras gives."""
    import keras_groupnet as kgn

    layer = layer_class(**options)
    if isinstance(input_shape, list):
        # One input for all, since it is the layer that is to be tested.
        input_shape = input_shape[0]
        inputs = keras.Input(input_shape)
        copies = [keras.layers.Rescaling(scale)(inputs) for scale in (0.5, 1.0, -2.0)]
        model = keras.Model(inputs, layer(copies))
    else:
        model = alone(layer, input_shape)
    x = inputs_like(input_shape)
    path = folder / "layer.tflite"
    kgn.convert(model, path)
    received = kgn.lite.Interpreter(path).predict(x)
    np.testing.assert_allclose(received, array(model(x)), rtol=1e-4, atol=1e-4)


def inputs_like(input_shape, samples=8):
    """Standard Gaussian float32 inputs, a list for a list of shapes."""
    rng = np.random.default_rng(0)
    if isinstance(input_shape, list):
        return [rng.normal(size=(samples, *shape)).astype("float32") for shape in input_shape]
    return rng.normal(size=(samples, *input_shape)).astype("float32")


def alone(layer, input_shape):
    """A functional model of nothing but the layer."""
    if isinstance(input_shape, list):
        inputs = [keras.Input(shape) for shape in input_shape]
    else:
        inputs = keras.Input(input_shape)
    return keras.Model(inputs, layer(inputs))


def latent_kernel(layer):
    """The variable whose signs are deployed, or None."""
    return layer.kernel if getattr(layer, "kernel_precision", 32) < 32 else None


def _check_shapes(layer, model, x, y):
    shape = [tuple(part.shape) for part in x] if isinstance(x, list) else tuple(x.shape)
    assert tuple(layer.compute_output_shape(shape)) == tuple(y.shape)
    assert model.output_shape == (None, *y.shape[1:])
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"
    np.testing.assert_allclose(array(model(x)), array(y), rtol=1e-6, atol=1e-6)


def _check_config(layer):
    def through_json(value):
        return json.loads(json.dumps(value))

    config = layer.get_config()
    copy = type(layer).from_config(config)
    assert copy.get_config() == config
    assert copy.name == layer.name
    serialized = through_json(keras.saving.serialize_keras_object(layer))
    revived = keras.saving.deserialize_keras_object(serialized)
    assert type(revived) is type(layer)
    assert through_json(revived.get_config()) == through_json(config)


def _check_file(layer, model, x, folder):
    loaded = saved_and_loaded(model, folder)
    assert [w.path for w in loaded.weights] == [w.path for w in model.weights]
    for kept, original in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, original)
    np.testing.assert_array_equal(array(loaded(x)), array(model(x)))
    kernel = latent_kernel(loaded.get_layer(layer.name))
    if kernel is not None:
        # The file keeps the latent kernel, not the few levels of the quantized one.
        levels = 2**layer.kernel_precision
        assert len(np.unique(np.abs(array(kernel)))) > levels * kernel.shape[-1]


def _check_policies(layer_class, options, x, policies):
    for policy in HALF_PRECISION:
        layer = layer_class(**(options | {"dtype": policy}))
        try:
            y = layer(x)
        except ValueError:
            assert policy not in policies
            continue
        assert policy in policies
        assert f"mixed_{keras.backend.standardize_dtype(y.dtype)}" == policy
        assert np.isfinite(array(y)).all()
        for variable in layer.trainable_variables:
            assert keras.backend.standardize_dtype(variable.dtype) == "float32"
    if layer.trainable_variables:
        _check_half_precision_training(layer_class(**(options | {"dtype": policies[0]})), x)


def _check_half_precision_training(layer, x):
    """In float16 under loss scaling, which may skip the first steps."""
    model = alone(layer, [part.shape[1:] for part in x] if isinstance(x, list) else x.shape[1:])
    before = [array(variable).copy() for variable in layer.trainable_variables]
    optimizer = keras.optimizers.Adam(0.02)
    if layer.compute_dtype == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer, "mse")
    targets = np.ones(model(x).shape, "float32")
    losses = [float(np.mean(model.train_on_batch(x, targets))) for _ in range(8)]
    assert np.isfinite(losses).all()
    for variable, start in zip(layer.trainable_variables, before, strict=True):
        assert np.isfinite(array(variable)).all()
        assert not np.array_equal(array(variable), start), variable.path


def _check_training(layer_class, options, input_shape):
    """The layer alone learns to be another of its kind: nothing else can lower the loss."""
    layer, teacher = layer_class(**options), layer_class(**options)
    x = inputs_like(input_shape, 64)
    targets = array(teacher(x))
    model = alone(layer, input_shape)
    # Apart from the teacher also where both start from constants.
    for variable in layer.trainable_variables:
        noise = np.random.default_rng(1).normal(scale=0.05, size=variable.shape)
        variable.assign_add(noise.astype("float32"))
    kernel = latent_kernel(layer)
    before = [array(variable).copy() for variable in layer.trainable_variables]
    signs = None if kernel is None else np.signbit(array(kernel))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    losses = [float(np.mean(model.train_on_batch(x, targets))) for _ in range(20)]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.95 * losses[0]
    for variable, start in zip(layer.trainable_variables, before, strict=True):
        assert not np.array_equal(array(variable), start), variable.path
    if kernel is not None:
        assert (np.signbit(array(kernel)) != signs).mean() > 0.01


def _check_gradient(layer, x):
    """What is in front of a layer without weights learns."""
    scale = keras.layers.Dense(x.shape[-1], kernel_initializer="identity", use_bias=False)
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(scale(inputs)))
    before = array(scale.kernel).copy()
    model.compile(keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y))
    model.train_on_batch(x[:4], np.zeros(4))
    after = array(scale.kernel)
    assert np.isfinite(after).all()
    assert not np.array_equal(after, before)
