import dataclasses
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_groupnet import datasets, layers, methods, training
from tests.tensors import array
from tests.training import tiny_stages
from tests.training.small_nets import residual_net


class Interrupt(keras.callbacks.Callback):
    """Ends a run in the middle of an epoch, as a kill does."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.now = epoch, -1

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, 1):
            raise KeyboardInterrupt


def assert_near(one, other):
    """Threads sum in any order. Bit for bit: the test of SIGKILL, which has deterministic ops."""
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def assert_near_history(one, other):
    assert list(one) == list(other)
    for stage, history in other.items():
        assert list(one[stage]) == list(history)
        for name, values in history.items():
            assert one[stage][name] == pytest.approx(values, rel=1e-3)


def interrupted(run, stage, epoch):
    """Runs until the second batch of an epoch (from 0) of a stage (from 1)."""
    with pytest.raises(KeyboardInterrupt):
        run(callbacks=lambda s: [Interrupt(epoch if s.number == stage else -1)])


def silent(arguments):
    return {"verbose": 0, "announce": lambda text: None} | arguments


def variables(model):
    return [array(variable) for variable in model.variables]


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kills", [[(1, 0), (1, 2)], [(2, 0)], [(1, 1), (2, 2), (2, 3)]])
def test_an_interrupted_run_ends_with_the_same_weights(kills, tmp_path):
    idle = lambda stage: [keras.callbacks.Callback()]  # noqa: E731
    whole = tiny_stages.train(callbacks=idle)
    for stage, epoch in kills:
        interrupted(lambda **more: tiny_stages.train(tmp_path, **more), stage, epoch)
    resumed = tiny_stages.train(tmp_path, callbacks=idle)
    assert_near(variables(resumed.model), variables(whole.model))
    assert_near_history(resumed.history, whole.history)
    assert {name: len(each["loss"]) for name, each in whole.history.items()} == {
        "1_pcnn": 3,
        "2_pcnn": 4,
    }
    assert "projection_loss" in whole.history["1_pcnn"]


def test_what_has_finished_is_not_repeated(tmp_path):
    lines = []
    first = tiny_stages.train(tmp_path, announce=lines.append)
    assert lines == [
        "Stage 1 of 2, pcnn with levels=3, 3 epochs",
        "Stage 2 of 2, pcnn, 4 epochs",
    ]
    built = []

    def build(method):
        built.append(method.levels)
        return tiny_stages.build(method)

    def again(epochs):
        lines.clear()
        return training.fit(
            methods.PCNN(projections=2),
            build,
            tiny_stages.batches(),
            epochs,
            recipe=tiny_stages.recipe,
            folder=tmp_path,
            verbose=0,
            announce=lines.append,
        )

    second = again((3, 4))
    assert built == [2] and all(line.endswith("has finished before") for line in lines)
    assert_equal(variables(second.model), variables(first.model))
    assert second.history == first.history
    # More epochs of the last stage go on; another number for one that others started from cannot.
    assert len(again((3, 5)).history["2_pcnn"]["loss"]) == 5
    assert lines[1] == "Stage 2 of 2, pcnn, 5 epochs: goes on after epoch 4"
    with pytest.raises(ValueError, match=r"finished with epochs=3.*Received: epochs=4 for 1_pcnn"):
        again((4, 5))
    with pytest.raises(ValueError, match=r"finished with epochs=5.*Received: epochs=4 for 2_pcnn"):
        again((3, 4))


def test_the_second_stage_starts_from_the_first():
    started = []
    models = []

    def build(method):
        models.append(tiny_stages.build(method))
        return models[-1]

    def callbacks(stage):
        started.append([array(v).copy() for v in models[-1].trainable_variables])
        return []

    training.fit(
        methods.PCNN(projections=2),
        build,
        tiny_stages.batches(),
        1,
        callbacks=callbacks,
        **silent({}),
    )
    ternary, binary = models
    # Layers have no names: Keras numbers those of the second model on.
    paths = [v.path for v in ternary.trainable_variables]
    assert paths != [v.path for v in binary.trainable_variables]
    for path, end, start in zip(paths, ternary.trainable_variables, started[1], strict=True):
        if not path.endswith("/projection"):
            np.testing.assert_array_equal(array(end), start)


def test_a_teacher_is_trained_first(tmp_path):
    method = methods.RBCN(batch_norm_update=True)

    def run(folder=None, **more):
        arguments = silent({"folder": folder, "recipe": tiny_stages.recipe} | more)
        return training.fit(
            method,
            lambda stage: residual_net(stage.name == "rbcn"),
            tiny_stages.batches(),
            [2, 2],
            **arguments,
        )

    idle = lambda stage: [keras.callbacks.Callback()]  # noqa: E731
    whole = run(callbacks=idle)
    assert list(whole.history) == ["1_full_precision", "2_rbcn"]
    assert not any(isinstance(x, layers.RectifiedConv2D) for x in whole.teacher.layers)
    interrupted(lambda **more: run(tmp_path, **more), 1, 1)
    interrupted(lambda **more: run(tmp_path, **more), 2, 1)
    resumed = run(tmp_path, callbacks=idle)
    assert_near(variables(resumed.model), variables(whole.model))
    assert_near(variables(resumed.teacher), variables(whole.teacher))
    assert_near_history(resumed.history, whole.history)
    # One that is there already is used as it is.
    before = variables(whole.teacher)
    given = training.fit(
        method,
        lambda stage: residual_net(stage.name == "rbcn"),
        tiny_stages.batches(),
        1,
        teacher=whole.teacher,
        **silent({}),
    )
    assert given.teacher is whole.teacher and list(given.history) == ["1_rbcn"]
    assert_equal(variables(whole.teacher), before)


def test_early_stopping_ends_a_stage(tmp_path):
    class Stopping(keras.callbacks.EarlyStopping):
        def __init__(self):
            super().__init__("loss", patience=1, min_delta=10.0)

    def run(epochs=50):
        return tiny_stages.train(tmp_path, epochs, callbacks=lambda stage: [Stopping()])

    first = run()
    assert [len(each["loss"]) for each in first.history.values()] == [2, 2]
    # Killed after the last checkpoint of a stage, before the stage was marked as finished.
    finished = tmp_path / "2_pcnn" / "finished"
    finished.rename(tmp_path / "away")
    second = run()
    assert second.history == first.history
    assert_equal(variables(second.model), variables(first.model))
    assert finished.is_dir()


def test_other_runs_are_refused(tmp_path):
    tiny_stages.train(tmp_path, 1)

    def run(method=None, build=tiny_stages.build, **more):
        method = method or methods.PCNN(projections=2)
        return training.fit(
            method, build, tiny_stages.batches(), 1, folder=tmp_path, **silent(more)
        )

    with pytest.raises(ValueError, match="another folder.*method was 'pcnn' and is 'bnn'"):
        run("bnn")
    with pytest.raises(ValueError, match="'projections': 2.*and is .*'projections': 3"):
        run(methods.PCNN(projections=3))
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        run(seed=1)

    def other(method):
        model = tiny_stages.build(method)
        x = keras.layers.ReLU()(model.layers[-2].output)
        return keras.Model(model.input, keras.layers.Dense(10, activation="softmax")(x))

    with pytest.raises(ValueError, match=r"2_pcnn was written for another model.*Dense.*ReLU"):
        run(build=other)

    checkpoint = tmp_path / "plain"
    (checkpoint / "epoch-000001").mkdir(parents=True)
    with pytest.raises(ValueError, match="single `fit`"):
        tiny_stages.train(checkpoint)


def test_arguments():
    with pytest.raises(ValueError, match=r"pcnn with levels=3; pcnn. Received: epochs=\[1\]"):
        tiny_stages.train(epochs=[1])
    with pytest.raises(ValueError, match="Received: epochs=0"):
        tiny_stages.train(epochs=0)
    with pytest.raises(ValueError, match="learns from no teacher"):
        tiny_stages.train(teacher=residual_net(False))
    data = datasets.digits()
    with pytest.raises(ValueError, match="Batches.*Received: data=tuple"):
        training.fit("bnn", residual_net, (data.train_x, data.train_y), 1)


def test_plans():
    described = [stage.description for stage in training.plan_stages("el_net", 2, True)]
    assert described == [
        "full_precision as the teacher",
        "el_net with activation_bits=32",
        "el_net with activation_bits=8",
        "el_net with activation_bits=4",
        "el_net",
    ]
    assert [stage.teaches for stage in training.plan_stages("rbcn", 1, True)] == [True, False]
    assert len(training.plan_stages("rbcn", 1)) == 1
    pretraining, binary = training.plan_stages("bi_real", [4, 5])
    assert str(pretraining) == "Stage 1 of 2, bi_real with pretraining=True, 4 epochs"
    assert binary.epochs == 5


@dataclasses.dataclass(frozen=True)
class OwnMethod(methods.Method):
    """A user's, of three stages."""

    name = "own"
    reference = "none"
    part: int = 3

    def stages(self):
        return [OwnMethod(1), OwnMethod(2), self]


