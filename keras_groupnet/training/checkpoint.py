"""Training that may be killed at any moment and started again."""

import json
import os
import random
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_groupnet.datasets.batches import SeededBatches
from keras_groupnet.training.atomic_folder import atomic_folder
from keras_groupnet.training.random_layers import seed_states, seed_values

# What these callbacks remember from epoch to epoch.
_CALLBACK_STATE: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
    keras.callbacks.EarlyStopping: ("best", "wait", "best_epoch", "stopped_epoch"),
    keras.callbacks.ModelCheckpoint: ("best",),
}
_WEIGHTS, _STATE = "model.weights.h5", "state.json"
_NAME = re.compile(r"epoch-\d+")


class ResumableCheckpoint(keras.callbacks.Callback):
    """Writes a checkpoint after every epoch, from which a killed run goes on as if alive.

    Run the same script again after a kill, as often as needed: the weights at the end are
    bit-identical to those of a run that was never killed, if the backend's ops are deterministic
    (TensorFlow: `tf.config.experimental.enable_op_determinism()`).

    `folder/epoch-000012` holds `model.weights.h5` (`model.save_weights`: weights and optimizer) and
    `state.json`: what `keras.callbacks.BackupAndRestore` would lose, namely the states of random
    seed generators (dropout), of the other callbacks and of Python's and numpy's global random
    generators. A checkpoint is written under another name and then renamed, so a kill leaves the
    new one or the one before, whole. The older ones are then removed. For checkpoints within a
    pass over the data, see `steps_per_epoch` of `SeededBatches`.

    Example:
        checkpoint = ResumableCheckpoint("run", train, recipe.callbacks)
        model.fit(
            train,
            shuffle=False,
            epochs=100,
            initial_epoch=checkpoint.resume(model),
            callbacks=[*recipe.callbacks, checkpoint],
        )

    Args:
        folder: of the run; made if need be.
        data: what `fit` gets, so that its order goes on where it stopped; None for data whose order
            does not change (or, on the JAX backend, arrays).
        callbacks: the other callbacks of `fit`. The state of Keras' `ReduceLROnPlateau`,
            `EarlyStopping` and `ModelCheckpoint` is kept, and that of any callback with methods
            `get_state() -> dict` (of JSON) and `set_state(dict)`. Others are taken to have none.

    Attributes:
        stopped: whether the run that was resumed had been stopped by a callback
            (`EarlyStopping`), so that there is nothing left to do.

    Raises:
        ValueError: for `EarlyStopping(restore_best_weights=True)`, whose best weights are not kept.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        data: SeededBatches | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ):
        super().__init__()
        for callback in callbacks:
            if getattr(callback, "restore_best_weights", False):
                raise ValueError(
                    "A checkpoint does not keep the best weights. Use ModelCheckpoint("
                    "save_best_only=True) and EarlyStopping(restore_best_weights=False). "
                    f"Received: callbacks={callbacks!r}"
                )
        self.folder = Path(folder)
        self.data = data
        self.callbacks = callbacks
        self.stopped = False
        self._pending: dict[str, Any] | None = None
        self._resumed = False
        self._unwritten: int | None = None

    def resume(self, model: keras.Model) -> int:
        """Restores the newest checkpoint, if there is one.

        Args:
            model: built and compiled as in the run before.

        Returns:
            The number of finished epochs, for `initial_epoch` of `fit`; 0 for a new run.

        Raises:
            ValueError: if the model is not compiled, or differs from that of the checkpoint.
        """
        self._resumed = True
        newest = self._newest()
        if newest is None:
            return 0
        if not model.compiled:
            raise ValueError(
                "Compile the model before `resume`: its optimizer has a state. "
                f"Received: model={model.name!r}"
            )
        state = json.loads((newest / _STATE).read_text())
        seeds = seed_states(model)
        if len(state["seeds"]) != len(seeds) or len(state["callbacks"]) != len(self.callbacks):
            raise ValueError(
                f"{newest} was written for {len(state['seeds'])} random layers and "
                f"{len(state['callbacks'])} callbacks. Received: {len(seeds)} and "
                f"{len(self.callbacks)}. Use the same model and callbacks, or another folder"
            )
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(newest / _WEIGHTS)
        except ValueError as error:
            raise ValueError(
                f"{newest} was written for another model than {model.name!r}. Use the same model "
                "and optimizer, or another folder"
            ) from error
        for variable, value in zip(seeds, state["seeds"], strict=True):
            variable.assign(value)
        # `fit` resets callbacks and may draw random numbers before its first epoch: once more then.
        self._pending = state
        self._restore_callbacks(state)
        self.stopped = state.get("stopped", False)
        if self.data is not None:
            self.data.epoch = state["epoch"]
        return state["epoch"]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Refuses to write over another run.

        Raises:
            ValueError: if the folder holds a checkpoint and `resume` was not called.
        """
        if not self._resumed and self._newest() is not None:
            raise ValueError(
                "The folder holds the checkpoint of a run. Pass "
                "initial_epoch=checkpoint.resume(model) to `fit`, or use another folder. "
                f"Received: folder={str(self.folder)!r}"
            )
        self._resumed = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the state between two epochs, or in the first one restores what `fit` has reset.

        At the end of an epoch it would be too early: callbacks behind this one in the list could
        still change the learning rate.
        """
        self._write()
        if self.data is not None:
            self.data.epoch = epoch
        if self._pending is None:
            return
        state, self._pending = self._pending, None
        self._restore_callbacks(state)
        version, words, gauss = state["python_random"]
        random.setstate((version, tuple(words), gauss))
        name, words, *rest = state["numpy_random"]
        np.random.set_state((name, np.array(words, np.uint32), *rest))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes that there is something to write."""
        self._unwritten = epoch + 1

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Writes the last checkpoint. It stays: running the script again then trains no more."""
        self._write()

    def _newest(self) -> Path | None:
        if not self.folder.is_dir():
            return None
        names = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return max(names, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

    def _restore_callbacks(self, state: dict[str, Any]) -> None:
        for callback, values in zip(self.callbacks, state["callbacks"], strict=True):
            _set_callback_state(callback, values)

    def _write(self) -> None:
        if self._unwritten is None:
            return
        epoch, self._unwritten = self._unwritten, None
        name, words, *rest = np.random.get_state()
        state = {
            "epoch": epoch,
            "stopped": self.model.stop_training,
            "seeds": seed_values(self.model),
            "callbacks": [_callback_state(callback) for callback in self.callbacks],
            "python_random": random.getstate(),
            "numpy_random": [name, np.asarray(words).tolist(), *rest],
        }
        final = self.folder / f"epoch-{epoch:06d}"
        with atomic_folder(final) as unfinished:
            self.model.save_weights(unfinished / _WEIGHTS)
            # Callbacks may hold numpy's float32, which json does not know.
            (unfinished / _STATE).write_text(json.dumps(state, default=float))
        for path in self.folder.iterdir():
            if _NAME.fullmatch(path.name) and path != final:
                shutil.rmtree(path)


def _callback_state(callback: keras.callbacks.Callback) -> dict[str, Any]:
    if hasattr(callback, "get_state"):
        return callback.get_state()
    return {name: getattr(callback, name) for name in _state_names(callback)}


def _set_callback_state(callback: keras.callbacks.Callback, state: dict[str, Any]) -> None:
    if hasattr(callback, "set_state"):
        callback.set_state(state)
        return
    for name in _state_names(callback):
        setattr(callback, name, state[name])


def _state_names(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    for kind, names in _CALLBACK_STATE.items():
        if isinstance(callback, kind):
            return names
    return ()
