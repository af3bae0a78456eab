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
    student, teacher = residual_net(True), residual_net(False)
    return training.AdversarialTrainer(student, teacher, **({"widths": (16, 8)} | options))


def values(layer):
    return [array(w).copy() for w in layer.weights]


def moved(before, layer):
    return any((a != array(b)).any() for a, b in zip(before, layer.weights, strict=True))


def test_fit_trains_student_and_discriminators_and_not_the_teacher():
    trainer = trainer_of(discriminator_rate=1.0)
    x, y = digits()
    trainer.compile(training.SGDWithL2(0.02), LOSS, metrics=["accuracy"])
    before = {
        part: values(part) for part in (trainer.student, trainer.teacher, *trainer.discriminators)
    }
    history = trainer.fit(x, y, batch_size=16, epochs=4, verbose=0, validation_data=(x, y))
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert "val_accuracy" in history.history
    assert moved(before[trainer.student], trainer.student)
    assert not moved(before[trainer.teacher], trainer.teacher)
    assert all(moved(before[part], part) for part in trainer.discriminators)
    np.testing.assert_array_equal(
        trainer.predict(x, verbose=0), trainer.student.predict(x, verbose=0)
    )


def test_each_loss_reaches_its_own_side():
    x, y = digits(8)

    def silent(target, predictions):
        return 0.0 * ops.sum(predictions)

    for weight in (0.0, 1.0):
        trainer = trainer_of(adversarial_weight=weight)
        for layer in trainer.student.layers:
            if hasattr(layer, "kernel_weight"):
                layer.kernel_weight = 0.0
        trainer.compile(keras.optimizers.SGD(0.1), silent)
        kernels = [trainer.student.layers[1].kernel, trainer.student.layers[-1].kernel]
        before = [array(kernel).copy() for kernel in kernels]
        judges = [values(part) for part in trainer.discriminators]
        trainer.train_on_batch(x, y)
        # Only the generator's loss moves the student, up to the last stage.
        assert (array(kernels[0]) != before[0]).any() == (weight > 0)
        assert not (array(kernels[1]) != before[1]).any()
        assert all(map(moved, judges, trainer.discriminators))


def test_without_weight_it_is_training_of_the_student_alone():
    x, y = digits(32)
    ends = []
    for wrap in (
        lambda student: student,
        lambda student: training.AdversarialTrainer(
            student, residual_net(False), adversarial_weight=0.0
        ),
    ):
        keras.utils.set_random_seed(1)
        student = residual_net(True)
        trained = wrap(student)
        trained.compile(training.SGDWithL2(0.05), LOSS)
        for start in (0, 16):
            trained.train_on_batch(x[start : start + 16], y[start : start + 16])
        ends.append(values(student))
    # The losses of the student's layers count once, too.
    for alone, adversarial in zip(*ends, strict=True):
        np.testing.assert_allclose(alone, adversarial, atol=1e-5)


def test_discriminators_learn_to_tell_the_features_apart():
    trainer = trainer_of(adversarial_weight=0.0, discriminator_rate=1.0)
    x, y = digits()
    trainer.compile(keras.optimizers.SGD(0.05, momentum=0.9), LOSS)
    trainer.fit(x, y, batch_size=16, epochs=10, verbose=0)
    name = trainer.stages[-1]
    features = [
        keras.Model(m.input, m.get_layer(name).output)(x, training=False)
        for m in (trainer.teacher, trainer.student)
    ]
    real, fake = (array(trainer.discriminators[-1](f)) for f in features)
    assert real.mean() > fake.mean() + 0.5


def test_saving_the_trainer(tmp_path):
    trainer = trainer_of(pooling="flatten", discriminator_rate=0.5, adversarial_weight=0.3)
    x, y = digits(8)
    trainer.compile(training.SGDWithL2(0.02), LOSS)
    trainer.train_on_batch(x, y)
    loaded = saved_and_loaded(trainer, tmp_path)
    assert loaded.adversarial_weight == 0.3 and loaded.pooling == "flatten"
    assert len(trainer.weights) == len(loaded.weights)
    for one, other in zip(trainer.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(array(one), array(other))
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), trainer.predict(x, verbose=0))


def test_a_killed_run_goes_on(tmp_path):
    x, y = digits(32)

    def run(folder, *epochs):
        for count in epochs:
            keras.utils.set_random_seed(5)
            trainer = trainer_of()
            trainer.compile(training.SGDWithL2(0.02), LOSS)
            checkpoint = training.ResumableCheckpoint(tmp_path / folder)
            trainer.fit(
                x,
                y,
                shuffle=False,
                batch_size=16,
                epochs=count,
                initial_epoch=checkpoint.resume(trainer),
                callbacks=[checkpoint],
                verbose=0,
            )
        return values(trainer)

    for one, other in zip(run("whole", 3), run("killed", 1, 3), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_stages_of_other_widths_are_refused():
    with pytest.raises(ValueError, match="same shapes.*Received.*stage1"):
        training.AdversarialTrainer(residual_net(True, 8), residual_net(False, 6))
    student = residual_net(True)
    with pytest.raises(ValueError, match="same shapes"):
        training.AdversarialTrainer(student, residual_net(False), stages=["stage1"])
