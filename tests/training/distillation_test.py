"""The loss on an example worked out by hand, and training of student and teacher."""

import keras
import numpy as np
import pytest

from keras_groupnet import training
from tests.steps import digits
from tests.tensors import array, saved_and_loaded
from tests.training.small_nets import residual_net

LOSS = "sparse_categorical_crossentropy"


def constant(logits, softmax=False):
    """A model with these outputs for any input."""
    inputs = keras.Input((2,))
    dense = keras.layers.Dense(3, activation="softmax" if softmax else None)
    model = keras.Model(inputs, dense(inputs))
    dense.set_weights([np.zeros((2, 3)), np.array(logits)])
    return model


def loss_of(softmax=False, sample_weight=None, samples=1, **options):
    student, teacher = constant([1, 0.5, -0.5], softmax), constant([2, 0, -1], softmax)
    trainer = training.DistillationTrainer(student, teacher, from_logits=not softmax, **options)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not softmax)
    trainer.compile(keras.optimizers.SGD(0.0), loss)
    x, y = np.zeros((samples, 2)), np.zeros(samples)
    return float(np.mean(trainer.train_on_batch(x, y, sample_weight=sample_weight)))


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("samples", [1, 3])
def test_loss_by_hand(softmax, samples):
    np.testing.assert_allclose(loss_of(softmax, samples=samples), 0.834033, rtol=1e-5)


def test_each_term_has_its_weight():
    parts = {
        "teacher_weight": 0.169846,
        "student_weight": 0.604131,
        "distillation_weight": 0.724243,
    }
    for name, expected in parts.items():
        weights = dict.fromkeys(parts, 0.0) | {name: 2.0}
        np.testing.assert_allclose(loss_of(**weights), 2 * expected, rtol=1e-5)


def test_a_frozen_teacher_is_deprecated():
    expected = 0.5 * 0.604131 + 0.5 * 0.724243
    with pytest.warns(DeprecationWarning, match="Use keras_groupnet.distillation.Distiller"):
        received = loss_of(train_teacher=False)
    np.testing.assert_allclose(received, expected, rtol=1e-5)


def test_sample_weights_count_for_both_sides():
    options = {"distillation_weight": 0.0, "samples": 2}
    received = loss_of(sample_weight=np.array([1.0, 3.0]), **options)
    np.testing.assert_allclose(received, 2 * (0.169846 + 0.5 * 0.604131), rtol=1e-5)


def trainer_of(**options):
    return training.DistillationTrainer(residual_net(True), residual_net(False), **options)


def test_fit():
    trainer = trainer_of()
    x, y = digits()
    trainer.compile(training.SGDWithL2(0.02), LOSS, metrics=["accuracy"])
    before = [array(w).copy() for w in trainer.teacher.weights]
    history = trainer.fit(x, y, batch_size=16, epochs=4, verbose=0, validation_data=(x, y))
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert "val_accuracy" in history.history
    assert any((a != array(b)).any() for a, b in zip(before, trainer.teacher.weights, strict=True))
    np.testing.assert_array_equal(
        trainer.predict(x, verbose=0), trainer.student.predict(x, verbose=0)
    )


def test_accuracy_is_that_of_the_student():
    student, teacher = constant([0, 1, 0], True), constant([1, 0, 0], True)
    trainer = training.DistillationTrainer(student, teacher)
    trainer.compile(keras.optimizers.SGD(0.0), LOSS, metrics=["accuracy"])
    history = trainer.fit(np.zeros((4, 2)), np.ones(4), verbose=0)
    assert history.history["accuracy"] == [1.0]


def test_the_teacher_does_not_learn_from_the_student():
    trainer = trainer_of(teacher_weight=0.0, student_weight=0.0)
    x, y = digits(8)
    trainer.compile(keras.optimizers.SGD(0.1), LOSS)
    kernel = trainer.teacher.layers[-1].kernel
    before = array(kernel).copy()
    trainer.train_on_batch(x, y)
    np.testing.assert_array_equal(array(kernel), before)


def test_saving(tmp_path):
    trainer = trainer_of(distillation_weight=0.3)
    x, y = digits(8)
    trainer.compile(training.SGDWithL2(0.02), LOSS)
    trainer.train_on_batch(x, y)
    loaded = saved_and_loaded(trainer, tmp_path)
    assert loaded.distillation_weight == 0.3 and loaded.train_teacher
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), trainer.predict(x, verbose=0))


def test_outputs_of_other_shapes_are_refused():
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="same shape.*Received"):
        training.DistillationTrainer(constant([0, 0, 0]), other)
