"""kgn.search, of nets that train in a blink."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.tuning import TUNERS, Space, cost_function, oracles, recipe, tuner
from tests.tensors import array
from tests.tuning.tiny_search import (
    TRIALS,
    Begun,
    X,
    Y,
    build,
    compile_model,
    generator,
    tiny_search,
)

# KerasTuner uses what Python 3.10 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*(currentThread|getName):DeprecationWarning")


def names(result):
    return [trial.name for trial in result.trials]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that has ended: its folder, and what it returned."""
    folder = tmp_path_factory.mktemp("searched") / "s"
    return folder, tiny_search(folder, limit=400)


def test_what_a_search_returns(searched, tmp_path):
    _, result = searched
    assert len(result.trials) == TRIALS == len({trial.method for trial in result.trials})
    operations = cost_function("operations")
    for trial in result.trials:
        assert trial.cost == operations(build(trial.method)) <= 400
        assert trial.score == trial.value and 0 <= trial.value <= 1 and trial.weights.is_file()
    assert result.best == result.best_trial.method
    assert result.best_trial.score == max(trial.score for trial in result.trials)
    front = result.pareto
    assert [trial.cost for trial in front] == sorted(trial.cost for trial in front)
    assert [trial.value for trial in front] == sorted(trial.value for trial in front)
    for trial in result.trials:
        assert any(other.cost <= trial.cost and other.value >= trial.value for other in front)
    assert f"{TRIALS} trials" in str(result) and "float operations" in str(result)
    assert result.records()[0] | {"seconds": 0} == {
        "trial": "0",
        "partition": list(result.trials[0].method.partition),
        "bases": list(result.trials[0].method.bases),
        "activation_bits": list(result.trials[0].method.activation_bits),
        "value": result.trials[0].value,
        "cost": result.trials[0].cost,
        "score": result.trials[0].score,
        "epochs": 1,
        "seconds": 0,
    }
    for name in ("a.svg", "a.png"):
        result.plot(tmp_path / name)
    assert "best for their cost" in (tmp_path / "a.svg").read_text()


def test_a_search_goes_on_with_more_trials(searched, tmp_path, capsys):
    folder, result = searched
    log = tmp_path / "log"
    options = {"limit": 400, "callbacks": lambda: [Begun(log)]}
    assert tiny_search(folder, **options) == result and not log.exists()
    assert not capsys.readouterr().out
    more = tiny_search(folder, trials=TRIALS + 1, verbose=True, **options)
    assert more.trials[:TRIALS] == result.trials and len(more.trials) == TRIALS + 1
    assert len(log.read_text().splitlines()) == 1
    assert f"trial {TRIALS + 1}/{TRIALS + 1}: val_accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("name", TUNERS)
def test_every_search_begins_with_the_named_partitions(name, tmp_path):
    space = Space(4, bases=(1, 2, 3), activation_bits=(1, 2))

    def affordable(method):
        return sum(method.bases) <= 8

    def candidates(number):
        oracle = oracles.create(name, space, affordable, tmp_path, seed=0, trials=9, epochs=9)
        worker = tuner.GroupNetTuner(
            oracle,
            tmp_path,
            **dict.fromkeys(("space", "build", "cost", "score")),
            objective=None,
            progress=None,
        )
        worker.save()
        found = []
        for _ in range(number):
            trial = oracle.create_trial("worker")
            found.append(space.from_values(trial.hyperparameters.values))
            oracle.update_trial(trial.trial_id, {"score": 1.0})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
            worker.save()
        return found

    # The second call goes on where the first stopped.
    found = candidates(2) + candidates(3)
    assert [(method.partition, method.bases) for method in found[:3]] == [
        ((1, 1, 1, 1), (2, 2, 2, 2)),
        ((2, 2), (3, 3)),
        ((4,), (3,)),
    ]
    assert len(set(found)) == 5 and {method.activation_bits[0] for method in found[:3]} == {1}


