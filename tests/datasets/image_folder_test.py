import csv
import io
import zipfile

import numpy as np
import pytest

from keras_groupnet import datasets
from tests.data import shared_data

Image = pytest.importorskip("PIL.Image", reason="reading image files needs Pillow")
OPTIONS = {"image_size": 8, "short_side": 10, "batch_size": 4, "mean": 0.0}


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for part, count in (("train", 3), ("val", 2)):
        for name in ("cat", "dog"):
            place = tmp_path / part / name
            place.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 256, (10, 14, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    return tmp_path


def pixels(file):
    return np.asarray(Image.open(file), np.float32) / np.float32(255)


def test_classes_and_centre_crops(folder):
    data = datasets.image_folder(folder, **OPTIONS)
    assert data.class_names == ("cat", "dog") and data.classes == 2
    assert data.train.samples == 6 and len(data.train) == 2
    ((images, labels),) = list(data.test)
    assert labels.tolist() == [0, 0, 1, 1] and images.dtype == np.float32
    np.testing.assert_array_equal(images[2], pixels(folder / "val/dog/0.png")[1:9, 3:11])


def test_training_crops_are_random_and_seeded(folder):
    data, again = (datasets.image_folder(folder, seed=3, **OPTIONS) for _ in range(2))
    first = [images for images, _ in data.train]
    for images, expected in zip((images for images, _ in again.train), first, strict=True):
        np.testing.assert_array_equal(images, expected)
    source = pixels(data.train.files[0])
    variants = {}
    for top in range(3):
        for left in range(7):
            crop = source[top : top + 8, left : left + 8]
            variants[crop.tobytes()] = (top, left, 1)
            variants[crop[:, ::-1].tobytes()] = (top, left, -1)
    seen = set()
    for seed in range(60):
        images, _ = data.train.batch(np.array([0]), np.random.default_rng(seed))
        seen.add(variants[images[0].tobytes()])
    assert {top for top, _, _ in seen} == {0, 1, 2} and {flip for *_, flip in seen} == {1, -1}
    assert {left for _, left, _ in seen} == set(range(7))


def test_mean_image(folder):
    mean = np.random.default_rng(0).random((8, 8, 3))
    ((raw, _),) = datasets.image_folder(folder, **OPTIONS).test
    ((shifted, _),) = datasets.image_folder(folder, **OPTIONS | {"mean": mean}).test
    np.testing.assert_allclose(shifted, raw - mean, atol=1e-6)


def test_short_side_is_resized(folder):
    ((images, _),) = datasets.image_folder(folder, **OPTIONS | {"short_side": 20}).test
    assert images.shape == (4, 8, 8, 3)


def test_errors(folder):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        datasets.image_folder(folder / "nowhere")
    with pytest.raises(ValueError, match="at most `short_side`"):
        datasets.image_folder(folder, image_size=300)
    (folder / "val" / "cow").mkdir()
    with pytest.raises(ValueError, match=r"others \['cow'\]"):
        datasets.image_folder(folder)
    (folder / "val" / "cow").rmdir()
    (folder / "val" / "dog" / "0.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="0.png should be an image"):
        list(datasets.image_folder(folder, **OPTIONS).test)


def test_imagenet_photos(tmp_path):
    with zipfile.ZipFile(shared_data() / "imagenet-sample" / "imagenet_sample_200.zip") as zipped:
        rows = list(csv.DictReader(io.StringIO(zipped.read("labels.csv").decode())))[:12]
        for number, row in enumerate(rows):
            folder = tmp_path / ("train" if number < 8 else "val") / rows[number % 8]["wnid"]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "photo.JPEG").write_bytes(zipped.read(row["file"]))
    data = datasets.image_folder(tmp_path, batch_size=8)
    assert data.classes == 8
    ((images, labels),) = data.train
    assert images.shape == (8, 224, 224, 3) and sorted(labels) == list(range(8))
    assert -0.5 < images.mean() < 0.5 and images.std() > 0.1
