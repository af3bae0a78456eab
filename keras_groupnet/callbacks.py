"""Callbacks with Larq's names; those of this package are in `keras_groupnet.training`."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

__all__ = ["HyperparameterScheduler"]


class HyperparameterScheduler(keras.callbacks.Callback):
    """Sets a hyperparameter of an optimizer before each epoch or step.

        bop = kgn.optimizers.Bop(threshold=1e-6, gamma=1e-3)
        HyperparameterScheduler(lambda epoch: 1e-3 * 0.1 ** (epoch // 30), "gamma", bop)

    Args:
        schedule: a function of the epoch or step, from 0, or of that and the present value.
        hyperparameter: name of a variable of the optimizer, such as `"gamma"` or
            `"learning_rate"`.
        optimizer: None for that of the model.
        update_freq: `"epoch"` or `"step"`.
        verbose: 1 prints each new value.
        log_name: what the logs call the value at the end of an epoch; the hyperparameter's name if
            None.

    Raises:
        ValueError: for another `update_freq`, and, when training begins, for a hyperparameter that
            is no variable: its changes would go unnoticed in a compiled step.
    """

    def __init__(
        self,
        schedule: Callable[..., float],
        hyperparameter: str,
        optimizer: Any = None,
        update_freq: str = "epoch",
        verbose: int = 0,
        log_name: str | None = None,
    ):
        super().__init__()
        if update_freq not in ("epoch", "step"):
            raise ValueError(
                f"`update_freq` must be 'epoch' or 'step'. Received: update_freq={update_freq!r}"
            )
        self.schedule = schedule
        self.hyperparameter = hyperparameter
        self.optimizer = optimizer
        self.update_freq = update_freq
        self.verbose = verbose
        self.log_name = log_name or hyperparameter
        self._of_value = _takes_two(schedule)

    def on_train_begin(self, logs: Any = None) -> None:
        """Looks for the hyperparameter."""
        if self.optimizer is None:
            self.optimizer = self.model.optimizer
        if not hasattr(self._variable(), "assign"):
            raise ValueError(
                f"Expected a variable of the optimizer {self.optimizer.name!r}. Received: "
                f"hyperparameter={self.hyperparameter!r}, which is none"
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets the value for the epoch."""
        if self.update_freq == "epoch":
            self._set("Epoch", epoch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the value for the step."""
        if self.update_freq == "step":
            # On JAX the optimizer's variables are in the state of the step until one asks.
            getattr(self.model, "jax_state_sync", lambda: None)()
            self._set("Step", int(keras.ops.convert_to_numpy(self.optimizer.iterations)))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Logs the value."""
        if logs is not None:
            logs[self.log_name] = self._value()

    def _set(self, what: str, number: int) -> None:
        arguments = (number, self._value()) if self._of_value else (number,)
        self._variable().assign(self.schedule(*arguments))
        if self.verbose > 0:
            print(f"{what} {number}: {self.log_name} is now {self._value():g}.")

    def _variable(self) -> Any:
        return getattr(self.optimizer, self.hyperparameter, None)

    def _value(self) -> float:
        return float(keras.ops.convert_to_numpy(self._variable()))


def _takes_two(schedule: Callable[..., float]) -> bool:
    """Whether a schedule must be given the present value, too."""
    try:
        parameters = inspect.signature(schedule).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [
        one
        for one in parameters
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
    ]
    return len(required) > 1
