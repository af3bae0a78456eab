import keras
import numpy as np
import pytest

from keras_groupnet import datasets

X = np.arange(10, dtype=np.float32).reshape(10, 1)
Y = np.arange(10)


def order(batches):
    return np.concatenate([y for _, y in batches]).tolist()


def test_an_epoch_is_a_permutation_that_depends_on_seed_and_epoch():
    batches, same = datasets.Batches(X, Y, 4), datasets.Batches(X, Y, 4)
    first = order(batches)
    assert len(batches) == 3 and sorted(first) == list(range(10)) and first == order(same)
    batches.on_epoch_end()
    assert sorted(order(batches)) == list(range(10)) and order(batches) != first
    same.epoch = 1
    assert order(same) == order(batches)
    batches.epoch = 0
    assert order(batches) == first
    assert order(datasets.Batches(X, Y, 4, seed=1)) != first
    assert order(datasets.Batches(X, Y, 4, shuffle=False)) == list(range(10))


def test_inputs_stay_with_targets():
    for x, y in datasets.Batches(X, Y, 3):
        np.testing.assert_array_equal(x[:, 0], y)


def test_steps_per_epoch_cuts_a_pass_into_epochs():
    whole = order(datasets.Batches(X, Y, 2))
    parts = datasets.Batches(X, Y, 2, steps_per_epoch=2)
    seen = []
    for _ in range(2):
        seen += order(parts)
        parts.on_epoch_end()
    assert len(parts) == 2 and seen == whole[:8]
    assert order(parts) != whole[:4]


def test_fit_walks_through_the_epochs():
    """What `fit` reads ahead must belong to its epoch, on every backend."""
    seen = []

    class Spy(datasets.Batches):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            seen.append((self.epoch, index, y.tolist()))
            return x, y

    class Total(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            batches.epoch = epoch

    batches = Spy(X, Y, 4)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(batches, epochs=3, verbose=0, callbacks=[Total()])
    reference = datasets.Batches(X, Y, 4)
    for epoch in range(3):
        reference.epoch = epoch
        for index, (_, y) in enumerate(reference):
            assert (epoch, index, y.tolist()) in seen


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"steps_per_epoch": 0}, {"batch_size": 5, "steps_per_epoch": 3}]
)
def test_impossible_arguments(options):
    with pytest.raises(ValueError, match="Received"):
        datasets.Batches(X, Y, **options)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="10 images, 9 labels"):
        datasets.Batches(X, Y[:9])


def test_what_fit_sees_does_not_depend_on_global_seeds():
    def fit(seed):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
        )
        model.compile(keras.optimizers.SGD(0.01), "mse")
        # Steps on single samples: another order gives other weights.
        history = model.fit(datasets.Batches(X, Y, 1), epochs=2, shuffle=False, verbose=0)
        return history.history["loss"]

    assert fit(0) == fit(1)
