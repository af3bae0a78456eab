import numpy as np
import pytest

from keras_groupnet.initializers import BlurPool, SignedUniform
from tests.tensors import array


def test_values_keep_away_from_zero_and_have_both_signs():
    values = array(SignedUniform(0.5, 1.5, seed=1)((50, 40), "float32"))
    assert 0.5 <= np.abs(values).min() < 0.51 and 1.49 < np.abs(values).max() <= 1.5
    assert 0.45 < (values > 0).mean() < 0.55


def test_one_seed_gives_one_draw():
    values = [array(SignedUniform(seed=seed)((4, 3, 3), "float32")) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(values[0], values[1])
    assert (values[0] != values[2]).any()


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="low.*Received"):
        SignedUniform(1.5, 0.5)


def test_a_blur_keeps_constants_and_is_symmetric():
    kernel = array(BlurPool()((3, 3, 5, 1), "float32"))
    expected = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    np.testing.assert_array_equal(kernel, np.broadcast_to(expected[..., None, None], kernel.shape))
    assert array(BlurPool()((5, 2, 1, 1)))[..., 0, 0].tolist()[2] == [6 / 32, 6 / 32]
