"""Training with a frozen teacher: the loss by hand, one pass a batch, saving."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet import distillation, layers
from tests.steps import digits
from tests.tensors import array, saved_and_loaded
from tests.training.small_nets import residual_net

LOSS = "sparse_categorical_crossentropy"
PAIR = distillation.FeatureRegularizer("stage1", "stage1")


def first(values):
    """The loss of what `train_on_batch` returns."""
    return float(np.ravel(values)[0])


def constant(logits, penalty=0.0):
    """A model with these softmax outputs for any input, and a loss of its own."""
    inputs = keras.Input((2,))
    regularizer = (lambda bias: 3 * penalty + 0 * ops.sum(bias)) if penalty else None
    dense = keras.layers.Dense(3, activation="softmax", bias_regularizer=regularizer)
    model = keras.Model(inputs, dense(inputs))
    dense.set_weights([np.zeros((2, 3)), np.array(logits)])
    return model


def loss_of(samples=1, sample_weight=None, penalty=0.0, labelled=True, **options):
    student, teacher = constant([1, 0.5, -0.5], penalty), constant([2, 0, -1])
    loss = keras.distillation.LogitsDistillation(1.0, "categorical_crossentropy")
    options = {"distillation_losses": loss} | options
    trainer = distillation.Distiller(teacher, student, **options)
    trainer.compile(keras.optimizers.SGD(0.0), LOSS if labelled else None)
    x, y = np.zeros((samples, 2)), np.zeros(samples) if labelled else None
    return first(trainer.train_on_batch(x, y, sample_weight=sample_weight))


def test_loss_by_hand():
    label, distribution = 0.604131, 0.724243
    near = {"rel": 1e-5}
    assert loss_of(3) == pytest.approx((label + distribution) / 2, **near)
    assert loss_of(student_loss_weight=1.0) == pytest.approx(label, **near)
    assert loss_of(student_loss_weight=0.0) == pytest.approx(distribution, **near)
    weighted = loss_of(distillation_loss_weights=[3.0], distillation_losses=[
        keras.distillation.LogitsDistillation(1.0, "categorical_crossentropy")
    ])  # fmt: skip
    assert weighted == pytest.approx(label / 2 + 1.5 * distribution, **near)
    # The losses of layers count in full.
    assert loss_of(penalty=0.1) == pytest.approx((label + distribution) / 2 + 0.3, **near)
    # No labels.
    assert loss_of(labelled=False) == pytest.approx(distribution / 2, **near)


def test_sample_weights_count_in_both_terms():
    weights = np.array([1.0, 3.0])
    both = loss_of(2, weights, distillation_losses=distillation.DistributionLoss())
    once = loss_of(1, distillation_losses=distillation.DistributionLoss())
    assert both == pytest.approx(2 * once, rel=1e-5)


class Counting(keras.layers.Layer):
    """Counts its calls in training."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            self.count.assign_add(1.0)
        return x


@pytest.mark.parametrize(
    ("kind", "calls"), [(distillation.Distiller, 4), (keras.distillation.Distiller, 10)]
)
def test_the_student_runs_once(kind, calls):
    """Keras' own runs it twice, and in validation as in training: docs/distillation.md says so."""
    teacher = residual_net(False)
    base = residual_net(True)
    counting = Counting()
    student = keras.Model(base.input, [counting(base.output), base.get_layer("stage1").output])
    student = keras.Model(base.input, student.outputs[0])
    x, y = digits(32)
    trainer = kind(teacher, student, [PAIR])
    trainer.compile("sgd", LOSS)
    trainer.fit(x, y, batch_size=8, validation_data=(x[:16], y[:16]), verbose=0,
                validation_batch_size=8)  # fmt: skip
    assert array(counting.count) == calls


