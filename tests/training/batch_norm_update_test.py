import keras
import numpy as np
import pytest

from keras_groupnet import datasets, training
from tests.steps import digits
from tests.tensors import array
from tests.training.small_nets import residual_net

LOSS = "sparse_categorical_crossentropy"


class Recorder(keras.callbacks.Callback):
    """Keeps the weights as they are when its turn comes."""

    def __init__(self, model):
        super().__init__()
        self.recorded = model
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append({w.path: array(w).copy() for w in self.recorded.weights})


@pytest.mark.parametrize("kind", ["sgd", "schedule"])
def test_only_batch_norms_learn_and_training_goes_on(kind):
    x, y = digits()
    model = residual_net(True)
    before, after = Recorder(model), Recorder(model)
    update = training.BatchNormUpdate(model, x, y, batch_size=16, loss=LOSS)
    rate = 0.05 if kind == "sgd" else keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), LOSS)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[before, update, after])
    assert len(history.history["loss"]) == 3
    for one, other in zip(before.weights, after.weights, strict=True):
        changed = {path.split("/")[-1] for path in one if (one[path] != other[path]).any()}
        assert changed == {"gamma", "beta", "moving_mean", "moving_variance"}
    for one, other in zip(after.weights, before.weights[1:], strict=False):
        changed = {path.split("/")[-1] for path in one if (one[path] != other[path]).any()}
        assert {"kernel", "c"} <= changed
    assert all(layer.trainable for layer in model.layers)


def test_the_pass_lowers_the_loss():
    x, y = digits()
    model = residual_net(True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), LOSS)
    update = training.BatchNormUpdate(model, x, y, batch_size=8, loss=LOSS)
    update.set_model(model)
    losses = []
    for epoch in range(4):
        losses.append(np.mean(model.evaluate(x, y, verbose=0)))
        update.on_epoch_end(epoch)
    assert losses[-1] < losses[0]


def test_it_serves_a_trainer_and_can_be_short():
    x, y = digits(32)
    trainer = training.AdversarialTrainer(residual_net(True), residual_net(False), widths=(8,))
    trainer.compile(keras.optimizers.SGD(0.02, momentum=0.9), LOSS)
    update = training.BatchNormUpdate(trainer.student, x, y, batch_size=8, steps=1)
    teacher = [array(w).copy() for w in trainer.teacher.weights]
    history = trainer.fit(x, y, epochs=2, verbose=0, callbacks=[update])
    assert np.isfinite(history.history["loss"]).all()
    for one, other in zip(teacher, trainer.teacher.weights, strict=True):
        np.testing.assert_array_equal(one, array(other))


class Positions(keras.callbacks.Callback):
    """Where batches stand when each epoch ends."""

    def __init__(self, data):
        super().__init__()
        self.data = data
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.data.epoch)


def test_the_batches_of_fit_stay_where_they_are():
    positions = []
    for updates in (False, True):
        data = datasets.Batches(*digits(32), 16)
        model = residual_net(True)
        model.compile(keras.optimizers.SGD(0.02), LOSS)
        seen = Positions(data)
        callbacks = [training.BatchNormUpdate(model, data)] if updates else []
        model.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=[*callbacks, seen])
        positions.append(seen.epochs)
    assert positions[0] == positions[1] and len(set(positions[0])) == 3


def test_the_loss_is_that_of_the_model():
    x, y = digits(32)
    traced = []

    def loss(target, prediction):
        traced.append(1)
        return keras.losses.sparse_categorical_crossentropy(target, prediction)

    model = residual_net(True)
    model.compile(keras.optimizers.SGD(0.02), loss)
    calls = []
    for callbacks in ([], [training.BatchNormUpdate(model, x, y, batch_size=16)]):
        traced.clear()
        model.fit(x, y, batch_size=16, verbose=0, callbacks=callbacks)
        calls.append(len(traced))
    assert calls[1] > 0  # `fit` itself has been traced before