def test_named_partitions_that_cannot_be():
    # v2 needs an even number of blocks, no v1 is cheap enough, and one block is v1 and v3.
    named = oracles.named_candidates
    assert [m.partition for m in named(Space(3), lambda method: True)] == [(1, 1, 1), (3,)]
    assert [m.partition for m in named(Space(4), lambda m: len(m.bases) < 4)] == [(2, 2), (4,)]
    assert [m.partition for m in named(Space(1), lambda method: True)] == [(1,)]


def test_another_tuner_and_cost(tmp_path):
    # What each oracle proposes is tested without training, above.
    result = tiny_search(tmp_path / "s", tuner="evolution", trials=3, cost="bytes")
    assert len(result.trials) == 3 == len({trial.method for trial in result.trials})


def test_hyperband(tmp_path):
    result = tiny_search(tmp_path / "s", tuner="hyperband", trials=5, epochs=3)
    assert len(result.trials) == 5
    # Four for one epoch, the best of them for all three.
    assert [trial.epochs for trial in result.trials] == [1, 1, 1, 3, 3][:5]


def test_a_search_goes_on_after_a_kill(searched, tmp_path):
    folder, log = tmp_path / "s", tmp_path / "s.log"
    killed = subprocess.run(
        [sys.executable, "-m", "tests.tuning.tiny_search", folder],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr
    assert len(log.read_text().splitlines()) == 3
    result = tiny_search(folder, limit=400, callbacks=lambda: [Begun(log)])
    assert names(result) == list("0123")
    # The third was killed, and trained again: none else was.
    assert len(log.read_text().splitlines()) == TRIALS + 1
    undisturbed = searched[1].trials[:TRIALS]
    assert [t.method for t in result.trials] == [t.method for t in undisturbed]


def test_the_price_of_the_cost(tmp_path):
    result = tiny_search(tmp_path / "s", price=10.0, objective="val_loss", trials=2)
    for trial in result.trials:
        assert trial.score == pytest.approx(-trial.value - 10 * np.log2(trial.cost))
    assert result.best_trial.cost == min(trial.cost for trial in result.trials)
    assert not result.maximize and result.pareto[-1].value == min(t.value for t in result.trials)


def test_the_cost_in_milliseconds(tmp_path):
    measure = cost_function("milliseconds")
    lowest, highest = (
        measure(build(kgn.methods.GroupNet(bases=bases, partition="v1"))) for bases in (1, 2)
    )
    assert 0 < lowest < highest
    limit = (lowest + highest) / 2
    result = tiny_search(tmp_path / "s", cost="milliseconds", limit=limit, trials=2)
    for trial in result.trials:
        expected = kgn.deployment.summarize(build(trial.method)).milliseconds
        assert trial.cost == pytest.approx(expected) and trial.cost <= limit
    assert result.trials[0].method.bases == (1, 1, 1)  # with two, v1 is above the limit
    assert "ms (estimated)" in str(result)


def test_an_expanded_model(tmp_path):
    inputs = keras.Input((6, 6, 1))
    x = inputs
    for name in ("first", "second", "third"):
        x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name=name)(x)
    part, other = keras.Input((6, 6, 2)), keras.Input((6, 6, 1))
    tower = keras.Model(part, keras.layers.Conv2D(2, 3, padding="same")(part))
    x = keras.layers.Add()([tower(x), tower(keras.layers.Conv2D(2, 1, name="side")(other))])
    x = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
    model = keras.Model([inputs, other], x)
    images = generator.normal(size=(8, 6, 6, 1)).astype("float32")
    labels = np.arange(8) % 2

    result = kgn.search(
        lambda method: kgn.expand(model, method=method, print_fn=None),
        ((images, images), labels),
        ((images, images), labels),
        folder=tmp_path / "s",
        bases=(1, 2),
        trials=2,
        epochs=1,
        compile_model=compile_model,
        verbose=False,
    )
    blocks = kgn.plan_expansion(model).blocks
    assert len(result.trials) == 2
    for trial in result.trials:
        assert sum(trial.method.partition) == len(blocks)


def test_candidates_start_from_the_parent(tmp_path):
    parent = build(kgn.methods.FullPrecision())
    space = Space(3, bases=(1, 2))
    hp = keras_tuner.HyperParameters()
    model = recipe(build, space, compile_model=compile_model, parent=parent)(hp)
    kernels = [
        array(net.get_layer(name).kernel).ravel()
        for net, name in (
            (parent, "block1_fc"),
            (model, "block1_base1_fc"),
        )
    ]
    assert np.corrcoef(*kernels)[0, 1] > 0.7


