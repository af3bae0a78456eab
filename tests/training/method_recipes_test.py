import keras
import numpy as np
import pytest

from keras_groupnet import training


@pytest.mark.parametrize(
    "data, epochs, rates",
    [("cifar", 200, [0.01, 0.001, 1e-4, 1e-5]), ("imagenet", 70, [0.1, 0.01, 0.001, 1e-4])],
)
def test_the_learning_rate_falls_as_in_the_paper(data, epochs, rates):
    recipe = training.rbcn_recipe(data)
    assert recipe.epochs == epochs and recipe.batch_size == 128
    step = {"cifar": 60, "imagenet": 20}[data]
    found = [recipe.callbacks[0].schedule(n * step) for n in range(4)]
    np.testing.assert_allclose(found, rates)
    config = recipe.optimizer.get_config()
    assert (config["momentum"], config["l2"], config["nesterov"]) == (0.9, 1e-4, False)


def test_pcnn_has_the_callback_of_its_layers():
    kinds = [type(callback) for callback in training.pcnn_recipe(l2=5e-4, nesterov=True).callbacks]
    assert kinds == [keras.callbacks.LearningRateScheduler, training.ProjectionCallback]


def test_other_data_are_refused():
    with pytest.raises(ValueError, match="data.*Received"):
        training.rbcn_recipe("mnist")
