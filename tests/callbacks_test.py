import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.callbacks import HyperparameterScheduler
from tests.tensors import array


def fit(callback, optimizer=None, epochs=3):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, use_bias=False)])
    model.compile(optimizer or keras.optimizers.SGD(0.5), "mse")
    x = np.ones((8, 4), "float32")
    history = model.fit(
        x, np.zeros((8, 2)), batch_size=4, epochs=epochs, verbose=0, callbacks=[callback]
    )
    return model, history.history


def test_a_value_for_each_epoch(capsys):
    callback = HyperparameterScheduler(lambda epoch: 0.1 * 2**epoch, "learning_rate", verbose=1)
    model, history = fit(callback)
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.2, 0.4], rtol=1e-6)
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 0.4, rtol=1e-6)
    assert "Epoch 2: learning_rate is now 0.4." in capsys.readouterr().out


def test_a_value_for_each_step_is_used_in_it():
    """With a rate of 0 but in step 3 the weights move in that step only."""
    rates = HyperparameterScheduler(
        lambda step: 0.1 if step == 3 else 0.0, "learning_rate", update_freq="step"
    )
    kernels = []

    class Kernels(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            getattr(self.model, "jax_state_sync", lambda: None)()
            kernels.append(array(self.model.layers[0].kernel).copy())

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = np.ones((8, 4), "float32")
    targets = np.zeros((8, 2))
    model.fit(x, targets, batch_size=4, epochs=3, verbose=0, callbacks=[rates, Kernels()])
    moved = [not np.array_equal(a, b) for a, b in zip(kernels, kernels[1:], strict=False)]
    assert moved == [False, False, True, False, False]


def test_schedules_of_the_present_value_and_other_names():
    bop = kgn.optimizers.Bop(gamma=0.5)
    callback = HyperparameterScheduler(
        lambda epoch, value: value / 2, "gamma", bop, log_name="bop_gamma"
    )
    _, history = fit(callback, kgn.optimizers.CaseOptimizer(default_optimizer=bop))
    np.testing.assert_allclose(history["bop_gamma"], [0.25, 0.125, 0.0625])


def test_what_cannot_be_set():
    with pytest.raises(ValueError, match="'epoch' or 'step'. Received: update_freq='batch'"):
        HyperparameterScheduler(lambda epoch: 1, "gamma", update_freq="batch")
    for name in ("gamma", "momentum"):
        with pytest.raises(ValueError, match=f"hyperparameter='{name}', which is none"):
            fit(HyperparameterScheduler(lambda epoch: 1, name))
