"""When the learning rate falls."""

from collections.abc import Sequence

import keras


def step_decay(
    learning_rate: float, epochs: Sequence[int], factor: float = 0.1
) -> keras.callbacks.LearningRateScheduler:
    """Multiplies the learning rate by `factor` after each of the given numbers of epochs.

    `learning_rate * factor^n`, n being how many of `epochs` have been reached. It depends on the
    epoch alone, so a resumed run needs no state of it.

    Args:
        learning_rate: at the start.
        epochs: increasing; 25 means that the 26th epoch is the first with the lower rate.
        factor: between 0 and 1.

    Raises:
        ValueError: if `epochs` does not increase or `factor` is out of range.
    """
    if list(epochs) != sorted(set(epochs)) or not 0 < factor <= 1:
        raise ValueError(
            "`epochs` must increase and `factor` lie in (0, 1]. "
            f"Received: epochs={epochs!r}, factor={factor!r}"
        )

    def rate(epoch: int) -> float:
        return learning_rate * factor ** sum(epoch >= mark for mark in epochs)

    return keras.callbacks.LearningRateScheduler(rate)


def reduce_when_saturated(
    monitor: str = "val_loss", factor: float = 0.1, patience: int = 5, min_lr: float = 1e-6
) -> keras.callbacks.ReduceLROnPlateau:
    """The papers' "divided by 10 when it saturates".

    They do not say what saturates nor how long they wait; these defaults are ours.
    `ResumableCheckpoint` keeps the state of this callback.

    Args:
        monitor: quantity that must improve. The default needs `validation_data`.
        factor: by which the learning rate is multiplied.
        patience: epochs without improvement before it is.
        min_lr: the learning rate falls no further.
    """
    return keras.callbacks.ReduceLROnPlateau(
        monitor, factor=factor, patience=patience, min_lr=min_lr
    )