def test_fit_in_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    student, teacher = residual_net(True), residual_net(False)
    everything = [
        distillation.DistributionLoss(),
        distillation.FeatureRegularizer(),
        distillation.AttentionMatching(),
    ]
    trainer = distillation.Distiller(teacher, student, everything, [1.0, 1e-3, 0.1])
    assert len(trainer.distillation_losses) == 5
    assert trainer.distillation_loss_weights == [1.0, 1e-3, 1e-3, 0.1, 0.1]
    x, y = digits()
    trainer.compile(keras.optimizers.SGD(0.05, momentum=0.9), LOSS, metrics=["accuracy"])
    before = [array(w).copy() for w in teacher.weights]
    statistics = {}

    class Moved(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            statistics["before"] = [array(w).copy() for w in student.non_trainable_weights]

        def on_test_end(self, logs=None):
            statistics["after"] = [array(w) for w in student.non_trainable_weights]

    history = trainer.fit(
        x, y, batch_size=16, epochs=4, verbose=0, validation_data=(x, y), callbacks=[Moved()]
    ).history
    assert history["loss"][-1] < history["loss"][0]
    assert {"val_loss", "val_accuracy", "distillation_loss"} < set(history)
    for old, new in zip(before, teacher.weights, strict=True):
        np.testing.assert_array_equal(old, array(new))
    for old, new in zip(statistics["before"], statistics["after"], strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(trainer.predict(x, verbose=0), student.predict(x, verbose=0))


def test_kernel_losses_of_layers_are_part_of_the_loss():
    student = residual_net(True)
    rectified = [x for x in student.layers if isinstance(x, layers.RectifiedConv2D)]
    for layer in rectified:
        layer.kernel_weight = 100.0
    trainer = distillation.Distiller(residual_net(False), student, distillation.DistributionLoss())
    trainer.compile(keras.optimizers.SGD(0.0), LOSS)
    x, y = digits(8)
    expected = sum(float(array(layer.kernel_loss())) for layer in rectified)
    assert first(trainer.train_on_batch(x, y)) > expected > 10


def test_saving(tmp_path):
    trainer = distillation.Distiller(
        residual_net(False), residual_net(True), distillation.FeatureRegularizer(bits=3), [0.1]
    )
    x, y = digits(8)
    trainer.compile("sgd", LOSS, metrics=["accuracy"])
    trainer.train_on_batch(x, y)
    loaded = saved_and_loaded(trainer, tmp_path)
    assert loaded.compiled and type(loaded) is distillation.Distiller
    assert [loss.get_config() for loss in loaded.distillation_losses] == [
        {"teacher_layer_name": name, "student_layer_name": name, "bits": 3}
        for name in ("stage1", "stage2")
    ]
    assert list(loaded.distillation_loss_weights) == [0.1, 0.1]
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), trainer.predict(x, verbose=0))
    one, other = (first(m.train_on_batch(x, y)) for m in (loaded, trainer))
    assert one == pytest.approx(other, rel=1e-4)


def test_keras_own_distiller_takes_the_losses():
    student, teacher = residual_net(True), residual_net(False)
    losses = [
        distillation.DistributionLoss(),
        *distillation.AttentionMatching().for_all_pairs(student, teacher),
    ]
    trainer = keras.distillation.Distiller(teacher, student, losses)
    x, y = digits()
    trainer.compile(keras.optimizers.SGD(0.05, momentum=0.9), LOSS, metrics=["accuracy"])
    values = trainer.fit(x, y, batch_size=16, epochs=3, verbose=0).history["loss"]
    assert values[-1] < values[0]
    with pytest.raises(ValueError, match=r"for_all_pairs\(student, teacher\)"):
        keras.distillation.Distiller(teacher, student, distillation.AttentionMatching())


def test_sequential_models_and_layers_by_name():
    student, teacher = (
        keras.Sequential([
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, name=name),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ])
        for name in ("learning", "teaching")
    )  # fmt: skip
    loss = distillation.FeatureRegularizer("teaching", "learning")
    logits = distillation.DistributionLoss(from_logits=True)
    trainer = distillation.Distiller(teacher, student, [loss, logits])
    trainer.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(first(trainer.train_on_batch(*digits(4))))
    with pytest.raises(ValueError, match="no layer 'convolution'.*Its layers: .*teaching"):
        wrong = distillation.FeatureRegularizer("convolution", "learning")
        distillation.Distiller(teacher, student, wrong)
    with pytest.raises(ValueError, match=r"ends in logits. Use DistributionLoss\(from_logits=True"):
        distillation.Distiller(teacher, student, distillation.DistributionLoss())


def test_mistakes():
    student, teacher = residual_net(True), residual_net(False)
    with pytest.raises(ValueError, match="one weight for each of the 1 losses"):
        distillation.Distiller(teacher, student, [PAIR], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be a keras.distillation.DistillationLoss"):
        distillation.Distiller(teacher, student, "mse")
    with pytest.raises(ValueError, match="cannot compare features.*Received.*pooled"):
        distillation.Distiller(
            teacher, student, distillation.FeatureRegularizer("pooled", "stage1")
        )
    with pytest.raises(ValueError, match="end.* in a softmax"):
        loss = distillation.DistributionLoss(from_logits=True)
        distillation.Distiller(teacher, student, loss)
