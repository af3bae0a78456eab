"""Bop and CaseOptimizer: steps in numpy, `fit`, files."""

import keras
import numpy as np
import pytest

import keras_groupnet as kgn
from keras_groupnet.optimizers import Bop, CaseOptimizer
from tests.steps import digits
from tests.tensors import array, saved_and_loaded


def algorithm(weights, gradients, threshold, gamma):
    """Algorithm 1 of the paper."""
    w, m = np.where(weights < 0, -1.0, 1.0), np.zeros_like(weights)
    for g in gradients:
        m = (1 - gamma) * m + gamma * g
        flips = (np.abs(m) > threshold) & (np.sign(m) == np.sign(w))
        w = np.where(flips, -w, w)
    return w, m


def test_steps_are_those_of_the_paper():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 4)).astype("float32")
    variable = keras.Variable(start)
    optimizer = Bop(threshold=0.1, gamma=0.3)
    optimizer.build([variable])
    gradients = rng.normal(size=(6, 5, 4)).astype("float32")
    for steps in range(1, 7):
        optimizer.apply([keras.ops.convert_to_tensor(gradients[steps - 1])])
        expected, average = algorithm(start, gradients[:steps], 0.1, 0.3)
        np.testing.assert_array_equal(array(variable), expected)
    np.testing.assert_allclose(array(optimizer.variables[-1]), average, rtol=1e-5, atol=1e-6)
    assert (expected != np.where(start < 0, -1, 1)).any()


def test_schedules():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 1e-6])
    variable = keras.Variable(np.float32([1.0, -1.0]))
    optimizer = Bop(threshold=1e-3, gamma=schedule)
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor(np.float32([1.0, 1.0]))])
    np.testing.assert_array_equal(array(variable), [-1, -1])
    np.testing.assert_allclose(array(optimizer.variables[-1]), [1, 1])
    for _ in range(2):
        optimizer.apply([keras.ops.convert_to_tensor(np.float32([-9.0, -9.0]))])
    np.testing.assert_allclose(array(optimizer.variables[-1]), [-9, -9], rtol=1e-5)
    copy = Bop.from_config(optimizer.get_config())
    assert copy.get_config() == optimizer.get_config()


def net():
    def marked():
        return kgn.quantizers.NoOp(precision=1)

    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kgn.layers.QuantConv2D(4, 3, kernel_quantizer=marked(), use_bias=False),
            keras.layers.BatchNormalization(),
            kgn.layers.QuantConv2D(
                4, 3, input_quantizer="ste_sign", kernel_quantizer=marked(), use_bias=False
            ),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )


def case_optimizer(**options):
    return CaseOptimizer(
        (Bop.is_binary_variable, Bop(threshold=1e-6, gamma=1e-2)),
        default_optimizer=keras.optimizers.Adam(0.01),
        **options,
    )


def compiled(optimizer):
    model = net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def test_fit_save_and_go_on(tmp_path):
    x, y = digits(64)
    model = compiled(case_optimizer())
    losses = model.fit(x, y, batch_size=16, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    kernels = [array(layer.kernel) for layer in (model.layers[0], model.layers[2])]
    for kernel in kernels:
        np.testing.assert_array_equal(np.abs(kernel), 1)
    assert len(np.unique(array(model.layers[-1].kernel))) > 100
    loaded = saved_and_loaded(model, tmp_path)
    for one in (model, loaded):
        one.fit(x, y, batch_size=16, epochs=1, verbose=0, shuffle=False)
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    assert float(loaded.optimizer.iterations) == 28
    if keras.backend.backend() == "tensorflow":
        report = kgn.convert(model).report
        assert [one.status for one in report.layers if "conv" in one.name] == ["binary"] * 2


def test_the_learning_rate_is_that_of_the_default():
    optimizer = case_optimizer()
    optimizer.learning_rate = 0.5
    assert float(optimizer.default_optimizer.learning_rate) == 0.5 == float(optimizer.learning_rate)


# Keras says so of every optimizer that has not trained yet.
@pytest.mark.filterwarnings("ignore:Skipping variable loading")
def test_an_optimizer_that_was_not_built_saves_known_predicates(tmp_path):
    loaded = saved_and_loaded(compiled(case_optimizer()), tmp_path)
    x, y = digits(16)
    loaded.fit(x, y, verbose=0)
    np.testing.assert_array_equal(np.abs(array(loaded.layers[0].kernel)), 1)
    optimizer = CaseOptimizer((lambda variable: True, Bop()))
    with pytest.raises(ValueError, match="was built.*Received: neither"):
        CaseOptimizer.from_config(optimizer.get_config())


def variables():
    first, second = keras.Variable(np.ones(2, "float32")), keras.Variable(np.ones(3, "float32"))
    first.precision = 1
    return [first, second]


def gradients():
    return [keras.ops.ones(2), keras.ops.ones(3)]


def test_what_no_optimizer_claims_stays_and_is_warned_of():
    first, second = variables()
    optimizer = CaseOptimizer((Bop.is_binary_variable, Bop(1e-8, 0.5)))
    with pytest.warns(UserWarning, match="not trained: no predicate"):
        optimizer.build([first, second])
    optimizer.apply(gradients())
    np.testing.assert_array_equal(array(first), [-1, -1])
    np.testing.assert_array_equal(array(second), [1, 1, 1])


@pytest.mark.parametrize(
    "predicates, message",
    [
        ([lambda v: True, Bop.is_binary_variable], "Expected one optimizer for variable"),
        (
            [Bop.is_binary_variable, lambda v: False],
            "true for a trainable variable. Received: none",
        ),
    ],
)
def test_predicates_that_do_not_fit(predicates, message):
    pairs = [(predicate, keras.optimizers.SGD(0.1)) for predicate in predicates]
    optimizer = CaseOptimizer(*pairs, default_optimizer=keras.optimizers.SGD(0.1))
    with pytest.raises(ValueError, match=message):
        optimizer.build(variables())


def test_another_model_needs_another_optimizer():
    optimizer = case_optimizer()
    optimizer.build(variables())
    copy = CaseOptimizer.from_config(optimizer.get_config())
    with pytest.raises(ValueError, match="Expected the 2 trainable variables.*Received: 1"):
        copy.build(variables()[:1])


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda: Bop(threshold=-1), ValueError),
        (lambda: Bop(gamma=0), ValueError),
        (lambda: Bop(gamma=1.5), ValueError),
        (lambda: Bop(learning_rate=0.1), TypeError),
        (lambda: CaseOptimizer(), TypeError),
        (lambda: CaseOptimizer((Bop(), Bop.is_binary_variable)), TypeError),
        (lambda: CaseOptimizer(default_optimizer="adam"), TypeError),
    ],
)
def test_impossible_arguments(make, error):
    with pytest.raises(error, match="Received: "):
        make()
