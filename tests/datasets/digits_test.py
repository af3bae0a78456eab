import numpy as np
import pytest

from keras_groupnet import datasets


def test_split_is_stratified_and_seeded():
    data, again, other = datasets.load(), datasets.load("digits"), datasets.load(seed=1)
    assert data.train_x.shape == (1437, 8, 8, 1) and data.test_x.shape == (360, 8, 8, 1)
    assert data.train_x.dtype == np.float32 and data.train_x.max() == 1 and data.classes == 10
    assert set(np.bincount(data.test_y)) <= {34, 35, 36, 37}
    np.testing.assert_array_equal(data.train_x, again.train_x)
    assert (data.test_y != other.test_y).any()


def test_standardized():
    data = datasets.load("digits").standardized()
    assert abs(data.train_x.mean()) < 1e-5 and abs(data.train_x.std() - 1) < 1e-5
    fixed = datasets.load("digits").standardized([0.5], [0.25])
    np.testing.assert_allclose(fixed.test_x.max(), 2)


@pytest.mark.parametrize(("name", "path"), [("mnist", None), ("digits", "folder")])
def test_unknown_names(name, path):
    with pytest.raises(ValueError, match="Received: name="):
        datasets.load(name, path)
