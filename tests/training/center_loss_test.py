import keras
import numpy as np
import pytest

from keras_groupnet import training
from tests.steps import digits
from tests.tensors import array, saved_and_loaded, value_and_gradient
from tests.training.small_nets import residual_net

# Worked out by hand.
FEATURES = np.array([[1, 2], [3, 0], [0, 1]], "float32")
LABELS = np.array([0, 0, 1])
CENTERS = np.array([[1, 1], [0, 0]], "float32")


def small_layer():
    layer = training.CenterLoss(2)
    layer.build(FEATURES.shape)
    layer.set_weights([CENTERS])
    return layer


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS[:, None], np.eye(2)[LABELS]], ids=["1", "2", "one_hot"]
)
def test_loss_gradient_and_centres_by_hand(labels):
    layer = small_layer()
    value, gradient = value_and_gradient(lambda x: layer(x, labels), FEATURES)
    np.testing.assert_allclose(1e-3 * value, 3.5e-3, rtol=1e-6)
    np.testing.assert_allclose(1e-3 * gradient[0], [0, 0.001], rtol=1e-6)
    np.testing.assert_array_equal(array(layer.centers), CENTERS)
    layer(FEATURES, labels, training=True)
    np.testing.assert_allclose(array(layer.centers), [[4 / 3, 1], [0, 0.25]], rtol=1e-6)


def test_an_impossible_rate_is_refused():
    with pytest.raises(ValueError, match="rate.*Received"):
        training.CenterLoss(2, rate=1.5)


def test_fit_moves_centres_and_reports_metrics():
    x, y = digits()
    trainer = training.CenterLossTrainer(residual_net(True), "pooled", 10, weight=0.1)
    trainer.compile(
        keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = trainer.fit(x, y, batch_size=16, epochs=3, verbose=0, validation_data=(x, y)).history
    assert history["loss"][-1] < history["loss"][0]
    assert 0 <= history["accuracy"][-1] <= 1 and "val_accuracy" in history
    centers = array(trainer.center_loss.centers)
    assert (np.abs(centers).max(axis=1) > 0).sum() == len(np.unique(y))
    np.testing.assert_array_equal(
        trainer.predict(x, verbose=0), trainer.model.predict(x, verbose=0)
    )


def test_the_loss_of_a_step_is_the_sum():
    x, y = digits(8)
    found = []
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(2)
        trainer = training.CenterLossTrainer(residual_net(True), "pooled", 10, weight)
        trainer.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        found.append(float(np.mean(trainer.train_on_batch(x, y))))
        features = keras.Model(trainer.model.input, trainer.model.get_layer("pooled").output)
    # The centres start at zero; the batch norms saw the batch with its own statistics.
    expected = 0.5 * np.mean(np.sum(array(features(x, training=True)) ** 2, axis=1))
    np.testing.assert_allclose(found[1] - found[0], expected, rtol=1e-4)


def test_saving_the_trainer(tmp_path):
    x, y = digits(8)
    trainer = training.CenterLossTrainer(residual_net(True), "pooled", 10, 0.1, 0.3)
    trainer.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    trainer.train_on_batch(x, y)
    loaded = saved_and_loaded(trainer, tmp_path)
    np.testing.assert_array_equal(
        array(loaded.center_loss.centers), array(trainer.center_loss.centers)
    )
    assert loaded.get_config()["center_rate"] == 0.3
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), trainer.predict(x, verbose=0))


def test_features_that_are_maps_are_refused():
    with pytest.raises(ValueError, match="features.*Received"):
        training.CenterLossTrainer(residual_net(True), "stage1", 10)
