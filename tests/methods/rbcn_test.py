import numpy as np
import pytest

from keras_groupnet import methods, training
from keras_groupnet.datasets import Batches
from tests.methods.networks import tiny
from tests.steps import digits
from tests.tensors import array


def test_the_ablation():
    plain = methods.RBCN(adversarial=False, batch_norm_update=False)
    student = tiny(plain)
    assert not plain.needs_teacher and plain.trainer(student) is student
    assert list(plain.callbacks(student, None)) == []
    with_gan = methods.RBCN(batch_norm_update=False, adversarial_weight=0.25)
    trainer = with_gan.trainer(student, tiny("full_precision"))
    assert isinstance(trainer, training.AdversarialTrainer)
    assert trainer.adversarial_weight == 0.25 and trainer.student is student
    with pytest.raises(ValueError, match="adversarial=False"):
        with_gan.trainer(student)


def test_training_with_everything():
    x, y = digits(32)
    data = Batches(x, y, 16, seed=0)
    chosen = methods.RBCN()
    student, teacher = tiny(chosen), tiny("full_precision")
    trainer = chosen.trainer(student, teacher)
    trainer.compile(training.SGDWithL2(0.01), "sparse_categorical_crossentropy")
    before = array(student.get_layer("stage2_block1_conv2").kernel)
    frozen = [array(weight) for weight in teacher.weights]
    trainer.fit(data, epochs=1, verbose=0, callbacks=chosen.callbacks(student, data))
    assert not np.array_equal(before, array(student.get_layer("stage2_block1_conv2").kernel))
    for old, new in zip(frozen, teacher.weights, strict=True):
        np.testing.assert_array_equal(old, array(new))
