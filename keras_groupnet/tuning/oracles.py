"""KerasTuner's oracles in the space of Group-Net: no candidate twice, none above the limit."""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import TrialStatus
from sklearn.exceptions import ConvergenceWarning

from keras_groupnet.methods import GroupNet
from keras_groupnet.tuning.space import Space

_DRAWS = 100  # of candidates until one is new; then the space counts as exhausted


class _GroupNetOracle(keras_tuner.Oracle):
    """What is common: it stands in front of an oracle of KerasTuner.

    Args:
        space: of the candidates.
        affordable: whether a candidate may be trained.
        folder: of the project, which is that of the tuner too.
        seed: of all random choices.
        **options: of the oracle.
    """

    def __init__(
        self,
        space: Space,
        affordable: Callable[[GroupNet], bool],
        folder: Path,
        seed: int = 0,
        **options: Any,
    ):
        hyperparameters = keras_tuner.HyperParameters()
        space.declare(hyperparameters)
        super().__init__(
            objective=keras_tuner.Objective("score", "max"),
            hyperparameters=hyperparameters,
            seed=seed + 1,  # 0 is "at random" to KerasTuner
            **options,
        )
        self.verbose = 0  # `SearchProgress` tells
        self.space = space
        self._affordable = affordable
        self._folder = folder

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial: those of the oracle, made affordable and new."""
        response = super().populate_space(trial_id)
        values = response.get("values")
        # Hyperband goes on with a candidate that it has had before.
        if response["status"] != TrialStatus.RUNNING or "tuner/trial_id" in values:
            return response
        candidate = self._new_candidate(self.space.from_values(values))
        if candidate is None:
            return {"status": TrialStatus.STOPPED, "values": None}
        own = {name: value for name, value in values.items() if name.startswith("tuner/")}
        return response | {"values": self.space.values(candidate) | own}

    def tried(self) -> dict[int, Any]:
        """The trials by the numbers of their candidates."""
        return {
            self.space.index(self.space.from_values(trial.hyperparameters.values)): trial
            for trial in self.trials.values()
        }

    def generator(self) -> np.random.Generator:
        """A random generator for the next trial, the same when the search goes on after a kill."""
        return np.random.default_rng([self.seed, len(self.trials)])

    def save(self) -> None:
        """Writes the state, the whole of it or nothing."""
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / "oracle.json.unfinished"
        temporary.write_text(json.dumps(self.get_state()))
        os.replace(temporary, self._folder / "oracle.json")

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on: trials that have not ended are run again, with those that failed; no others.

        A trial's own file is written before that of the oracle, so it is the one that counts.
        """
        again = [name for name, t in self.trials.items() if t.status != TrialStatus.COMPLETED]
        ended = [name for name in state["end_order"] if name not in again]
        super().set_state(
            state | {"ongoing_trials": {}, "retry_queue": again[::-1], "end_order": ended}
        )

    def _new_candidate(self, candidate: GroupNet) -> GroupNet | None:
        tried, generator = self.tried(), self.generator()
        for _ in range(_DRAWS):
            affordable: GroupNet | None = candidate
            while affordable is not None and not self._affordable(affordable):
                affordable = self.space.lowered(affordable, generator)
            if affordable is not None and self.space.index(affordable) not in tried:
                return affordable
            candidate = self.space.random(generator)
        return None


class RandomOracle(_GroupNetOracle, keras_tuner.oracles.RandomSearchOracle):
    """Random search; see `_GroupNetOracle`."""


class BayesianOracle(_GroupNetOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian optimization with a Gaussian process; see `_GroupNetOracle`."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """As in `_GroupNetOracle`, without scikit-learn's remarks on each fit of the process."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)


class HyperbandOracle(_GroupNetOracle, keras_tuner.oracles.HyperbandOracle):
    """Hyperband: many candidates for few epochs, the best of them for more."""


class EvolutionOracle(_GroupNetOracle, keras_tuner.oracles.RandomSearchOracle):
    """Regularized evolution: a mutation of the best of some of the latest candidates.

    The first trials are random. Each later one is `Space.mutated` of the best among `sample` of the
    last `population` trials that have ended: candidates die of age, not of a bad score.

    Args:
        *args: see `_GroupNetOracle`.
        population: how many of the latest trials are alive.
        sample: how many of them compete.
        **options: see `_GroupNetOracle`.

    References:
        Real et al., Regularized Evolution for Image Classifier Architecture Search, arXiv
        1802.01548, algorithm 1.
    """

    def __init__(self, *args: Any, population: int = 10, sample: int = 4, **options: Any):
        super().__init__(*args, **options)
        self.population, self.sample = population, sample

    def _new_candidate(self, candidate: GroupNet) -> GroupNet | None:
        ended = [self.trials[name] for name in self.end_order]
        alive = [trial for trial in ended if trial.score is not None][-self.population :]
        if len(alive) >= min(self.population, (self.max_trials or 0) // 2):
            generator = self.generator()
            chosen = generator.choice(len(alive), min(self.sample, len(alive)), replace=False)
            parent = max((alive[i] for i in chosen), key=lambda trial: trial.score)
            method = self.space.from_values(parent.hyperparameters.values)
            tried = self.tried()
            for _ in range(_DRAWS):
                child = self.space.mutated(method, generator)
                if self.space.index(child) not in tried and self._affordable(child):
                    return child
        return super()._new_candidate(candidate)


def create(
    name: str,
    space: Space,
    affordable: Callable[[GroupNet], bool],
    folder: Path,
    *,
    seed: int,
    trials: int,
    epochs: int,
) -> keras_tuner.Oracle:
    """The oracle of a name, see `search`.

    Args:
        name: `"random"`, `"bayesian"`, `"hyperband"` or `"evolution"`.
        space: of the candidates.
        affordable: whether a candidate may be trained.
        folder: of the project.
        seed: of all random choices.
        trials: at most.
        epochs: of a trial, at most.
    """
    if name == "hyperband":
        oracle = HyperbandOracle(
            space, affordable, folder, seed, max_epochs=epochs, hyperband_iterations=None
        )
        oracle.max_trials = trials  # one bracket after another until then
        return oracle
    if name == "bayesian":
        # KerasTuner would draw three for each hyperparameter at random: nearly all.
        first = max(3, trials // 3)
        return BayesianOracle(
            space, affordable, folder, seed, max_trials=trials, num_initial_points=first
        )
    kind = EvolutionOracle if name == "evolution" else RandomOracle
    return kind(space, affordable, folder, seed, max_trials=trials)