def test_a_method_of_the_users():
    seen = []

    def build(method):
        seen.append(method.part)
        return residual_net(method.part > 1)

    result = training.fit(
        OwnMethod(),
        build,
        datasets.Batches(np.ones((8, 8, 8, 1)), np.ones((8, 10)), 4),
        1,
        loss="categorical_crossentropy",
        metrics=[],
        **silent({}),
    )
    assert seen == [1, 2, 3] and list(result.history) == ["1_own", "2_own", "3_own"]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough for the slow test"
)
def test_killed_runs_end_with_the_same_weights(tmp_path):
    """SIGKILL in the middle of each stage, of processes that share nothing but the folder."""

    def start(folder):
        return subprocess.Popen(
            [sys.executable, "-m", "tests.training.tiny_stages", folder],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
            stdout=subprocess.DEVNULL,
        )

    for stage in ("1_pcnn", "2_pcnn"):
        process = start(tmp_path / "killed")
        wanted = tmp_path / "killed" / stage / "epoch-000001"
        deadline = time.monotonic() + 120
        while not wanted.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait(120) == -signal.SIGKILL
        assert not (tmp_path / "killed" / stage / "finished").exists()
    assert start(tmp_path / "killed").wait(120) == 0
    assert start(tmp_path / "whole").wait(120) == 0
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert len(whole.files) > 10
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], killed[name])