def test_the_recipe_in_a_tuner_of_keras_tuner(tmp_path):
    space = Space(3, bases=(1, 2), activation_bits=(1, 2))
    tuner = keras_tuner.RandomSearch(
        recipe(build, space, compile_model=compile_model),
        objective="val_accuracy",
        max_trials=2,
        directory=tmp_path,
    )
    tuner.search(X, Y, validation_data=(X, Y), epochs=1, verbose=0)
    found = [space.from_values(hp.values) for hp in tuner.get_best_hyperparameters(2)]
    assert len(set(found)) == 2 and all(method in space for method in found)


def test_a_folder_holds_one_search(tmp_path):
    tiny_search(tmp_path / "s", trials=1)
    with pytest.raises(ValueError, match=r"other arguments.*epochs was 1 and is 2"):
        tiny_search(tmp_path / "s", trials=1, epochs=2)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(ValueError, match="must be new, empty.*Received"):
        tiny_search(tmp_path / "other")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tuner": "grid"}, r"'random', 'bayesian'.*Received: tuner='grid'"),
        ({"trials": 0}, "positive int.*Received: trials=0"),
        ({"epochs": 1.5}, "positive int.*Received: epochs=1.5"),
        ({"cost": "watts"}, "'bytes'.*Received: cost='watts'"),
        ({"limit": 10.0}, r"least bases and bits cost \d+.*Received: limit=10.0"),
        ({"objective": "val_acurracy"}, "optimization direction|objective"),
        ({"objective": "val_precision"}, "one of what `fit` reports.*'val_accuracy'.*Received"),
        ({"bases": ()}, "at least one.*Received"),
        ({"shortcuts": "float"}, "shortcuts"),
    ],
)
def test_impossible_requests(options, message, tmp_path):
    with pytest.raises((ValueError, TypeError), match=message):
        tiny_search(tmp_path / "s", **options)


def test_an_error_of_the_first_training_is_the_users(tmp_path):
    def compile_wrongly(model):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        tiny_search(tmp_path / "s", compile_model=compile_wrongly)
    # Mended, it goes on with the same trial.
    assert names(tiny_search(tmp_path / "s", trials=1)) == ["0"]


def test_without_keras_tuner(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(ImportError, match=r"keras_groupnet\[search\]"):
        tiny_search(tmp_path / "s")


class _Killed(BaseException):
    """What no `except Exception` catches."""


@pytest.mark.parametrize("name", ["random", "hyperband", "evolution"])
def test_a_kill_at_any_write_of_the_state(name, tmp_path, monkeypatch):
    space = Space(4, bases=(1, 2, 3))
    ran = []

    class Tuner(tuner.GroupNetTuner):
        def run_trial(self, trial, *args, **options):
            ran.append(trial.trial_id)
            return {"score": float(len(ran))}

    def go_on():
        oracle = oracles.create(
            name, space, lambda method: True, tmp_path, seed=0, trials=6, epochs=4
        )
        parts = dict.fromkeys(("space", "build", "cost", "score", "objective", "progress"))
        worker = Tuner(oracle, tmp_path, **parts)
        worker.save()
        worker.search()
        return oracle

    replace = os.replace

    def killed_at(write):
        """Goes on until so many writes have been made."""
        left = iter(range(write))

        def write_or_die(source, target):
            if next(left, None) is None:
                raise _Killed
            replace(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(oracles.os, "replace", write_or_die)
            try:
                return go_on()
            except _Killed:
                return None

    # Each time it gets a little further.
    writes = next(n for n in range(1, 30) if (oracle := killed_at(n)))
    assert writes > 3 and len(oracle.trials) == 6
    assert {trial.status for trial in oracle.trials.values()} == {"COMPLETED"}
    # At most the trial that a kill has hit is run again, and each has run.
    assert set(ran) == set(oracle.trials) and len(ran) < 6 + writes
