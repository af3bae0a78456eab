"""Training with the centre loss by ordinary `fit`."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.training.center_loss import CenterLoss
from keras_groupnet.training.trainer import Trainer


@keras.saving.register_keras_serializable(package="keras_groupnet")
class CenterLossTrainer(Trainer):
    """Predicts what its model predicts; in training, adds the centre loss of one layer's output.

    `L = L_S + weight * L_C / N`: L_S, the compiled loss, is a mean over the N samples of a batch
    too. Train, then convert or save `trainer.model`.

    Args:
        model: functional, with one output.
        features: name of a layer with output `(N, F)`, such as the last pooling.
        classes: how many.
        weight: gamma of PCNN's paper, lambda of MCN's, neither of which gives its value.
        center_rate: of `CenterLoss`.
        **kwargs: arguments of `keras.Model`.

    Raises:
        ValueError: if the features have another shape.

    References:
        Gu et al., Projection Convolutional Neural Networks, arXiv 1811.12755 (Eq. 3.60, 3.61 of the
        book chapter).
    """

    model_arguments = ("model",)

    def __init__(
        self,
        model: keras.Model,
        features: str,
        classes: int,
        weight: float = 1e-3,
        center_rate: float = 0.5,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        tensor = model.get_layer(features).output
        if len(tensor.shape) != 2:
            raise ValueError(
                "`features` must name a layer with outputs (N, F). "
                f"Received: features={features!r} with outputs of shape {tuple(tensor.shape)}"
            )
        self.model = model
        self.features = features
        self.classes = classes
        self.weight = weight
        self.center_rate = center_rate
        self._with_features = keras.Model(model.input, [model.output, tensor])
        self.center_loss = CenterLoss(classes, center_rate)
        self.center_loss.build(tensor.shape)
        self.build(model.input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the predictions; in training a pair, predictions and features."""
        if training:
            return tuple(self._with_features(inputs, training=True))
        return self.model(inputs, training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The compiled loss, and in training the centre loss."""
        if not isinstance(y_pred, tuple):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        predictions, features = y_pred
        loss = super().compute_loss(x, y, predictions, sample_weight, training)
        batch = ops.cast(ops.shape(features)[0], "float32")
        center = self.center_loss(features, y, training=training)
        return loss + ops.cast(self.weight * center / batch, loss.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        return {
            **super().get_config(),
            "features": self.features,
            "classes": self.classes,
            "weight": self.weight,
            "center_rate": self.center_rate,
        }
