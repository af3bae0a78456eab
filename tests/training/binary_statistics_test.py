import csv
import warnings

import keras
import numpy as np
import pytest

from keras_groupnet import distillation, layers, quantizers, training
from keras_groupnet.metrics import constant_channels, latent_histogram, near_zero_share
from tests.steps import digits
from tests.tensors import array
from tests.training import tiny_stages
from tests.training.small_nets import residual_net

LOSS = "sparse_categorical_crossentropy"
COLUMNS = "epoch,layer,flip_ratio,near_zero,mean_latent,dead_channels,channels,histogram"


def net(weights="ste_sign", rate=1.0):
    """Two binary layers, one of them in a model inside, called twice."""
    inner = keras.Sequential(
        [
            keras.Input((6, 6, 4)),
            layers.QuantConv2D(
                4, 3, padding="same", kernel_quantizer=weights, input_quantizer="ste_sign", name="a"
            ),
            keras.layers.BatchNormalization(),
        ],
        name="inner",
    )
    inputs = keras.Input((8, 8, 1))
    x = inner(inner(keras.layers.Conv2D(4, 3)(inputs)))
    x = layers.QuantDense(10, input_quantizer="ste_sign", kernel_quantizer="ste_sign", name="b")(
        keras.layers.Flatten()(x)
    )
    x = keras.layers.Activation("softmax")(keras.layers.Rescaling(0.1)(x))
    model = keras.Model(inputs, x)
    model.compile(keras.optimizers.SGD(rate), LOSS)
    return model


def read(path):
    with open(path, newline="") as opened:
        return list(csv.DictReader(opened))


class Kernels(keras.callbacks.Callback):
    """What the latent weights are after each epoch."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.seen = layer, []

    def on_train_begin(self, logs=None):
        self.seen.append(array(self.layer.kernel).copy())

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(array(self.layer.kernel).copy())


def test_what_is_written(tmp_path):
    model = net()
    layer = model.get_layer("inner").layers[0]
    x, y = digits(32)
    path, kernels = tmp_path / "new" / "statistics.csv", Kernels(layer)
    statistics = training.BinaryStatistics(path, probe=x[:8], epsilon=0.3)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[statistics, kernels])
    assert path.read_text().splitlines()[0] == COLUMNS
    rows = read(path)
    assert [(row["epoch"], row["layer"]) for row in rows] == [
        ("1", "inner/a"),
        ("1", "b"),
        ("2", "inner/a"),
        ("2", "b"),
    ]
    for row, before, after in zip(rows[::2], kernels.seen, kernels.seen[1:], strict=False):
        assert float(row["flip_ratio"]) == ((before < 0) != (after < 0)).mean() > 0
        assert float(row["near_zero"]) == pytest.approx(near_zero_share(after, 0.3))
        assert float(row["mean_latent"]) == pytest.approx(np.abs(after).mean())
        counts = np.array(row["histogram"].split(), int)
        np.testing.assert_array_equal(counts, latent_histogram(after))
        assert row["channels"] == "4"
    constant = constant_channels(model, [layer], x[:8])[layer].sum()
    assert int(rows[2]["dead_channels"]) == constant < 4


def test_a_kernel_without_gradient_is_dead(tmp_path):
    model = net(rate=0.0)
    statistics = training.BinaryStatistics(dead_limit=1.0)
    model.fit(*digits(8), verbose=0, callbacks=[statistics])
    assert [row["dead_channels"] for row in statistics.rows] == [4, 10]
    model.get_layer("b").trainable = False
    model.compile(keras.optimizers.SGD(0.0), LOSS)
    model.fit(*digits(8), verbose=0, callbacks=[statistics])
    assert [row["dead_channels"] for row in statistics.rows] == [4, 0]


def test_parts_of_an_epoch(tmp_path):
    path = tmp_path / "statistics.csv"
    model = net()
    statistics = training.BinaryStatistics(path, every=2)
    model.fit(*digits(40), batch_size=8, epochs=2, verbose=0, callbacks=[statistics])
    rows = [row for row in read(path) if row["layer"] == "b"]
    assert [row["epoch"] for row in rows] == ["0.4", "0.8", "1", "1.4", "1.8", "2"]
    assert all(float(row["flip_ratio"]) > 0 for row in rows)


def test_trainers_are_those_of_their_student():
    student = residual_net(True)
    names = [x.name for x in student.layers if isinstance(x, layers.RectifiedConv2D)]
    trainers = [
        student,
        training.GuidedTrainer(student, residual_net(False)),
        distillation.Distiller(residual_net(False), student, distillation.DistributionLoss()),
    ]
    for trainer in trainers:
        statistics = training.BinaryStatistics(dead_limit=1.0)
        statistics.set_model(trainer)
        statistics.on_train_begin()
        statistics.on_epoch_end(0)
        assert [row["layer"] for row in statistics.rows] == names


def test_all_binary_weights_of_a_latent_one_count():
    """Two-bit kernels are two binary kernels; a projection has several of each filter."""
    inputs = keras.Input((8, 8, 4))
    bits = layers.QuantConv2D(4, 3, kernel_quantizer=quantizers.KBitWeight(2), name="bits")
    planes = layers.ProjectionConv2D(2, 3, projections=3, name="planes")
    model = keras.Model(inputs, planes(bits(inputs)))
    statistics = training.BinaryStatistics(dead_limit=1.0, near_zero_limit=1.0)
    statistics.set_model(model)
    statistics.on_train_begin()
    planes.kernel.assign(-array(planes.kernel))
    statistics.on_epoch_end(0)
    assert [row["flip_ratio"] for row in statistics.rows] == [0, 1]
    assert [row["channels"] for row in statistics.rows] == [4, 6]
    assert [row["dead_channels"] for row in statistics.rows] == [4, 6]
    kernel = array(bits.kernel).copy()
    large = np.abs(kernel).max()
    kernel[0, 0, 1, 0], kernel[0, 0, 2, 0] = large, -large
    bits.kernel.assign(kernel)
    statistics.on_epoch_end(1)
    kernel[0, 0, 1, 0] = large * 1e-3
    bits.kernel.assign(kernel)
    statistics.on_epoch_end(2)
    # Of the two binary weights of that latent weight one flips.
    assert statistics.rows[0]["flip_ratio"] == 1 / (2 * kernel.size)


class Interrupt(keras.callbacks.Callback):
    """Kills a run behind the statistics of an epoch, before its checkpoint."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_a_killed_run_goes_on_with_its_file(tmp_path):
    def run(name, *more):
        keras.utils.set_random_seed(0)
        model, data = net(), tiny_stages.batches()
        path = tmp_path / f"{name}.csv"
        others = [training.BinaryStatistics(path, near_zero_limit=1.0, dead_limit=1.0), *more]
        checkpoint = training.ResumableCheckpoint(tmp_path / name, data, others[:1])
        model.fit(
            data,
            epochs=3,
            initial_epoch=checkpoint.resume(model),
            shuffle=False,
            verbose=0,
            callbacks=[*others, checkpoint],
        )
        return read(path)

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("killed", Interrupt())
    assert [row["epoch"] for row in read(tmp_path / "killed.csv")] == ["1", "1", "2", "2"]
    killed = run("killed")
    assert [row["epoch"] for row in killed] == ["1", "1", "2", "2", "3", "3"]
    for one, other in zip(whole, killed, strict=True):
        for name in ("mean_latent", "flip_ratio"):
            assert float(other[name]) == pytest.approx(float(one[name]), rel=0.02)


