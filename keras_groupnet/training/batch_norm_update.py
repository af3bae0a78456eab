"""RBCN's batch-norm update after each epoch."""

import copy
from typing import Any

import keras

from keras_groupnet.datasets.batches import SeededBatches
from keras_groupnet.deployment.layer_tree import leaf_layers


class BatchNormUpdate(keras.callbacks.Callback):
    """After each epoch, one pass in which only batch norms learn.

    Line 17 of RBCN's Algorithm 1: kernels and all else are fixed, gamma and beta follow the task
    loss, the moving statistics go along. The pass has an optimizer like that of `fit`, at its
    learning rate, whose momentum starts at zero each time.

    Args:
        model: the functional or Sequential model; the student if `fit` is that of a trainer.
        data: what `fit` takes as `x`. Of `SeededBatches` a copy is used, so that the position of
            those which `fit` reads stays where it is.
        targets: what `fit` takes as `y`.
        loss: as in `compile`; None for the loss that the model of `fit` is compiled with.
        batch_size: as in `fit`.
        steps: as `steps_per_epoch` in `fit`; None for all of the data.

    References:
        Liu et al., Rectified Binary Convolutional Networks, arXiv 1908.07748, Algorithm 1.
    """

    def __init__(
        self,
        model: keras.Model,
        data: Any,
        targets: Any = None,
        *,
        loss: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
    ):
        super().__init__()
        self._tuned = keras.Model(model.input, model.output)
        self._data = copy.copy(data) if isinstance(data, SeededBatches) else data
        self._fit_arguments = {
            "x": self._data,
            "y": targets,
            "batch_size": batch_size,
            "steps_per_epoch": steps,
            # They do so themselves.
            "shuffle": not isinstance(data, SeededBatches),
        }
        self._loss = loss
        self._initial: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Runs the pass."""
        frozen = [
            layer
            for layer in leaf_layers(self._tuned)
            if layer.trainable and not isinstance(layer, keras.layers.BatchNormalization)
        ]
        for layer in frozen:
            layer.trainable = False
        try:
            self._prepare_optimizer()
            if isinstance(self._data, SeededBatches):
                self._data.epoch = epoch
            self._tuned.fit(**self._fit_arguments, verbose=0)
        finally:
            for layer in frozen:
                layer.trainable = True

    def _prepare_optimizer(self):
        outer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        learning_rate = float(keras.ops.convert_to_numpy(outer.learning_rate))
        if not self._initial:
            config = outer.get_config() | {"learning_rate": learning_rate}
            self._tuned.compile(type(outer).from_config(config), self._loss or self.model.loss)
            self._tuned.optimizer.build(self._tuned.trainable_variables)
            self._initial = [
                keras.ops.convert_to_numpy(v).copy() for v in self._tuned.optimizer.variables
            ]
        for variable, value in zip(self._tuned.optimizer.variables, self._initial, strict=True):
            variable.assign(value)
        self._tuned.optimizer.learning_rate = learning_rate
