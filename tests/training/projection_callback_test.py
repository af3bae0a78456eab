import keras
import numpy as np

from keras_groupnet import training
from keras_groupnet.layers import ProjectionConv2D
from tests.steps import digits, net
from tests.tensors import array


class Rates(keras.callbacks.Callback):
    """What the layer's rate is at the end of an epoch."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.rates = []

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(array(self.layer.projection_rate)))


def test_the_rate_follows_the_optimizer_and_the_loss_is_logged():
    layer = ProjectionConv2D(4, 3, projections=2)
    model = net(layer)
    x, y = digits(32)
    rates = Rates(layer)
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    # The schedule stands behind the callback and is obeyed nevertheless.
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=3,
        verbose=0,
        callbacks=[training.ProjectionCallback(), training.step_decay(0.1, (1, 2)), rates],
    )
    np.testing.assert_allclose(rates.rates, [0.1, 0.01, 0.001], rtol=1e-5)
    logged = history.history["projection_loss"]
    np.testing.assert_allclose(logged[-1], float(layer.projection_loss()), rtol=1e-4)
    assert len(logged) == 3


def test_layers_of_a_trainer_are_found_once():
    layer = ProjectionConv2D(4, 3, projections=2)
    model = net(layer)
    trainer = training.CenterLossTrainer(model, "pooled", 10)
    x, y = digits(16)
    trainer.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    history = trainer.fit(x, y, verbose=0, callbacks=[training.ProjectionCallback()]).history
    np.testing.assert_allclose(
        history["projection_loss"], [float(layer.projection_loss())], rtol=1e-4
    )
    np.testing.assert_allclose(array(layer.projection_rate), 0.05)


def test_the_projection_loss_alone_makes_two_clusters():
    # With no task gradient the kernel goes to where W_j C fits the levels (the paper's Figure).
    layer = ProjectionConv2D(
        4, 3, projections=1, projection_weight=1.0, projection_initializer="ones"
    )
    model = net(layer)
    spread = []
    model.compile(keras.optimizers.SGD(0.1), lambda target, y: 0.0 * keras.ops.sum(y))
    x, y = digits(4)
    for _ in range(10):
        kernel = np.abs(array(layer.kernel))
        spread.append(kernel.std() / kernel.mean())
        model.train_on_batch(x, y)
    assert spread[-1] < 0.7 * spread[0]
