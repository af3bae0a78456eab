"""The losses on examples worked out by hand, and their gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_groupnet import distillation
from tests.tensors import value_and_gradient

# The predictions of Apprentice's example: teacher and student.
TAUGHT, LEARNT = np.array([[2.0, 0.0, -1.0]]), np.array([[1.0, 0.5, -0.5]])


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


def test_distribution_loss_by_hand():
    loss = distillation.DistributionLoss(from_logits=True)
    value, gradient = value_and_gradient(lambda x: loss.compute_loss(TAUGHT, x), LEARNT)
    entropy = -(softmax(TAUGHT) * np.log(softmax(TAUGHT))).sum()
    np.testing.assert_allclose(value, 0.724243 - entropy, rtol=1e-4)
    np.testing.assert_allclose(gradient, softmax(LEARNT) - softmax(TAUGHT), atol=1e-6)
    probabilities = distillation.DistributionLoss()
    of_softmax = probabilities.compute_loss(softmax(TAUGHT), softmax(LEARNT))
    np.testing.assert_allclose(of_softmax, value, rtol=1e-5)
    assert float(probabilities.compute_loss(softmax(TAUGHT), softmax(TAUGHT))) == 0


def test_several_outputs_are_summed():
    loss = distillation.DistributionLoss(from_logits=True)
    one = loss.compute_loss(TAUGHT, LEARNT)
    np.testing.assert_allclose(
        loss.compute_loss({"a": TAUGHT, "b": TAUGHT}, {"a": LEARNT, "b": TAUGHT}), one, rtol=1e-6
    )


def test_keras_own_loss_is_apprentices_third_term():
    """As `methods.Apprentice(train_teacher=False)` uses it."""
    loss = keras.distillation.LogitsDistillation(1.0, "categorical_crossentropy")
    taught, learnt = (ops.convert_to_tensor(softmax(x), "float32") for x in (TAUGHT, LEARNT))
    np.testing.assert_allclose(loss.compute_loss(taught, learnt), 0.724243, rtol=1e-5)


def test_feature_regularizer_by_hand():
    taught = np.array([[0.9, 0.2], [2.0, -1.0]]).reshape(2, 1, 2, 1)
    learnt = np.array([[0.45, 0.1], [1.0, 0.6]]).reshape(2, 1, 2, 1)
    loss = distillation.FeatureRegularizer(bits=2)
    value, gradient = value_and_gradient(lambda x: loss.compute_loss(taught, x), learnt)
    # Codes of thirds: (3, 1) (3, 0) of the teacher, (1, 0) (3, 2) of the student.
    np.testing.assert_allclose(value, 0.5 * (4 + 1 + 4) / 9 / 2, rtol=1e-5)
    np.testing.assert_allclose(gradient.ravel(), np.array([-2, -1, 0, 2]) / 3 / 2, atol=1e-6)


def test_attention_matching_by_hand():
    # Two places; energies (3^2 + 4^2, 0) and (1, 1): maps (1, 0) and (1, 1) / sqrt 2.
    learnt = np.array([[3.0, 4.0], [0.0, 0.0]]).reshape(1, 1, 2, 2)
    taught = np.array([[1.0], [-1.0]]).reshape(1, 1, 2, 1)
    loss = distillation.AttentionMatching()
    expected = np.sqrt((1 - np.sqrt(0.5)) ** 2 + 0.5)
    np.testing.assert_allclose(loss.compute_loss(taught, learnt), expected, rtol=1e-5)
    np.testing.assert_allclose(loss.compute_loss(100 * taught, learnt), expected, rtol=1e-5)
    value, gradient = value_and_gradient(lambda x: loss.compute_loss(learnt, x), learnt)
    assert abs(value) < 1e-5 and np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "loss",
    [
        distillation.DistributionLoss(),
        distillation.FeatureRegularizer(),
        distillation.AttentionMatching(),
    ],
)
def test_samples_are_weighted_and_half_precision_is_enough(loss):
    generator = np.random.default_rng(0)
    taught, learnt = (softmax(generator.normal(0, 2, (3, 4, 4, 5))) for _ in range(2))
    each = [float(loss.compute_loss(taught[i : i + 1], learnt[i : i + 1])) for i in range(3)]
    np.testing.assert_allclose(loss.compute_loss(taught, learnt), np.mean(each), rtol=1e-5)
    weights = np.array([2.0, 0.0, 1.0])
    weighted = loss.compute_loss(taught, learnt, sample_weight=ops.convert_to_tensor(weights))
    np.testing.assert_allclose(weighted, np.dot(weights, each) / 3, rtol=1e-5)
    # Squares of 300 are no float16.
    half = [ops.cast(300 * x if isinstance(loss, distillation.AttentionMatching) else x, "float16")
            for x in (taught, learnt)]  # fmt: skip
    value = loss.compute_loss(*half)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(value, np.mean(each), rtol=0.05)


@pytest.mark.parametrize(
    "loss",
    [
        distillation.DistributionLoss(from_logits=True),
        distillation.FeatureRegularizer("teaching", "learning", bits=3),
        distillation.AttentionMatching("teaching", "learning"),
    ],
)
def test_serialization(loss):
    config = keras.saving.serialize_keras_object(loss)
    assert config["registered_name"] == f"keras_groupnet>{type(loss).__name__}"
    assert keras.saving.deserialize_keras_object(config).get_config() == loss.get_config()


def test_arguments():
    with pytest.raises(ValueError, match="layers of both models.*Received: teacher_layer_name='a'"):
        distillation.AttentionMatching("a")
