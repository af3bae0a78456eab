import gzip

import numpy as np
import pytest

from keras_groupnet import datasets
from tests.data import shared_data


def idx(array):
    header = bytes([0, 0, 8, array.ndim])
    return header + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def write(folder, suffix):
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 6), ("t10k", 2)):
        arrays[part] = generator.integers(0, 256, (count, 28, 28))
        files = {
            f"{part}-images-idx3-ubyte": arrays[part],
            f"{part}-labels-idx1-ubyte": np.arange(count),
        }
        for name, array in files.items():
            content = gzip.compress(idx(array)) if suffix else idx(array)
            (folder / f"{name}{suffix}").write_bytes(content)
    return arrays


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_values(tmp_path, suffix):
    arrays = write(tmp_path, suffix)
    data = datasets.load("fashion_mnist", tmp_path)
    assert data.train_x.shape == (6, 28, 28, 1) and data.train_x.dtype == np.float32
    np.testing.assert_array_equal(np.round(data.test_x[..., 0] * 255), arrays["t10k"])
    assert data.train_y.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.class_names[9] == "Ankle boot"


def test_keras_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    write(tmp_path / "datasets" / "fashion-mnist", ".gz")
    assert len(datasets.fashion_mnist().test_x) == 2


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte.gz"):
        datasets.fashion_mnist(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(np.zeros((6, 28))), "3 dimensions"),
        (b"\0\0", "2 bytes"),
        (idx(np.zeros((6, 28, 28)))[:-1], "should hold 4704 values"),
        (idx(np.zeros((5, 28, 28))), "6 labels, 5 images"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    write(tmp_path, "")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        datasets.fashion_mnist(tmp_path)


def test_cut_gzip(tmp_path):
    write(tmp_path, ".gz")
    file = tmp_path / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match="t10k-images-idx3-ubyte.gz should be a gzip file"):
        datasets.fashion_mnist(tmp_path)


def test_published_files():
    data = datasets.load("fashion_mnist", shared_data())
    assert data.train_x.shape == (60000, 28, 28, 1) and data.test_x.shape == (10000, 28, 28, 1)
    assert np.bincount(data.train_y).tolist() == [6000] * 10
    assert data.train_x.min() == 0 and data.train_x.max() == 1
