"""KerasTuner's oracles in the space of Group-Net: no candidate twice, none above the limit."""

import json
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import keras_tuner
import numpy as np
import threadpoolctl
from keras_tuner.engine.trial import TrialStatus
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from keras_groupnet.methods import GroupNet
from keras_groupnet.tuning.space import NAMED_PARTITIONS, Space

_PROMISING = 20  # of the candidates that the Gaussian process proposes are tried
_DRAWS = 100  # of candidates until one is new; then the space counts as exhausted


def named_candidates(space: Space, affordable: Callable[[GroupNet], bool]) -> list[GroupNet]:
    """Those of v1, v2 and v3 that the chains allow, with the most bases that are affordable.

    All groups of one have the same number of bases, and the fewest bits of the space. Where two
    names mean the same groups, these are there once.

    Args:
        space: of the candidates.
        affordable: whether a candidate may be trained.
    """
    found: list[GroupNet] = []
    for name in NAMED_PARTITIONS:
        candidates = (space.named(name, bases) for bases in reversed(space.bases))
        known = next((method for method in candidates if method and affordable(method)), None)
        if known is not None and known not in found:
            found.append(known)
    return found


class _GroupNetOracle(keras_tuner.Oracle):
    """What is common: it stands in front of an oracle of KerasTuner.

    Args:
        space: of the candidates.
        affordable: whether a candidate may be trained.
        folder: of the project, which is that of the tuner too.
        seed: of all random choices.
        **options: of the oracle.

    The first trials are v1, v2 and v3, see `named_candidates`.
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
        self._first = named_candidates(space, affordable)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The values of the next trial: those of the oracle, made affordable and new."""
        response = super().populate_space(trial_id)
        values = response.get("values")
        # Hyperband goes on with a candidate that it has had before.
        if response["status"] != TrialStatus.RUNNING or "tuner/trial_id" in values:
            return response
        tried = self.tried()
        untried = (known for known in self._first if self.space.index(known) not in tried)
        candidate = next(untried, None) or self._new_candidate(self.space.from_values(values))
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
            affordable = self._lowered(candidate, generator)
            if affordable is not None and self.space.index(affordable) not in tried:
                return affordable
            candidate = self.space.random(generator)
        return None

    def _lowered(self, candidate: GroupNet, generator: np.random.Generator) -> GroupNet | None:
        """The candidate, with less bases or bits where it must be to be affordable."""
        affordable: GroupNet | None = candidate
        while affordable is not None and not self._affordable(affordable):
            affordable = self.space.lowered(affordable, generator)
        return affordable


class RandomOracle(_GroupNetOracle, keras_tuner.oracles.RandomSearchOracle):
    """Random search; see `_GroupNetOracle`."""


class BayesianOracle(_GroupNetOracle, keras_tuner.oracles.RandomSearchOracle):
    """A Gaussian process of the scores; the next trial has the highest `mean + beta * deviation`.

    It is looked for among random candidates and the neighbours of the best. KerasTuner's own
    oracle climbs the surface of the process instead, for which it evaluates it some ten thousand
    times for each trial, and rounds what it finds.

    Args:
        *args: see `_GroupNetOracle`.
        first: how many trials do not go by the scores: v1, v2, v3, then random ones.
        beta: the weight of the deviation.
        **options: see `_GroupNetOracle`.
    """

    def __init__(self, *args: Any, first: int = 5, beta: float = 2.0, **options: Any):
        super().__init__(*args, **options)
        self.first, self.beta = first, beta

    def _new_candidate(self, candidate: GroupNet) -> GroupNet | None:
        tried = self.tried()
        scored = {number: t.score for number, t in tried.items() if t.score is not None}
        if len(scored) >= max(2, self.first):
            generator = self.generator()
            best = sorted(scored, key=scored.__getitem__)[-5:]
            pool = [self.space.random(generator) for _ in range(2 * _DRAWS)]
            pool += [
                self.space.mutated(self.space.method(number), generator)
                for number in best
                for _ in range(_DRAWS // 5)
            ]
            process = GaussianProcessRegressor(
                Matern(nu=2.5) + WhiteKernel(0.1), normalize_y=True, random_state=self.seed
            )
            with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                process.fit(
                    [self._vector(self.space.method(number)) for number in scored],
                    list(scored.values()),
                )
                mean, deviation = process.predict(
                    [self._vector(method) for method in pool], return_std=True
                )
            for i in np.argsort(-(mean + self.beta * deviation))[:_PROMISING]:
                promising = self._lowered(pool[i], generator)
                if promising is not None and self.space.index(promising) not in tried:
                    return promising
        return super()._new_candidate(candidate)

    def _vector(self, method: GroupNet) -> list[float]:
        """The cuts, and at each block the bases and bits of its group, all in 0 ... 1."""
        vector: list[float] = []
        partition = cast(Sequence[int], method.partition)  # block counts in a `Space`
        for count, group in zip(partition, method.of_groups(len(partition)), strict=True):
            places = [
                choices.index(value) / max(1, len(choices) - 1)
                for choices, value in (
                    (self.space.bases, group.bases),
                    (self.space.activation_bits, group.activation_bits),
                )
            ]
            vector += [1.0, *places, *[0.0, *places] * (count - 1)]
        return vector


class HyperbandOracle(_GroupNetOracle, keras_tuner.oracles.HyperbandOracle):
    """Hyperband: many candidates for few epochs, the best of them for more."""


class EvolutionOracle(_GroupNetOracle, keras_tuner.oracles.RandomSearchOracle):
    """Regularized evolution: a mutation of the best of some of the latest candidates.

    The first trials do not go by the scores. Each later one is `Space.mutated` of the best among
    `sample` of the last `population` trials that have ended: candidates die of age, not of a bad
    score.

    Args:
        *args: see `_GroupNetOracle`.
        first: how many trials do not go by the scores: v1, v2, v3, then random ones.
        population: how many of the latest trials are alive.
        sample: how many of them compete.
        **options: see `_GroupNetOracle`.

    References:
        Real et al., Regularized Evolution for Image Classifier Architecture Search, arXiv
        1802.01548, algorithm 1.
    """

    def __init__(
        self, *args: Any, first: int = 5, population: int = 10, sample: int = 4, **options: Any
    ):
        super().__init__(*args, **options)
        self.first, self.population, self.sample = first, population, sample

    def _new_candidate(self, candidate: GroupNet) -> GroupNet | None:
        ended = [self.trials[name] for name in self.end_order]
        scored = [trial for trial in ended if trial.score is not None]
        if len(scored) >= self.first:
            alive = scored[-self.population :]
            generator = self.generator()
            chosen = generator.choice(len(alive), min(self.sample, len(alive)), replace=False)
            parent = max((alive[i] for i in chosen), key=lambda trial: trial.score)
            method = self.space.from_values(parent.hyperparameters.values)
            tried = self.tried()
            for _ in range(_DRAWS):
                child = self._lowered(self.space.mutated(method, generator), generator)
                if child is not None and self.space.index(child) not in tried:
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
    if name == "random":
        return RandomOracle(space, affordable, folder, seed, max_trials=trials)
    kind = EvolutionOracle if name == "evolution" else BayesianOracle
    # A quarter of the trials, v1, v2, v3 and then random ones, finds out what to go by.
    return kind(space, affordable, folder, seed, max_trials=trials, first=max(2, trials // 4))
