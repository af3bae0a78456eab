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


def test_the_recipe_of_pcnn_is_deprecated():
    with pytest.warns(DeprecationWarning, match="rbcn_recipe"):
        recipe = training.pcnn_recipe(l2=5e-4, nesterov=True)
    kinds = [type(callback) for callback in recipe.callbacks]
    assert kinds == [keras.callbacks.LearningRateScheduler, training.ProjectionCallback]


@pytest.mark.parametrize(
    "method, rate",
    [("rbcn", 0.01), ("pcnn", 0.01), ("group_net", 0.001), ("full_precision", 0.05)],
)
def test_the_recipe_of_a_method(method, rate):
    stage = training.plan_stages(method, 3)[0]
    recipe = training.paper_recipe(stage, 100)
    np.testing.assert_allclose(float(recipe.optimizer.learning_rate), rate, rtol=1e-6)


def test_methods_without_a_recipe():
    (stage,) = training.plan_stages("hwgq", 3)
    with pytest.raises(ValueError, match="group_net.*Use another.*'hwgq'"):
        training.paper_recipe(stage, 100)


def test_other_data_are_refused():
    with pytest.raises(ValueError, match="data.*Received"):
        training.rbcn_recipe("mnist")