def row(flip_ratio=0.1, near_zero=0.0, dead=0):
    return {
        "layer": "x",
        "flip_ratio": flip_ratio,
        "near_zero": near_zero,
        "dead_channels": dead,
        "channels": 8,
    }


def warned(records, losses=None, **state):
    """What is said about these epochs."""
    starved = training.binary_statistics.StarvedLayers(3, 0.5, 0.5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number, record in enumerate(records):
            loss = None if losses is None else losses[number]
            starved.check([record], loss)
    return [str(one.message) for one in caught]


def test_starved_layers_are_named_once():
    falling = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
    (quiet,) = warned([row(0.1), *[row(0.0)] * 5], falling)
    assert quiet.startswith("Layer 'x' is starved: none of its binary weights") and "Clip" in quiet
    assert "in 3 epochs" in quiet
    assert not warned([row(0.0)] * 6, [1.0] * 6)  # all is learned
    assert not warned([row(0.0), row(0.0), row(0.1)] * 2, falling)
    assert not warned([row(0.0)] * 3, falling[:3])
    (near,) = warned([row(near_zero=0.6)] * 3)
    assert "60 % of its latent weights are near zero" in near and "weight decay" in near
    (dead,) = warned([row(dead=4), row(dead=5), row(dead=5)])
    assert "5 of its 8 output channels are dead" in dead and "batch norm" in dead


def test_warnings_survive_a_kill():
    def statistics():
        return training.BinaryStatistics(near_zero_limit=0.0)

    model = net()
    first = statistics()
    with pytest.warns(UserWarning, match="near zero"):
        model.fit(*digits(8), verbose=0, callbacks=[first])
    second = statistics()
    second.set_state(first.get_state())
    model.fit(*digits(8), verbose=0, callbacks=[second])  # a warning would be an error


def test_tensorboard(tmp_path):
    tf = pytest.importorskip("tensorflow")
    pytest.importorskip("tensorboard")
    model = net()
    board = tmp_path / "board"
    statistics = training.BinaryStatistics(tensorboard=board, every=2)
    model.fit(*digits(32), batch_size=8, verbose=0, callbacks=[statistics])
    (file,) = board.iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.tensor))
    assert [step for step, _ in found["inner/a/latent"]] == [2, 4]
    (_, last) = found["b/flip_ratio"][-1]
    assert tf.make_ndarray(last) == pytest.approx(statistics.rows[1]["flip_ratio"])


def test_mistakes(tmp_path):
    with pytest.raises(ValueError, match="binary layers. Received: model='float', which has none"):
        statistics = training.BinaryStatistics()
        statistics.set_model(residual_net(False, name="float"))
        statistics.on_train_begin()
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="something else than training statistics"):
        training.BinaryStatistics(other)
    with pytest.raises(ValueError, match="Received: every=0"):
        training.BinaryStatistics(every=0)
    with pytest.raises(ValueError, match="two samples"):
        training.BinaryStatistics(probe=np.zeros((1, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"0 ... 1. Received: dead_limit=3"):
        training.BinaryStatistics(dead_limit=3)
