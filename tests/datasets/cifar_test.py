import importlib.util
import pickle
import tarfile

import numpy as np
import pytest

from keras_groupnet import datasets
from keras_groupnet.datasets import safe_pickle
from tests.data import shared_data


def write_cifar10(folder, seed=0, protocol=2):
    """Five batches of 4 images and a test batch of 3, as the published files are built."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    pixels = {}
    for name in names:
        count = 3 if name == "test_batch" else 4
        data = generator.integers(0, 256, (count, 3072), dtype=np.uint8)
        batch = {
            b"batch_label": name.encode(),
            b"labels": [int(label) for label in generator.integers(0, 10, count)],
            b"data": data,
            b"filenames": [b"image.png"] * count,
        }
        (folder / name).write_bytes(pickle.dumps(batch, protocol=protocol))
        pixels[name] = batch
    meta = {b"label_names": [f"class{number}".encode() for number in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=protocol))
    return pixels


@pytest.mark.parametrize("protocol", [2, 5])
def test_cifar10_folder(tmp_path, protocol):
    batches = write_cifar10(tmp_path / "cifar-10-batches-py", protocol=protocol)
    data = datasets.load("cifar10", tmp_path)
    assert data.train_x.shape == (20, 32, 32, 3) and data.train_x.dtype == np.float32
    assert data.test_x.shape == (3, 32, 32, 3)
    assert data.classes == 10 and data.class_names[3] == "class3"
    assert data.train_y.tolist() == sum(
        (batches[f"data_batch_{i}"][b"labels"] for i in range(1, 6)), []
    )
    # Rows hold the red plane, the green, the blue, each row by row.
    source = batches["data_batch_2"][b"data"][1]
    assert data.train_x[5, 7, 9, 2] == np.float32(source[2 * 1024 + 7 * 32 + 9]) / np.float32(255)


@pytest.mark.parametrize(
    "place",
    ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"],
    ids=["keras2", "keras3"],
)
def test_keras_cache(tmp_path, monkeypatch, place):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    write_cifar10(tmp_path / "datasets" / place)
    assert len(datasets.load("cifar10").train_x) == 20


@pytest.mark.parametrize("archive", ["cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz"])
def test_archive_equals_folder(tmp_path, monkeypatch, archive):
    write_cifar10(tmp_path / "cifar-10-batches-py")
    home = tmp_path / "home"
    (home / "datasets").mkdir(parents=True)
    with tarfile.open(home / "datasets" / archive, "w:gz") as tar:
        tar.add(tmp_path / "cifar-10-batches-py", "cifar-10-batches-py")
    monkeypatch.setenv("KERAS_HOME", str(home))
    expected = datasets.cifar10(tmp_path)
    for path in (None, home / "datasets" / archive):
        data = datasets.cifar10(path)
        np.testing.assert_array_equal(data.train_x, expected.train_x)
        np.testing.assert_array_equal(data.test_y, expected.test_y)
        assert data.class_names == expected.class_names


def test_cifar100_labels(tmp_path):
    generator = np.random.default_rng(1)
    (tmp_path / "cifar-100-python").mkdir()
    for name in ("train", "test"):
        batch = {
            b"data": generator.integers(0, 256, (5, 3072), dtype=np.uint8),
            b"fine_labels": [0, 99, 5, 7, 1],
            b"coarse_labels": [0, 19, 5, 7, 1],
        }
        (tmp_path / "cifar-100-python" / name).write_bytes(pickle.dumps(batch))
    fine = datasets.load("cifar100", tmp_path)
    coarse = datasets.load("cifar100", tmp_path, labels="coarse")
    assert fine.classes == 100 and fine.train_y.tolist() == [0, 99, 5, 7, 1]
    assert coarse.classes == 20 and coarse.test_y.tolist() == [0, 19, 5, 7, 1]
    with pytest.raises(ValueError, match="'fine' or 'coarse'"):
        datasets.cifar100(tmp_path, labels="both")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="cifar-10-batches-py/data_batch_1"):
        datasets.cifar10(tmp_path)
    write_cifar10(tmp_path / "cifar-10-batches-py")
    (tmp_path / "cifar-10-batches-py" / "data_batch_4").unlink()
    with pytest.raises(FileNotFoundError, match=r"Missing: \['data_batch_4'\]"):
        datasets.cifar10(tmp_path)


class Evil:
    def __reduce__(self):
        return (open, ("evil", "w"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({b"data": Evil()}), "asks for io.open"),
        (pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}), r"\(N, 3072\)"),
        (pickle.dumps({b"data": b"no array", b"labels": []}), r"\(N, 3072\)"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8)}), "should hold 'labels'"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]}), "1 labels, 2"),
        (pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 10]}), "0 ... 9"),
        (pickle.dumps([1, 2]), "should hold a dict"),
        (b"no pickle", "cannot be read"),
        (b"", "0 bytes"),
    ],
)
def test_damaged_files_are_named(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    write_cifar10(tmp_path / "cifar-10-batches-py")
    (tmp_path / "cifar-10-batches-py" / "data_batch_3").write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s)data_batch_3.*{message}|{message}.*data_batch_3"):
        datasets.cifar10(tmp_path)
    assert not (tmp_path / "evil").exists()


def test_damaged_archive(tmp_path):
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(b"\x1f\x8b no archive")
    with pytest.raises(ValueError, match="cifar-10-python.tar.gz should be the published"):
        datasets.cifar10(tmp_path)
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(ValueError, match="Missing: .*test_batch"):
        datasets.cifar10(archive)


def test_truncated_pickles_never_pass():
    content = pickle.dumps({b"data": np.arange(30, dtype=np.uint8), b"labels": list(range(40))})
    for length in range(len(content)):
        with pytest.raises(ValueError, match="somewhere should be a pickle"):
            safe_pickle.load(content[:length], "somewhere")


def test_published_cifar100(tmp_path):
    folder = shared_data()
    spec = importlib.util.spec_from_file_location("load_data", folder / "load_data.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    reference.write_cifar100_python(str(tmp_path))
    data = datasets.load("cifar100", tmp_path)
    assert data.train_x.shape == (50000, 32, 32, 3)
    assert np.bincount(data.train_y).tolist() == [500] * 100
    assert data.class_names[:3] == ("apple", "aquarium_fish", "baby")
    images, labels, _ = reference.cifar100("test")
    np.testing.assert_array_equal(data.test_y, labels)
    np.testing.assert_array_equal(
        np.round(data.test_x * 255).astype(np.uint8), images.transpose(0, 2, 3, 1)
    )
