import json
import os
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_groupnet import training
from tests.training import tiny_run

EPOCHS = 5


def run(folder, epochs=EPOCHS, **options):
    """A run in this process up to `epochs`, the way a script would do it."""
    keras.utils.set_random_seed(options.pop("seed", 0))
    return tiny_run.train(folder, epochs, **options)


def equal(one, other):
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def test_a_resumed_run_ends_with_the_same_weights(tmp_path):
    whole = run(tmp_path / "whole")
    for stop in (1, 3, 4):
        # Other global seeds before the second half: only the checkpoint can make them equal.
        run(tmp_path / f"{stop}", stop)
        resumed = run(tmp_path / f"{stop}", seed=100 + stop)
        assert equal(resumed, whole)
    assert not equal(run(tmp_path / "other", seed=7), whole)
    # Nothing is left to do, and nothing changes.
    assert equal(run(tmp_path / "whole", seed=8), whole)


def test_epochs_within_a_pass(tmp_path):
    whole = run(tmp_path / "whole", steps_per_epoch=3)
    run(tmp_path / "cut", 3, steps_per_epoch=3)
    assert equal(run(tmp_path / "cut", seed=9, steps_per_epoch=3), whole)


def test_state_of_callbacks(tmp_path):
    class Counter(keras.callbacks.Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

        def get_state(self):
            return {"count": self.count}

        def set_state(self, state):
            self.count = state["count"]

    def fit(epochs, before):
        plateau = training.reduce_when_saturated("loss", patience=100)
        stopping = keras.callbacks.EarlyStopping("loss", patience=100)
        others = [Counter(), plateau, stopping]
        checkpoint = training.ResumableCheckpoint(tmp_path, callbacks=others)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.0), "mse")
        start = checkpoint.resume(model)
        # The order of callbacks must not matter.
        callbacks = [checkpoint, *others] if before else [*others, checkpoint]
        x = np.ones((4, 1))
        model.fit(x, x, epochs=epochs, initial_epoch=start, callbacks=callbacks, verbose=0)
        return start, others

    fit(3, before=True)
    start, (counter, plateau, stopping) = fit(5, before=False)
    assert start == 3 and counter.count == 5
    assert plateau.wait == stopping.wait == 4 and plateau.best == stopping.best > 0


def test_global_random_generators(tmp_path):
    drawn = []

    class Draw(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            drawn.append((random.random(), np.random.random(), np.random.normal()))

    def fit(epochs, seed):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        checkpoint = training.ResumableCheckpoint(tmp_path / str(seed))
        start = checkpoint.resume(model)
        x = np.ones((4, 1))
        model.fit(
            x, x, epochs=epochs, initial_epoch=start, callbacks=[Draw(), checkpoint], verbose=0
        )

    fit(4, seed=1)
    whole, drawn = drawn, []
    (tmp_path / "1").rename(tmp_path / "whole")
    fit(2, seed=1)
    (tmp_path / "1").rename(tmp_path / "2")
    fit(4, seed=2)
    assert drawn == whole and len(set(drawn)) == 4


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow",
    reason="tf.data draws the order of arrays, and its state cannot be read",
)
def test_order_of_arrays(tmp_path):
    def fit(folder, epochs, seed):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
        )
        model.compile(keras.optimizers.SGD(0.01), "mse")
        checkpoint = training.ResumableCheckpoint(tmp_path / folder)
        start = checkpoint.resume(model)
        x = np.arange(10.0)[:, None]
        model.fit(
            x,
            x,
            batch_size=1,
            epochs=epochs,
            initial_epoch=start,
            callbacks=[checkpoint],
            verbose=0,
        )
        return [keras.ops.convert_to_numpy(weight) for weight in model.weights]

    whole = fit("whole", 4, 0)
    fit("cut", 2, 0)
    assert equal(fit("cut", 4, 1), whole)


def test_backup_and_restore_would_lose_the_seeds(tmp_path):
    """Why there is a callback of our own: if Keras comes to keep them, ours can shrink."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(keras.layers.Dense(4)(inputs)))
    model(np.ones((1, 4)), training=True)
    (seed,) = [variable for variable in model.variables if "seed" in variable.path]
    model.save_weights(tmp_path / "model.weights.h5")
    seed.assign([5, 5])
    model.load_weights(tmp_path / "model.weights.h5")
    assert keras.ops.convert_to_numpy(seed).tolist() == [5, 5]


def test_one_whole_checkpoint_stays(tmp_path):
    run(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000002"]
    state = json.loads((tmp_path / "epoch-000002" / "state.json").read_text())
    assert state["epoch"] == 2 and len(state["seeds"]) == 1


def test_a_torn_write_is_ignored(tmp_path):
    whole = run(tmp_path / "whole")
    run(tmp_path / "torn", 2)
    (tmp_path / "torn" / "unfinished").mkdir()
    (tmp_path / "torn" / "unfinished" / "model.weights.h5").write_bytes(b"half")
    (tmp_path / "torn" / "epoch-000001").mkdir()
    assert equal(run(tmp_path / "torn", seed=1), whole)


def small_model(units=1, compiled=True):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(units)])
    if compiled:
        model.compile("sgd", "mse")
    return model


def fit_small(folder, model, resume=True, callbacks=()):
    checkpoint = training.ResumableCheckpoint(folder, callbacks=callbacks)
    start = checkpoint.resume(model) if resume else 0
    model.fit(
        np.ones((2, 1)), np.ones((2, 1)), initial_epoch=start, callbacks=[checkpoint], verbose=0
    )


def test_errors(tmp_path):
    fit_small(tmp_path, small_model())
    with pytest.raises(ValueError, match=r"checkpoint.resume\(model\)"):
        fit_small(tmp_path, small_model(), resume=False)
    with pytest.raises(ValueError, match="Compile the model"):
        fit_small(tmp_path, small_model(compiled=False))
    with pytest.raises(ValueError, match="written for another model"):
        fit_small(tmp_path, small_model(units=2))
    with pytest.raises(ValueError, match="0 callbacks. Received: 0 and 1"):
        fit_small(tmp_path, small_model(), callbacks=[keras.callbacks.Callback()])
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    with pytest.raises(ValueError, match="best weights"):
        training.ResumableCheckpoint(tmp_path, callbacks=[stopping])


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough for the slow test"
)
def test_killed_runs_end_with_the_same_weights(tmp_path):
    """SIGKILL at seeded moments of the run, until it has finished; the starts count too."""

    def start(folder, seed):
        return subprocess.Popen(
            [sys.executable, "-m", "tests.training.tiny_run", folder, str(EPOCHS), str(seed)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        )

    assert start(tmp_path / "whole", 0).wait(120) == 0
    generator = np.random.default_rng(0)
    kills = 0
    for attempt in range(20):
        process = start(tmp_path / "killed", attempt)
        # Two kills, each in another epoch.
        if kills < 2:
            wanted = tmp_path / "killed" / f"epoch-{kills + 1:06d}"
            deadline = time.monotonic() + 120
            while not wanted.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(generator.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        kills += process.wait(120) == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills >= 1 and process.returncode == 0
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert len(whole.files) > 10
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], killed[name])
