"""What happens to the binary layers of a model while it is trained."""

import os
from typing import Any

import keras
import numpy as np

from keras_groupnet.metrics.binary_layers import BinaryLayer, binary_layers
from keras_groupnet.metrics.dead_channels import constant_channels
from keras_groupnet.metrics.latent_statistics import (
    latent_histogram,
    mean_magnitude,
    near_zero_share,
    still_channels,
)
from keras_groupnet.training.starved_layers import StarvedLayers
from keras_groupnet.training.statistics_file import StatisticsFile
from keras_groupnet.training.statistics_tensorboard import StatisticsTensorBoard
from keras_groupnet.training.trainer import Trainer


class BinaryStatistics(keras.callbacks.Callback):
    """Records what matters of each binary layer, and warns of those that starve.

    A row of the CSV file is a layer after an epoch, or a part of one (`every`):

    - `epoch`: how many have ended; `2.25` is a quarter through the third
    - `layer`: its name, with those of the models and layers around it (`encoder/block1/conv`)
    - `flip_ratio`: the share of binary weights whose sign is not what it was in the record before,
      in the first one what it was when `fit` began
    - `near_zero`: the share of latent weights with `|w| < epsilon * mean|w|`
    - `mean_latent`: `mean|w|`
    - `dead_channels`: output channels whose latent kernels got no gradient since the record before
      (`metrics.still_channels`; of layers that are trained), and those whose binary activations are
      constant on the probe (`metrics.constant_channels`)
    - `channels`: all output channels
    - `histogram`: of the latent weights, 32 counts separated by spaces
      (`metrics.latent_histogram`: bins of [-1.5, 1.5] in units of `2 mean|w|`)

    A run that is killed and goes on (`ResumableCheckpoint`, `training.fit` with a folder) goes on
    with its file: rows of epochs that are repeated are replaced. A run from epoch 0 starts it anew.

    Example:
        statistics = kgn.training.BinaryStatistics("statistics.csv", probe=x_test[:64])
        model.fit(x_train, y_train, epochs=40, callbacks=[statistics])

    Args:
        path: of the CSV file; None for none.
        probe: a batch of inputs as the model takes them, of at least two samples, for the channels
            that are constant; None leaves them out.
        every: batches between records; None for one record after each epoch.
        epsilon: see above.
        tensorboard: a folder for TensorBoard's event files; None for none.
        patience: epochs without a flip, while the loss falls, until a layer is said to starve.
        near_zero_limit: the share of latent weights near zero above which it is.
        dead_limit: the share of dead channels above which it is.
        model: whose layers are watched; None for the model of `fit`, or the one that it trains if
            it is a trainer.

    Attributes:
        rows: the last record, one dict for each layer.

    Raises:
        ValueError: for arguments out of range, if the file exists and is no such file, or, when
            training begins, if the model has no binary layers.
        ModuleNotFoundError: for `tensorboard` without TensorFlow and TensorBoard.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        probe: Any = None,
        every: int | None = None,
        epsilon: float = 0.1,
        tensorboard: str | os.PathLike[str] | None = None,
        patience: int = 5,
        near_zero_limit: float = 0.5,
        dead_limit: float = 0.5,
        model: keras.Model | None = None,
    ):
        super().__init__()
        for name, value, least in (("every", every, 1), ("patience", patience, 1)):
            if value is not None and (not isinstance(value, int) or value < least):
                raise ValueError(
                    f"`{name}` must be an int of at least 1. Received: {name}={value!r}"
                )
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon!r}")
        for name, limit in (("near_zero_limit", near_zero_limit), ("dead_limit", dead_limit)):
            if not 0 <= limit <= 1:
                raise ValueError(f"`{name}` must lie in 0 ... 1. Received: {name}={limit!r}")
        if probe is not None and any(len(x) < 2 for x in keras.tree.flatten(probe)):
            raise ValueError("`probe` must hold at least two samples. Received: fewer")
        self.epsilon = epsilon
        self.every = every
        self.rows: list[dict[str, Any]] = []
        self._probe = probe
        self._file = None if path is None else StatisticsFile(path)
        self._board = None if tensorboard is None else StatisticsTensorBoard(tensorboard)
        self._starved = StarvedLayers(patience, near_zero_limit, dead_limit)
        self._watched = model
        self._layers: list[BinaryLayer] = []
        self._before: list[tuple[np.ndarray, np.ndarray]] = []
        self._epoch: int | None = None
        self._batches = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Finds the binary layers, and notes their weights."""
        owner = self._owner()
        self._layers = binary_layers(owner)
        if not self._layers:
            raise ValueError(
                "BinaryStatistics needs a built model with binary layers. Received: "
                f"model={owner.name!r}, which has none"
            )
        self._before = [(one.signs(), one.latent()) for one in self._layers]
        self._epoch, self._batches = None, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch, drops the rows of those that are to be repeated."""
        if self._epoch is None and self._file is not None:
            self._file.keep(epoch)
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Records after every so many batches."""
        self._batches += 1
        if self.every is None or (batch + 1) % self.every:
            return
        steps = self.params.get("steps")
        if not steps:
            raise ValueError(
                "Records within an epoch need its number of batches. Pass data that has a length, "
                f"or `steps_per_epoch` to `fit`. Received: every={self.every}"
            )
        if batch + 1 < steps:  # the end of the epoch has a record of its own
            # On JAX the variables of a model rest during an epoch.
            getattr(self.model, "jax_state_sync", lambda: None)()
            self._record((self._epoch or 0) + (batch + 1) / steps)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Records, and warns."""
        self._record(epoch + 1)
        loss = (logs or {}).get("loss")
        self._starved.check(self.rows, None if loss is None else float(loss))

    def get_state(self) -> dict[str, Any]:
        """What `ResumableCheckpoint` keeps: how long which layers have been quiet."""
        return {"starved": self._starved.state, "batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from `get_state`."""
        self._starved.state = state["starved"]
        self._batches = state["batches"]

    def _owner(self) -> keras.Model:
        if self._watched is not None:
            return self._watched
        if isinstance(self.model, Trainer):
            return getattr(self.model, self.model.model_arguments[0])
        if isinstance(self.model, keras.distillation.Distiller):
            return self.model.student
        return self.model

    def _record(self, epochs: float) -> None:
        constant = {}
        if self._probe is not None:
            layers = [one.layer for one in self._layers]
            constant = constant_channels(self._owner(), layers, self._probe)
        after = [(one.signs(), one.latent()) for one in self._layers]
        self.rows = [
            self._row(epochs, one, old, new, constant.get(one.layer))
            for one, old, new in zip(self._layers, self._before, after, strict=True)
        ]
        self._before = after
        if self._file is not None:
            self._file.add(self.rows)
        if self._board is not None:
            step = self._batches if self.every else round(epochs)
            for row, (_, latent) in zip(self.rows, after, strict=True):
                self._board.add(step, row, latent)
            self._board.flush()

    def _row(
        self,
        epochs: float,
        one: BinaryLayer,
        before: tuple[np.ndarray, np.ndarray],
        after: tuple[np.ndarray, np.ndarray],
        constant: np.ndarray | None,
    ) -> dict[str, Any]:
        latent = after[1]
        dead = np.zeros(one.channels, bool)
        if one.kernel.trainable:
            still = still_channels(before[1], latent)
            # A latent filter may have several channels, next to each other.
            dead |= np.repeat(still, one.channels // len(still))
        if constant is not None and constant.shape == dead.shape:
            dead |= constant
        # A quantizer may turn binary while it learns; its signs are then others, and more.
        alike = before[0].shape == after[0].shape
        return {
            "epoch": f"{epochs:.6g}",
            "layer": one.name,
            "flip_ratio": float((before[0] != after[0]).mean()) if alike else float("nan"),
            "near_zero": near_zero_share(latent, self.epsilon),
            "mean_latent": mean_magnitude(latent),
            "dead_channels": int(dead.sum()),
            "channels": one.channels,
            "histogram": " ".join(map(str, latent_histogram(latent))),
        }
