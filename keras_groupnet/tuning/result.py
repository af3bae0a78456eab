"""What a search found."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from keras_groupnet.methods import GroupNet
from keras_groupnet.tuning.records import SearchTrial, pareto


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """All trials of a search that have ended.

    Attributes:
        trials: in the order in which they began.
        objective: its name.
        maximize: whether more of it is better.
        cost: what the cost is, with its unit.
    """

    trials: tuple[SearchTrial, ...]
    objective: str
    maximize: bool
    cost: str

    @property
    def best_trial(self) -> SearchTrial:
        """The trial of the highest score; of equal ones the cheapest.

        Raises:
            ValueError: if none has ended.
        """
        if not self.trials:
            raise ValueError("No trial of the search has ended yet. Run it again to go on")
        return max(self.trials, key=lambda trial: (trial.score, -trial.cost))

    @property
    def best(self) -> GroupNet:
        """The method of `best_trial`, to build and train with."""
        return self.best_trial.method

    @property
    def pareto(self) -> list[SearchTrial]:
        """The trials than which no other is both cheaper and better, the cheapest first."""
        return pareto(self.trials, self.maximize)

    def records(self, trials: Sequence[SearchTrial] | None = None) -> list[dict[str, Any]]:
        """Plain values, one dict for each trial.

        Args:
            trials: which; None for all.
        """
        chosen = self.trials if trials is None else trials
        return [trial.record() for trial in chosen]

    def table(self) -> Table:
        """The Pareto table; a star marks the best trial."""
        table = Table(title=f"{len(self.trials)} trials, the best for their cost")
        for title in ("", "partition", "bases", "bits", self.objective, self.cost, "trial"):
            table.add_column(
                title, justify="right" if title in (self.objective, self.cost) else "left"
            )
        for trial in self.pareto:
            record = trial.record()
            table.add_row(
                "*" if trial.method == self.best else "",
                *(" ".join(map(str, record[k])) for k in ("partition", "bases", "activation_bits")),
                f"{trial.value:.4f}",
                f"{trial.cost:,.4g}" if trial.cost < 1000 else f"{trial.cost:,.0f}",
                trial.name,
            )
        return table

    def __str__(self) -> str:
        """The Pareto table as text."""
        console = Console(width=100)
        with console.capture() as capture:
            console.print(self.table())
        return capture.get()

    def plot(self, path: str | Path) -> None:
        """Draws all trials and the Pareto front, cost against objective.

        Args:
            path: of the file to write; its suffix says the format: `.svg`, `.png`, `.pdf`.

        Raises:
            ImportError: without matplotlib.
            ValueError: if no trial has ended.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "Plots need matplotlib: `pip install 'keras_groupnet[search]'`."
            ) from error

        best, front = self.best_trial, self.pareto
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        axes.scatter(
            [trial.cost for trial in self.trials],
            [trial.value for trial in self.trials],
            s=14,
            color="tab:gray",
            label="trials",
        )
        axes.step(
            [trial.cost for trial in front],
            [trial.value for trial in front],
            where="post",
            marker="o",
            markersize=5,
            label="best for their cost",
        )
        partition = " ".join(map(str, best.method.partition))
        axes.plot(best.cost, best.value, "*", markersize=14, label=f"best: groups of {partition}")
        axes.set(xlabel=self.cost, ylabel=self.objective)
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, dpi=120)
