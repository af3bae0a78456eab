import keras
import numpy as np
import pytest

from keras_groupnet import methods, training
from tests.methods.networks import tiny
from tests.steps import digits
from tests.tensors import array


def test_stages():
    assert [m.activation_bits for m in methods.ELNet().stages()] == [32, 8, 4, 2]
    assert [m.activation_bits for m in methods.ELNet(activation_bits=4).stages()] == [32, 8, 4]
    assert all(m.weight_bits == 2 for m in methods.ELNet().stages())
    assert methods.ELNet(progressive=False).stages() == [methods.ELNet(progressive=False)]


def test_guided_training_leaves_the_teacher_alone():
    teacher = tiny("full_precision")
    before = [array(w).copy() for w in teacher.weights]
    trainer = methods.ELNet(guidance_weight=0.1).trainer(tiny("el_net"), teacher)
    assert isinstance(trainer, training.GuidedTrainer)
    for one, other in zip(before, trainer.teacher.weights, strict=True):
        np.testing.assert_array_equal(one, array(other))
    x, y = digits(16)
    trainer.compile(keras.optimizers.SGD(0.02), "sparse_categorical_crossentropy")
    losses = [float(np.mean(trainer.train_on_batch(x, y))) for _ in range(4)]
    assert min(losses[1:]) < losses[0]
    for one, other in zip(before, teacher.weights, strict=True):
        np.testing.assert_array_equal(one, array(other))


def test_without_guidance_the_student_trains_alone():
    student = tiny("el_net")
    assert methods.ELNet(guided=False).trainer(student) is student
    assert not methods.ELNet(guided=False).needs_teacher
    with pytest.raises(ValueError, match=r"teacher=None.*guided=False"):
        methods.ELNet().trainer(student)
