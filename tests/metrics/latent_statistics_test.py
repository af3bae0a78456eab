import numpy as np
import pytest

from keras_groupnet import metrics


def test_near_zero_share_of_known_distributions():
    uniform = np.linspace(-0.3, 0.3, 20001)
    assert metrics.near_zero_share(uniform, 0.1) == pytest.approx(0.05, abs=1e-3)
    gaussian = np.random.default_rng(0).normal(0, 7, 400_000)
    assert metrics.near_zero_share(gaussian) == pytest.approx(0.0636, abs=2e-3)
    assert metrics.near_zero_share(np.array([1.0, -1.0, 0.01, 0.5])) == 0.25
    assert metrics.near_zero_share(np.zeros(3)) == 1
    assert metrics.mean_magnitude(np.array([[1.0], [-3.0]])) == 2


def test_histogram():
    uniform = np.linspace(-2, 2, 3201)
    counts = metrics.latent_histogram(uniform)
    assert counts.shape == (32,) and counts.sum() == uniform.size
    # [-1, 1] in units of 2 mean|w|: 21 1/3 of the 32 bins.
    assert not counts[:5].any() and not counts[-5:].any() and counts[6:26].min() >= 149
    outside = metrics.latent_histogram(np.array([100.0, *[1.0] * 99, -100.0]))
    assert outside[0] == outside[-1] == 1 and outside[:16].sum() == 1
    assert metrics.latent_histogram(np.zeros(5))[16] == 5


def test_still_channels():
    generator = np.random.default_rng(0)
    before = generator.normal(size=(3, 3, 2, 5)).astype("float32")
    after = before.copy()
    after[..., 0] += generator.normal(0, 1e-3, (3, 3, 2))  # learned
    after[..., 1] *= np.float32(0.9)  # decayed
    after[1, 1, 0, 2] += 0.01  # learned a little
    before[..., 4] = 0
    after[..., 4] = 0.1  # left zero
    np.testing.assert_array_equal(
        metrics.still_channels(before, after), [False, True, False, True, False]
    )
    # A thousand steps of decay, each rounded, are decay still.
    decayed = before.copy()
    for _ in range(1000):
        decayed *= np.float32(1 - 1e-4)
    assert metrics.still_channels(before, decayed).all()
    # A single weight has no direction.
    one = np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(metrics.still_channels(one, one * [1.0, 1.5]), [True, False])
