"""`training.fit` with a frozen teacher, killed and not."""

import keras
import numpy as np
import pytest

from keras_groupnet import distillation, training
from tests.tensors import array
from tests.training import tiny_stages
from tests.training.small_nets import residual_net


class Interrupt(keras.callbacks.Callback):
    """Ends a run in the middle of an epoch, as a kill does."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 1):
            raise KeyboardInterrupt


def run(method, folder=None, callbacks=(keras.callbacks.Callback,), **options):
    keras.utils.set_random_seed(1)
    return training.fit(
        method,
        lambda stage: residual_net(stage.name != "full_precision"),
        tiny_stages.batches(),
        2,
        teacher=residual_net(False, name="teacher"),
        recipe=tiny_stages.recipe,
        folder=folder,
        callbacks=lambda stage: [kind() for kind in callbacks],
        verbose=0,
        announce=lambda text: None,
        **options,
    )


def test_a_killed_run_ends_with_the_same_weights(tmp_path):
    options = {
        "distillation_losses": [
            distillation.DistributionLoss(),
            distillation.FeatureRegularizer(),
        ],
        "distillation_loss_weights": [1.0, 1e-3],
        "student_loss_weight": 0.3,
    }
    whole = run("bnn", **options)
    with pytest.raises(KeyboardInterrupt):
        run("bnn", tmp_path, (Interrupt,), **options)
    resumed = run("bnn", tmp_path, **options)
    for one, other in zip(whole.model.variables, resumed.model.variables, strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=1e-3, atol=1e-4)
    (values,) = resumed.history.values()
    assert len(values["distillation_loss"]) == 2 and values["distillation_loss"][0] > 0


def test_another_distillation_is_another_run(tmp_path):
    loss = distillation.DistributionLoss()
    run("bnn", tmp_path, distillation_losses=loss)
    with pytest.raises(ValueError, match="distillation was .*DistributionLoss.* and is"):
        run("bnn", tmp_path, distillation_losses=loss, student_loss_weight=0.1)


def test_mistakes():
    loss = distillation.DistributionLoss()
    with pytest.raises(ValueError, match="say with `distillation_losses` how"):
        run("bnn")
    with pytest.raises(ValueError, match="rbcn' learns from a teacher in a way of its own"):
        run("rbcn", distillation_losses=loss)
    with pytest.raises(ValueError, match="need a trained `teacher`.*Received: teacher=None"):
        training.fit("bnn", residual_net, tiny_stages.batches(), 1, distillation_losses=loss)
