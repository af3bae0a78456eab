"""How far a search is: bars on a terminal, a line for each trial elsewhere."""

from types import TracebackType
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from keras_groupnet.tuning.records import SearchTrial


class SearchProgress:
    """A context in which the progress of a search is shown.

    Args:
        total: how many trials there will be; None if that is not known.
        done: how many have ended before.
        objective: its name.
        verbose: whether anything is shown.
        console: where; None for the standard output.
    """

    def __init__(
        self,
        total: int | None,
        done: int,
        objective: str,
        verbose: bool = True,
        console: Console | None = None,
    ):
        self._console = console or Console()
        self._total, self._done, self._objective = total, done, objective
        self._verbose = verbose
        self._best: SearchTrial | None = None
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not (verbose and self._console.is_terminal),
        )
        self._trials = self._bars.add_task("trials", total=total, completed=done, note="")
        self._epochs = self._bars.add_task("epochs", total=None, note="")

    def __enter__(self) -> "SearchProgress":
        """Shows the bars."""
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Takes the bars away."""
        self._bars.stop()

    def begin(
        self, epochs: int, partition: Any, initial_epoch: int = 0
    ) -> keras.callbacks.Callback:
        """Shows that a trial begins; the callback to give to its `fit`."""
        note = "groups of " + " ".join(map(str, partition))
        self._bars.update(self._epochs, total=epochs, completed=initial_epoch, note=note)
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self._bars.advance(self._epochs)
        )

    def end(self, trial: SearchTrial) -> None:
        """Shows the trial that has ended."""
        self._done += 1
        if self._best is None or trial.score > self._best.score:
            self._best = trial
        best = f"best {self._objective} {self._best.value:.4f}"
        self._bars.update(self._trials, completed=self._done, note=best)
        if self._verbose:
            record = trial.record()
            groups = ", ".join(
                f"{blocks}: {bases}x{bits}b"
                for blocks, bases, bits in zip(
                    record["partition"], record["bases"], record["activation_bits"], strict=True
                )
            )
            of = f"/{self._total}" if self._total else ""
            self._console.print(
                f"trial {self._done}{of}: {self._objective} {trial.value:.4f}, cost "
                f"{trial.cost:.6g}, {trial.seconds:.0f} s, groups {groups}; {best}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
