"""Compares the oracles of `kgn.search` on a made-up landscape, with equal numbers of trials.

    python -m experiments.compare_oracles

Nothing is trained. The "accuracy" of a candidate falls with the length of its groups, as in table 4
of Group-Net (v1 > v2 > v3), rises with the bases of each block with diminishing returns, more for
some blocks than for others, and has noise of half a point; the sum of the bases of all blocks may
not be above a limit. It shows whether an oracle can follow such a slope, and no more than that.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
from absl import app, flags

from keras_groupnet.tuning import TUNERS, Space
from keras_groupnet.tuning.oracles import create
from keras_groupnet.tuning.tuner import GroupNetTuner

FLAGS = flags.FLAGS
flags.DEFINE_integer("blocks", 8, "N.", 1)
flags.DEFINE_list("trials", ["20", "50"], "Trials of a search.")
flags.DEFINE_integer("seeds", 10, "Searches of each oracle.", 1)


class _Tuner(GroupNetTuner):
    """Evaluates the landscape of a seed instead of training."""

    def run_trial(self, trial, *args, **options):
        method = self._space.from_values(trial.hyperparameters.values)
        noise = np.random.default_rng([self._objective, int(trial.trial_id)]).normal(0, 0.5)
        return {"score": landscape(method, self._objective) + noise}


def landscape(method, seed):
    """The noiseless "accuracy" of a candidate, in points."""
    weights = np.random.default_rng(seed).dirichlet(np.full(FLAGS.blocks, 2.0)) * 40
    value, block = 90.0, 0
    for count, bases in zip(method.partition, method.bases, strict=True):
        value -= sum(weights[block : block + count]) / bases + 0.4 * (count - 1) ** 1.5
        block += count
    return value


def found(name, trials, seed):
    """The noiseless accuracy of the candidate whose noisy one is best."""
    space = Space(FLAGS.blocks, bases=(1, 2, 3, 4, 5))

    def affordable(method):
        return sum(np.multiply(method.partition, method.bases)) <= 3 * FLAGS.blocks

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search"
        oracle = create(name, space, affordable, path, seed=seed, trials=trials, epochs=9)
        parts = dict.fromkeys(("build", "cost", "score", "progress"))
        _Tuner(oracle, path, space=space, objective=seed, **parts).search()
        best = oracle.get_best_trials()[0]
    return landscape(space.from_values(best.hyperparameters.values), seed)


def main(_):
    """Prints a table."""
    print("| oracle | " + " | ".join(f"{trials} trials" for trials in FLAGS.trials) + " |")
    print("|---|" + "---:|" * len(FLAGS.trials))
    # Hyperband's strength, few epochs for most, has no meaning without training.
    for name in (tuner for tuner in TUNERS if tuner != "hyperband"):
        cells = []
        for trials in map(int, FLAGS.trials):
            values = [found(name, trials, seed) for seed in range(FLAGS.seeds)]
            cells.append(f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    app.run(main)
