"""ReActNet's distribution loss: the student predicts what the teacher predicts."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.distillation.sample_mean import sample_mean


@keras.saving.register_keras_serializable(package="keras_groupnet")
class DistributionLoss(keras.distillation.DistillationLoss):
    """`KL(p_T || p_S) = sum_c p_T(c) log(p_T(c) / p_S(c))`, a mean over the samples.

    p are the softmax outputs of teacher and student. The entropy of the teacher, by which it
    differs from their cross-entropy H(p_T, p_S), Apprentice's third term, does not depend on the
    student: the gradient at the student's logits is `(p_S - p_T) / N` for both.

    Keras' `LogitsDistillation` is for models that end in logits, and smooths both distributions by
    a temperature. This loss has none, as in ReActNet, and takes models that end in a softmax, as
    those of `kgn.models` do, or in logits. Models of several outputs have the sum of all losses.

    Example:
        kgn.distillation.Distiller(teacher, student, DistributionLoss())

    Args:
        from_logits: whether both models end in logits instead of a softmax.

    Raises:
        ValueError: when `Distiller` is made, if the models visibly end in the other one.

    Input shape:
        two of one shape `(N, ..., classes)`

    References:
        Liu et al., ReActNet, arXiv 2003.03488, section 4.3 (distributional loss).
    """

    def __init__(self, from_logits: bool = False):
        self.from_logits = from_logits

    def compute_loss(
        self, teacher_outputs: Any, student_outputs: Any, sample_weight: Any = None, **kwargs: Any
    ) -> Any:
        """Returns the divergence, a float32 scalar."""
        pairs = zip(
            keras.tree.flatten(teacher_outputs), keras.tree.flatten(student_outputs), strict=True
        )
        return sum(sample_mean(self._divergence(*pair), sample_weight) for pair in pairs)

    def _divergence(self, taught: Any, learnt: Any) -> Any:
        taught, learnt = self._log_probabilities(taught), self._log_probabilities(learnt)
        return ops.sum(ops.exp(taught) * (taught - learnt), axis=-1)

    def _log_probabilities(self, outputs: Any) -> Any:
        outputs = ops.cast(outputs, "float32")
        if self.from_logits:
            return ops.log_softmax(outputs, axis=-1)
        # As Keras' losses of probabilities do.
        return ops.log(ops.clip(outputs, keras.config.epsilon(), 1.0))

    def validate_model_compatibility(self, teacher: keras.Model, student: keras.Model) -> None:
        """Checks how the models end; `Distiller` calls it.

        Raises:
            ValueError: if one of them ends in logits and `from_logits` is False, or in a softmax
                and it is True.
        """
        wrong = "softmax" if self.from_logits else "linear"
        for role, model in (("teacher", teacher), ("student", student)):
            if wrong in _last_activations(model):
                ends = "a softmax" if self.from_logits else "logits"
                raise ValueError(
                    f"The {role} ends in {ends}. Use DistributionLoss(from_logits="
                    f"{not self.from_logits}), or models that both end in "
                    f"{'logits' if self.from_logits else 'a softmax'}. "
                    f"Received: from_logits={self.from_logits}"
                )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {"from_logits": self.from_logits}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DistributionLoss":
        """Makes a loss from `get_config()`."""
        return cls(**config)


def _last_activations(model: keras.Model) -> set[str]:
    """Names of the activations of the layers that give the outputs, as far as they are known."""
    ends = {id(tensor) for tensor in getattr(model, "outputs", None) or ()}
    last = [
        layer
        for layer in getattr(model, "layers", ())
        if not isinstance(layer, keras.Model) and _gives(layer, ends)
    ]
    return {
        "softmax"
        if isinstance(layer, keras.layers.Softmax)
        else getattr(getattr(layer, "activation", None), "__name__", "")
        for layer in last
    }


def _gives(layer: keras.layers.Layer, ends: set[int]) -> bool:
    try:
        return any(id(tensor) in ends for tensor in keras.tree.flatten(layer.output))
    except AttributeError:  # a layer of a subclassed model
        return False
