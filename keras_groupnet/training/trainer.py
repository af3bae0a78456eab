"""What the models that train other models have in common."""

from typing import Any, ClassVar

import keras


class Trainer(keras.Model):
    """A model for ordinary `fit` that predicts what the model which it trains predicts.

    Subclasses build their parts in the constructor, and end it with
    `self.build(student.input_shape)`. In training, `call` may return a tuple whose first entry is
    the predictions; what else `compute_loss` needs follows.

    Attributes:
        model_arguments: names of the constructor's arguments that are models.
    """

    model_arguments: ClassVar[tuple[str, ...]] = ("student", "teacher")

    def build(self, input_shape: Any) -> None:
        """All parts are built when the trainer is made."""
        self.built = True

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The metrics of the predictions."""
        predictions = y_pred[0] if isinstance(y_pred, tuple) else y_pred
        return super().compute_metrics(x, y, predictions, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the models; subclasses add their other arguments."""
        models = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in self.model_arguments
        }
        return {**super().get_config(), **models}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Builds the trainer from `get_config()`."""
        models = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in cls.model_arguments
        }
        return cls(**(config | models))
