import keras
import numpy as np
import pytest

from keras_groupnet import distillation, methods
from tests.methods.networks import tiny
from tests.steps import digits
from tests.tensors import array


def test_scheme_a_trains_a_teacher_of_its_own():
    teacher = tiny("full_precision")
    teacher.layers[-2].bias.assign(np.arange(10.0))
    before = [array(w).copy() for w in teacher.weights]
    trainer = methods.Apprentice().trainer(tiny("apprentice"), teacher)
    # From scratch, not from where the given one is.
    np.testing.assert_array_equal(array(trainer.teacher.layers[-2].bias), 0)
    x, y = digits(16)
    trainer.compile(keras.optimizers.SGD(0.02), "sparse_categorical_crossentropy")
    losses = [float(np.mean(trainer.train_on_batch(x, y))) for _ in range(4)]
    assert min(losses[1:]) < losses[0]
    for one, other in zip(before, teacher.weights, strict=True):
        np.testing.assert_array_equal(one, array(other))


def test_scheme_b_learns_from_the_given_teacher():
    teacher = tiny("full_precision")
    trainer = methods.Apprentice(train_teacher=False).trainer(tiny("apprentice"), teacher)
    assert isinstance(trainer, distillation.Distiller)
    assert trainer.teacher is teacher and not teacher.trainable_weights
    x, y = digits(16)
    trainer.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    loss = np.ravel(trainer.train_on_batch(x, y))[0]
    taught = array(teacher(x, training=False))
    learnt = array(trainer.student(x, training=True))
    labels = -np.log(learnt[np.arange(16), y]).mean()
    outputs = -(taught * np.log(learnt)).sum(-1).mean()
    np.testing.assert_allclose(loss, 0.5 * labels + 0.5 * outputs, rtol=1e-4)


def test_a_teacher_is_needed():
    assert methods.Apprentice().needs_teacher
    with pytest.raises(ValueError, match="Received: teacher=None"):
        methods.Apprentice().trainer(tiny("apprentice"))
