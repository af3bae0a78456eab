"""KerasTuner's tuner for candidates of a space."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from keras_groupnet.methods import GroupNet
from keras_groupnet.tuning.progress import SearchProgress
from keras_groupnet.tuning.records import WEIGHTS, SearchTrial, write_record
from keras_groupnet.tuning.space import Space


class GroupNetTuner(keras_tuner.Tuner):
    """Trains candidates, keeps their best weights and records.

    Args:
        oracle: one of `tuning.oracles`.
        folder: of the search.
        space: of the candidates.
        build: makes a compiled model of a candidate.
        cost: of a model of a candidate.
        score: of a value of the objective and a cost.
        objective: whose best epoch counts.
        progress: what is told of each trial.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        folder: Path,
        *,
        space: Space,
        build: Callable[[GroupNet], keras.Model],
        cost: Callable[[GroupNet], float],
        score: Callable[[float, float], float],
        objective: keras_tuner.Objective,
        progress: SearchProgress,
    ):
        super().__init__(oracle, directory=str(folder.parent), project_name=folder.name)
        self._space, self._build, self._cost, self._score = space, build, cost, score
        self._objective, self._progress = objective, progress
        self._ended = 0

    def run_trial(self, trial: Any, *args: Any, **options: Any) -> dict[str, float]:
        """Trains the candidate of a trial; arguments as those of `fit`."""
        try:
            result = self._train(trial, *args, **options)
        except Exception as error:
            if self._ended:
                raise  # KerasTuner notes that this candidate has failed
            # Nothing has worked yet: it is the arguments, not the candidate.
            raise keras_tuner.errors.FatalRuntimeError(str(error)) from error
        self._ended += 1
        return result

    def save(self) -> None:
        """Writes the state; KerasTuner goes on with a search whose file it finds."""
        if "KERASTUNER_ORACLE_IP" not in os.environ or "chief" in self.tuner_id:
            self.oracle.save()
        Path(self.project_dir, f"{self.tuner_id}.json").write_text("{}")

    def _train(self, trial, *args, epochs, callbacks, **options):
        start = time.perf_counter()
        keras.backend.clear_session()
        values = trial.hyperparameters.values
        method = self._space.from_values(values)
        model = self._build(method)
        folder = Path(self.get_trial_dir(trial.trial_id))
        # Hyperband: for how many epochs, and the trial that is continued.
        epochs = values.get("tuner/epochs", epochs)
        initial_epoch = values.get("tuner/initial_epoch", 0)
        if "tuner/trial_id" in values:
            model.optimizer.build(model.trainable_variables)  # its state is loaded too
            model.load_weights(Path(self.get_trial_dir(values["tuner/trial_id"])) / WEIGHTS)
        best = _BestEpoch(self._objective, folder / WEIGHTS)
        bar = self._progress.begin(epochs, method.partition, initial_epoch)
        model.fit(
            *args,
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=[*callbacks(), best, bar],
            verbose=0,
            **options,
        )
        cost = self._cost(method)
        result = SearchTrial(
            name=trial.trial_id,
            method=method,
            value=best.value,
            cost=cost,
            score=self._score(best.value, cost),
            epochs=epochs,
            seconds=time.perf_counter() - start,
            weights=folder / WEIGHTS,
        )
        write_record(folder, result)
        self._progress.end(result)
        return {"score": result.score}


class _BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch whose objective is best."""

    def __init__(self, objective: keras_tuner.Objective, path: Path):
        super().__init__()
        self._objective, self._path = objective, path
        self.value = float("nan")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        name = self._objective.name
        if name not in (logs or {}):
            raise ValueError(
                f"`objective` must be one of what `fit` reports: {sorted(logs or {})}. "
                f"Received: objective={name!r}"
            )
        value = float(logs[name])
        first = math.isnan(self.value) and not math.isnan(value)
        if first or self._objective.better_than(value, self.value):
            self.value = value
            self.model.save_weights(self._path)
