"""What a search keeps of each trial, and the choice among them."""

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_groupnet.methods import GroupNet

_RECORD, _TRIAL, WEIGHTS = "groupnet.json", "trial.json", "best.weights.h5"


@dataclasses.dataclass(frozen=True)
class SearchTrial:
    """A candidate that has been trained.

    Attributes:
        name: of the trial.
        method: the candidate.
        value: of the objective, in the best epoch.
        cost: of its model.
        score: what the search maximizes, see `search`.
        epochs: that it was trained for.
        seconds: that it took.
        weights: the file with the weights of the best epoch.
    """

    name: str
    method: GroupNet
    value: float
    cost: float
    score: float
    epochs: int
    seconds: float
    weights: Path

    def record(self) -> dict[str, Any]:
        """The trial as plain values, for a row of a table."""
        return {
            "trial": self.name,
            "partition": list(self.method.partition),
            "bases": list(self.method.bases),  # type: ignore[arg-type]  # a tuple in a `Space`
            "activation_bits": list(self.method.activation_bits),  # type: ignore[arg-type]
            "value": self.value,
            "cost": self.cost,
            "score": self.score,
            "epochs": self.epochs,
            "seconds": self.seconds,
        }


def write_record(folder: Path, trial: SearchTrial) -> None:
    """Writes the record of a trial into its folder, the whole of it or nothing."""
    temporary = folder / f"{_RECORD}.unfinished"
    temporary.write_text(json.dumps(trial.record(), indent=1))
    os.replace(temporary, folder / _RECORD)


def read_trials(folder: Path, options: dict[str, Any]) -> list[SearchTrial]:
    """The trials that have ended.

    Args:
        folder: of the search.
        options: of the space's methods.
    """
    trials = []
    for path in sorted(
        folder.glob(f"trial_*/{_RECORD}"), key=lambda path: int(path.parent.name[6:])
    ):
        # KerasTuner's own file says whether the trial has ended.
        if json.loads((path.parent / _TRIAL).read_text())["status"] != "COMPLETED":
            continue
        record = json.loads(path.read_text())
        groups: dict[str, Any] = {
            name: tuple(record.pop(name)) for name in ("partition", "bases", "activation_bits")
        }
        method = GroupNet(**groups, **options)
        trials.append(
            SearchTrial(
                name=record.pop("trial"), method=method, weights=path.parent / WEIGHTS, **record
            )
        )
    return trials


def pareto(trials: Iterable[SearchTrial], maximize: bool) -> list[SearchTrial]:
    """The trials than which no other is both cheaper and better, the cheapest first."""
    sign = -1 if maximize else 1
    front: list[SearchTrial] = []
    for trial in sorted(trials, key=lambda trial: (trial.cost, sign * trial.value)):
        if not front or sign * trial.value < sign * front[-1].value:
            front.append(trial)
    return front
