import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet import training
from tests.steps import digits
from tests.tensors import array, saved_and_loaded
from tests.training.small_nets import residual_net

LOSS = "sparse_categorical_crossentropy"


def trainer_of(**options):
    return training.GuidedTrainer(residual_net(True), residual_net(False), **options)


def scaled(factor):
    """`factor * x` as a model with one stage, and an output that is always 0."""
    inputs = keras.Input((1, 2, 1))
    layer = keras.layers.Conv2D(1, 1, use_bias=False, name="stage")
    x = layer(inputs)
    model = keras.Model(inputs, keras.layers.Rescaling(0.0)(keras.layers.Flatten()(x)))
    layer.kernel.assign(np.full((1, 1, 1, 1), factor))
    return model


def test_the_features_are_compared_quantized():
    low, full = scaled(1.0), scaled(0.5)
    trainer = training.GuidedTrainer(low, full, ["stage"], ["stage"], weight=0.1, bits=2)
    trainer.compile(keras.optimizers.SGD(1.0), lambda target, y: ops.sum(y, axis=-1))
    x = np.array([[0.9, 0.2], [2.0, -1.0]], "float32").reshape(2, 1, 2, 1)
    loss = float(np.mean(trainer.train_on_batch(x, np.zeros((2, 2)))))
    # Codes of thirds: low (3, 1) (3, 0), full (1, 0) (3, 0).
    np.testing.assert_allclose(loss, 0.1 * 0.5 * (2**2 + 1**2) / 9 / 2, rtol=1e-5)
    # R pulls each network towards the other, through the quantizer's window [0, 1].
    slope = 0.1 * (2 / 3 * 0.9 + 1 / 3 * 0.2) / 2
    np.testing.assert_allclose(array(low.layers[1].kernel).ravel(), [1 - slope], rtol=1e-5)
    np.testing.assert_allclose(array(full.layers[1].kernel).ravel(), [0.5 + slope], rtol=1e-5)


def test_fit_trains_both():
    trainer = trainer_of()
    x, y = digits()
    trainer.compile(training.SGDWithL2(0.02), LOSS, metrics=["accuracy"])
    kernels = [trainer.student.layers[1].kernel, trainer.teacher.layers[1].kernel]
    before = [array(kernel).copy() for kernel in kernels]
    history = trainer.fit(x, y, batch_size=16, epochs=4, verbose=0, validation_data=(x, y))
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert "val_accuracy" in history.history
    for old, kernel in zip(before, kernels, strict=True):
        assert (old != array(kernel)).any()
    np.testing.assert_array_equal(
        trainer.predict(x, verbose=0), trainer.student.predict(x, verbose=0)
    )


def test_saving(tmp_path):
    trainer = trainer_of(weight=0.3, bits=4)
    x, y = digits(8)
    trainer.compile(training.SGDWithL2(0.02), LOSS)
    trainer.train_on_batch(x, y)
    loaded = saved_and_loaded(trainer, tmp_path)
    assert (loaded.weight, loaded.bits, loaded.stages) == (0.3, 4, ["stage1", "stage2"])
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), trainer.predict(x, verbose=0))


def test_stages_of_other_widths_are_refused():
    with pytest.raises(ValueError, match="same shapes.*Received.*stage1"):
        training.GuidedTrainer(residual_net(True, 8), residual_net(False, 6))
