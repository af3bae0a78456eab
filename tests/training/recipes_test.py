import keras
import numpy as np
import pytest

from keras_groupnet import training


def describe(recipe):
    optimizer = recipe.optimizer
    rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    return round(rate, 8), recipe.batch_size


@pytest.mark.parametrize(
    ("recipe", "rate"),
    [
        (training.resnet_recipe(1), 0.001),
        (training.resnet_recipe(2), 0.05),
        (training.resnet_recipe(32), 0.05),
        (training.alexnet_recipe(), 0.01),
    ],
)
def test_paper(recipe, rate):
    optimizer = recipe.optimizer
    assert describe(recipe) == (rate, 128)
    assert (optimizer.momentum, optimizer.nesterov, optimizer.l2) == (0.9, True, 1e-4)
    (plateau,) = recipe.callbacks
    assert isinstance(plateau, keras.callbacks.ReduceLROnPlateau) and plateau.factor == 0.1


def test_release():
    first, second = training.release_stage1_recipe(), training.release_stage2_recipe()
    assert describe(first) == (0.05, 256) and first.epochs == second.epochs == 40
    assert isinstance(second.optimizer, keras.optimizers.Adam) and describe(second)[0] == 5e-4
    assert not second.optimizer.weight_decay


def test_bits():
    with pytest.raises(ValueError, match="Received: activation_bits=3"):
        training.resnet_recipe(3)


def rates(callback, epochs, losses=None):
    """The learning rates that a model has in each epoch."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    callback.set_model(model)
    callback.on_train_begin()
    seen = []
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        seen.append(float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)))
        callback.on_epoch_end(epoch, {"val_loss": losses[epoch]} if losses else {})
    return seen


def test_step_decay():
    np.testing.assert_allclose(
        rates(training.step_decay(0.05, (2, 4)), 6), [0.05, 0.05, 5e-3, 5e-3, 5e-4, 5e-4], rtol=1e-6
    )


def test_reduce_when_saturated():
    losses = [3.0, 2.0, 2.0, 2.0, 1.0, 1.5, 1.5]
    np.testing.assert_allclose(
        rates(training.reduce_when_saturated(patience=2), 7, losses),
        [1, 1, 1, 1, 0.1, 0.1, 0.1],
        rtol=1e-6,
    )


@pytest.mark.parametrize(("epochs", "factor"), [((4, 2), 0.1), ((2, 2), 0.1), ((1,), 2.0)])
def test_impossible_steps(epochs, factor):
    with pytest.raises(ValueError, match="Received: epochs="):
        training.step_decay(0.1, epochs, factor)
