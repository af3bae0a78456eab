"""What PCNN's training does between batches."""

from typing import Any

import keras

from keras_groupnet.deployment.layer_tree import leaf_layers
from keras_groupnet.layers import ProjectionConv2D


class ProjectionCallback(keras.callbacks.Callback):
    """Tells each `ProjectionConv2D` the learning rate and logs the sum of their projection losses.

    eta of the projection loss is "the learning rate": it is copied when an epoch starts, after the
    callbacks that change it. The logs get `projection_loss`, Eq. 3.42 at the end of the epoch
    without its step (`d_j = 0`). It is no part of `loss`: its gradient joins in the layers.

    References:
        Gu et al., Projection Convolutional Neural Networks, arXiv 1811.12755.
    """

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Copies the learning rate before the first batch of an epoch."""
        if batch == 0:
            learning_rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            for layer in self._layers():
                layer.projection_rate.assign(learning_rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the projection loss."""
        if logs is not None:
            logs["projection_loss"] = sum(
                float(keras.ops.convert_to_numpy(layer.projection_loss()))
                for layer in self._layers()
            )

    def _layers(self) -> set[ProjectionConv2D]:
        # A trainer holds the layers of its model twice.
        return {layer for layer in leaf_layers(self.model) if isinstance(layer, ProjectionConv2D)}
