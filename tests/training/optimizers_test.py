import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet import layers, training
from tests.tensors import saved_and_loaded


def step(optimizer, weight, gradient, name, steps=3):
    variable = keras.Variable(np.float32(weight), name=name)
    optimizer.build([variable])
    for _ in range(steps):
        optimizer.apply([ops.convert_to_tensor(np.float32(gradient))], [variable])
    return ops.convert_to_numpy(variable)


@pytest.mark.parametrize("nesterov", [True, False])
def test_decay_is_part_of_the_gradient(nesterov):
    weight, velocity = np.array([1.0, -2.0]), 0.0
    for _ in range(3):
        gradient = np.array([0.5, 0.25]) + 0.1 * weight
        velocity = 0.9 * velocity - 0.05 * gradient
        weight = weight + (0.9 * velocity - 0.05 * gradient if nesterov else velocity)
    optimizer = training.SGDWithL2(0.05, 0.9, nesterov, l2=0.1)
    np.testing.assert_allclose(
        step(optimizer, [1.0, -2.0], [0.5, 0.25], "kernel"), weight, rtol=1e-6
    )


@pytest.mark.parametrize("name", ["gamma", "beta", "bias", "scales"])
def test_others_do_not_decay(name):
    expected = step(keras.optimizers.SGD(0.05, 0.9, nesterov=True), [1.0], [0.5], name)
    assert step(training.SGDWithL2(0.05, l2=0.1), [1.0], [0.5], name) == expected


def test_in_fit_only_kernels_decay_and_the_loss_is_the_plain_one():
    def fit(l2):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((6, 6, 3))
        y = layers.QuantConv2D(4, 3, kernel_quantizer="binary_weight", name="conv")(inputs)
        y = layers.QuantDepthwiseConv2D(3, kernel_quantizer="binary_weight", name="depth")(y)
        y = keras.layers.BatchNormalization(name="bn")(y)
        y = layers.GroupSum(name="sum")([y, y])
        y = keras.layers.Dense(2, name="fc")(keras.layers.Flatten()(y))
        model = keras.Model(inputs, y)
        model.compile(training.SGDWithL2(0.1, l2=l2), "mse")
        before = {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}
        generator = np.random.default_rng(0)
        x, target = generator.random((8, 6, 6, 3)), generator.random((8, 2))
        history = model.fit(x, target, batch_size=8, epochs=1, shuffle=False, verbose=0)
        after = {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}
        return before, after, history.history["loss"]

    before, plain, plain_loss = fit(0.0)
    _, decayed, loss = fit(0.5)
    assert loss == plain_loss
    for path, weight in plain.items():
        # The first Nesterov step is (1 + momentum) * learning rate * gradient.
        expected = -1.9 * 0.1 * 0.5 * before[path] if path.endswith("kernel") else 0.0
        np.testing.assert_allclose(decayed[path] - weight, expected + 0 * weight, atol=1e-6)


def test_saved_with_the_model(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(training.SGDWithL2(0.05, l2=0.25), "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    optimizer = saved_and_loaded(model, tmp_path).optimizer
    assert isinstance(optimizer, training.SGDWithL2)
    assert optimizer.l2 == 0.25 and optimizer.nesterov and optimizer.momentum == 0.9


def test_negative_decay():
    with pytest.raises(ValueError, match="Received: l2=-1"):
        training.SGDWithL2(l2=-1)
