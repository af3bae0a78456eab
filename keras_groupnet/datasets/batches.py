"""Batches whose order and augmentation depend on the seed and the epoch alone."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class SeededBatches(keras.utils.PyDataset):
    """Shuffled batches for `fit` on any backend; subclasses say what a batch holds.

    Everything random here is a function of `seed`, `epoch` and the position, never of what was
    drawn before. A run that starts again in epoch 7 with `epoch = 7` (`ResumableCheckpoint` sets
    it) so gets the batches that the first run would have got; Keras' own shuffling of arrays on the
    TensorFlow backend cannot be resumed.

    Pass `shuffle=False` to `fit`: by default Keras permutes the batches of an epoch once more, with
    Python's global generator. Do not pass `steps_per_epoch` to `fit`.

    Args:
        samples: how many there are.
        batch_size: the last batch of a pass may be smaller.
        shuffle: whether every pass over the data has a new order.
        seed: of order and augmentation.
        steps_per_epoch: batches that Keras sees as one epoch; None for a whole pass. A large data
            set gets checkpoints within a pass this way. Batches left over at the end of a pass
            that do not fill such an epoch are left out.

    Attributes:
        epoch: the epoch whose batches are given; `fit` moves it on.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int = 128,
        shuffle: bool = True,
        seed: int = 0,
        steps_per_epoch: int | None = None,
    ):
        super().__init__()
        if samples < 1 or batch_size < 1:
            raise ValueError(
                "There must be at least one sample, and one in a batch. "
                f"Received: samples={samples}, batch_size={batch_size!r}"
            )
        steps_per_pass = -(-samples // batch_size)
        if steps_per_epoch is not None and not 1 <= steps_per_epoch <= steps_per_pass:
            raise ValueError(
                f"`steps_per_epoch` must lie in 1 ... {steps_per_pass}, the batches of one pass. "
                f"Received: steps_per_epoch={steps_per_epoch!r}"
            )
        self.samples = samples
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.steps = steps_per_epoch or steps_per_pass
        self.epoch = 0
        self._epochs_per_pass = steps_per_pass // self.steps
        self._order: tuple[int, np.ndarray] = (-1, np.arange(0))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Returns batch `index` of the present epoch."""
        if not 0 <= index < self.steps:
            raise IndexError(f"There are {self.steps} batches. Received: index={index}")
        epoch = self.epoch
        number, part = divmod(epoch, self._epochs_per_pass)
        start = (part * self.steps + index) * self.batch_size
        indices = self._pass(number)[start : start + self.batch_size]
        return self.batch(indices, np.random.default_rng([self.seed, 1, epoch, index]))

    def batch(self, indices: np.ndarray, generator: np.random.Generator) -> tuple[Any, Any]:
        """Returns the inputs and targets of the samples `indices`; draws from `generator`."""
        raise NotImplementedError

    def on_epoch_end(self) -> None:
        """Moves on to the next epoch; Keras calls it."""
        self.epoch += 1

    def _pass(self, number: int) -> np.ndarray:
        """The order of a pass over the data. A reader thread of Keras may be one epoch behind."""
        known, order = self._order
        if known != number:
            order = np.arange(self.samples)
            if self.shuffle:
                np.random.default_rng([self.seed, 0, number]).shuffle(order)
            self._order = (number, order)
        return order


class Batches(SeededBatches):
    """Batches of arrays.

    Args:
        x: images `(N, H, W, C)`.
        y: labels `(N, ...)`.
        batch_size: see `SeededBatches`, also all that follow but this:
        augment: changes the images of a batch, for instance `CropAndFlip()`; None for no change.
        shuffle: see `SeededBatches`.
        seed: see `SeededBatches`.
        steps_per_epoch: see `SeededBatches`.

    Raises:
        ValueError: if `x` and `y` differ in length, or a number is out of range.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int = 128,
        augment: Augment | None = None,
        shuffle: bool = True,
        seed: int = 0,
        steps_per_epoch: int | None = None,
    ):
        if len(x) != len(y):
            raise ValueError(
                f"There must be one label per image. Received: {len(x)} images, {len(y)} labels"
            )
        super().__init__(len(x), batch_size, shuffle, seed, steps_per_epoch)
        self.x = x
        self.y = y
        self.augment = augment

    def batch(self, indices: np.ndarray, generator: np.random.Generator) -> tuple[Any, Any]:
        """Returns the augmented images and their labels."""
        images = self.x[indices]
        if self.augment is not None:
            images = self.augment(images, generator)
        return images, self.y[indices]
