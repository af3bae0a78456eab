import keras
import numpy as np
import pytest

from keras_groupnet import methods
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
    assert trainer.teacher is teacher and not teacher.trainable_weights


def test_a_teacher_is_needed():
    assert methods.Apprentice().needs_teacher
    with pytest.raises(ValueError, match="Received: teacher=None"):
        methods.Apprentice().trainer(tiny("apprentice"))
