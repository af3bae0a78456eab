"""Progress bars for `fit`."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


class ProgressBars:
    """One bar for each call of `fit`: all its epochs, with the metrics of the last.

    Args:
        progress: where the bars are.
    """

    def __init__(self, progress: Progress):
        self._progress = progress

    def print(self, text: str) -> None:
        """Prints a line above the bars."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def callback(self, title: str) -> keras.callbacks.Callback:
        """A new bar, as a callback for `fit(verbose=0)`."""
        return _ProgressCallback(
            self._progress, self._progress.add_task(title, total=None, epoch="-", metrics="")
        )


@contextlib.contextmanager
def progress_bars() -> Iterator[ProgressBars]:
    """A context in which bars are shown."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("epoch {task.fields[epoch]}  {task.fields[metrics]}"),
        TimeElapsedColumn(),
    ) as progress:
        yield ProgressBars(progress)


class _ProgressCallback(keras.callbacks.Callback):
    def __init__(self, progress: Progress, task: TaskID):
        super().__init__()
        self._progress, self._task = progress, task

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        epochs, steps = self.params["epochs"], self.params["steps"]
        # Keras learns the number of steps of some data sets in the first epoch only.
        total = epochs * steps if steps else None
        done = epoch * steps if steps else 0
        self._progress.update(
            self._task, total=total, completed=done, epoch=f"{epoch + 1}/{epochs}"
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._progress.advance(self._task)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # A terminal of 80 columns has no room for the losses too.
        metrics = "  ".join(
            f"{name} {value:.4f}" for name, value in (logs or {}).items() if "loss" not in name
        )
        self._progress.update(self._task, metrics=metrics)
