"""What `fit` keeps on disk."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import keras

from keras_groupnet.training.architecture import architecture
from keras_groupnet.training.atomic_folder import atomic_folder
from keras_groupnet.training.random_layers import seed_states, seed_values
from keras_groupnet.training.training_stage import TrainingStage

_RUN, _MODEL = "run.json", "model.json"
_FINISHED, _WEIGHTS, _RESULT = "finished", "model.weights.h5", "result.json"


class RunFolder:
    """The folder of a run: `run.json` and a folder for each stage.

    That of a stage holds `model.json` (the model's layers), the newest checkpoint of
    `ResumableCheckpoint`, and, when the stage has ended, `finished` with the model's weights and
    the history.

    Args:
        path: of the folder; made if need be.
        run: what must be the same each time, of JSON.

    Raises:
        ValueError: if the folder holds another run, or something else.
    """

    def __init__(self, path: str | os.PathLike[str], run: dict[str, Any]):
        self.path = Path(path)
        run = json.loads(json.dumps(run, default=str))
        known = self.path / _RUN
        if not known.exists():
            if self.path.exists() and any(self.path.glob("epoch-*")):
                raise ValueError(
                    "The folder holds a checkpoint of another kind, that of a single `fit` of "
                    f"Keras. Use another folder. Received: folder={str(path)!r}"
                )
            self.path.mkdir(parents=True, exist_ok=True)
            _write(known, run)
        stored = json.loads(known.read_text())
        if stored != run:
            names = [k for k in {**stored, **run} if stored.get(k) != run.get(k)]
            different = "; ".join(
                f"{name} was {stored.get(name)!r} and is {run.get(name)!r}" for name in names
            )
            raise ValueError(
                "The folder holds a run with other arguments. Use the same, or another folder. "
                f"Received: folder={str(path)!r}: {different}"
            )

    def of(self, stage: TrainingStage) -> Path:
        """The folder of a stage."""
        return self.path / stage.name

    def finished(self, stage: TrainingStage) -> dict[str, list[float]] | None:
        """The history of a stage that has ended, else None.

        A stage that ended after fewer epochs than it should have now goes on, if it is the last
        that was begun.

        Raises:
            ValueError: if it ended with another number of epochs and cannot go on.
        """
        folder = self.of(stage) / _FINISHED
        if not folder.exists():
            return None
        result = json.loads((folder / _RESULT).read_text())
        if result["epochs"] == stage.epochs:
            return result["history"]
        begun = [path for path in self.path.glob("*_*") if _number(path) > stage.number]
        if result["epochs"] > stage.epochs or begun:
            raise ValueError(
                f"{self.of(stage)} has finished with epochs={result['epochs']}. Use the same "
                f"number, or another folder. Received: epochs={stage.epochs} for {stage.name}"
            )
        shutil.rmtree(folder)
        return None

    def check(self, stage: TrainingStage, model: keras.Model) -> None:
        """Notes what the model of a stage consists of, or compares it with what was noted.

        Raises:
            ValueError: if the stage was begun with another model.
        """
        path = self.of(stage) / _MODEL
        found = architecture(model)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            _write(path, found)
        stored = json.loads(path.read_text())
        if stored != found:
            index, (old, new) = next(
                (index, pair)
                for index, pair in enumerate(
                    zip([*stored, "no layer"], [*found, "no layer"], strict=False)
                )
                if pair[0] != pair[1]
            )
            raise ValueError(
                f"{path.parent} was written for another model. `build` the same, or use another "
                f"folder. Received: model={model.name!r}, whose layer {index} was {old} and is "
                f"{new}"
            )

    def save(
        self, stage: TrainingStage, model: keras.Model, history: dict[str, list[float]]
    ) -> None:
        """Marks a stage as finished."""
        with atomic_folder(self.of(stage) / _FINISHED) as folder:
            model.save_weights(folder / _WEIGHTS)
            result = {"epochs": stage.epochs, "history": history, "seeds": seed_values(model)}
            _write(folder / _RESULT, result)

    def load(self, stage: TrainingStage, model: keras.Model) -> None:
        """Gives a model the weights of a finished stage."""
        self.check(stage, model)
        folder = self.of(stage) / _FINISHED
        model.load_weights(folder / _WEIGHTS)
        seeds = json.loads((folder / _RESULT).read_text())["seeds"]
        for variable, value in zip(seed_states(model), seeds, strict=True):
            variable.assign(value)


def _number(path: Path) -> int:
    number = path.name.partition("_")[0]
    return int(number) if number.isdigit() else 0


def _write(path: Path, content: Any) -> None:
    """Writes JSON to a file that is whole at any moment."""
    temporary = path.with_name(f"{path.name}.unfinished")
    temporary.write_text(json.dumps(content, indent=1))
    os.replace(temporary, path)
