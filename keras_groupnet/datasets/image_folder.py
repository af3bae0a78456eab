"""Image files in one folder per class, as ImageNet has them."""

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_groupnet.datasets.batches import SeededBatches
from keras_groupnet.datasets.dataset import not_found

IMAGENET_MEAN = (0.485, 0.456, 0.406)
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
_TEST_FOLDERS = ("val", "validation", "test")


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """Batches that read image files when they are asked for.

    Attributes:
        train: for `fit`: random crops.
        test: for `evaluate`: centre crops, in order.
        class_names: the folders' names, sorted.
    """

    train: "ImageFileBatches"
    test: "ImageFileBatches"
    class_names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)


def image_folder(
    path: str | os.PathLike[str],
    image_size: int = 224,
    short_side: int = 256,
    batch_size: int = 128,
    mean: Any = IMAGENET_MEAN,
    seed: int = 0,
    steps_per_epoch: int | None = None,
    threads: int | None = None,
) -> ImageFolder:
    """Opens `path/train/<class>/*.jpg` and `path/val/<class>/*.jpg`.

    As in the papers: the short side is resized, training takes a random crop and its mirror image
    every other time, testing the centre crop; the mean is subtracted. Needs Pillow.

    Args:
        path: the folder. The test folder may be called `val`, `validation` or `test`.
        image_size: of the crop; 227 for AlexNet.
        short_side: of the resized image.
        batch_size: images in a batch.
        mean: subtracted from values in [0, 1]; one per channel, or a whole mean image
            `(image_size, image_size, 3)`.
        seed: of order and crops.
        steps_per_epoch: see `SeededBatches`.
        threads: that decode; None for one per core.

    Raises:
        FileNotFoundError: if there are no such folders or no images.
        ValueError: if the test folder has a class that the training folder lacks, or
            `image_size` exceeds `short_side`.
    """
    root = Path(path)
    if not 0 < image_size <= short_side:
        raise ValueError(
            "`image_size` must be positive and at most `short_side`. "
            f"Received: image_size={image_size!r}, short_side={short_side!r}"
        )
    test_roots = [root / name for name in _TEST_FOLDERS if (root / name).is_dir()]
    if not (root / "train").is_dir() or not test_roots:
        wanted = ["train", " or ".join(_TEST_FOLDERS)]
        raise not_found("folder of images", [root / name for name in wanted])
    class_names = _folders(root / "train")
    unknown = sorted(set(_folders(test_roots[0])) - set(class_names))
    if unknown:
        raise ValueError(
            f"Every class of {test_roots[0]} must be one of {root / 'train'}. "
            f"Received: others {unknown[:5]}"
        )
    options: dict[str, Any] = {
        "image_size": image_size,
        "short_side": short_side,
        "batch_size": batch_size,
    }
    options |= {"mean": mean, "threads": threads}
    files, labels = _files(root / "train", class_names)
    train = ImageFileBatches(
        files, labels, training=True, seed=seed, steps_per_epoch=steps_per_epoch, **options
    )
    files, labels = _files(test_roots[0], class_names)
    test = ImageFileBatches(files, labels, training=False, **options)
    return ImageFolder(train, test, class_names)


class ImageFileBatches(SeededBatches):
    """Batches of image files, decoded by threads.

    Args:
        files: paths.
        labels: one per file.
        training: whether order, crops and mirroring are random.
        image_size: height and width of the crops.
        short_side: to which images are resized before they are cropped.
        batch_size: images in a batch.
        mean: subtracted from values in [0, 1].
        threads: that decode; None for one per core.
        seed: of order and crops.
        steps_per_epoch: see `SeededBatches`.
    """

    def __init__(
        self,
        files: Sequence[Path],
        labels: np.ndarray,
        training: bool,
        *,
        image_size: int,
        short_side: int,
        batch_size: int,
        mean: Any,
        threads: int | None = None,
        seed: int = 0,
        steps_per_epoch: int | None = None,
    ):
        super().__init__(len(files), batch_size, training, seed, steps_per_epoch)
        self.files = files
        self.labels = labels
        self.training = training
        self.image_size = image_size
        self.short_side = short_side
        self.mean = np.asarray(mean, np.float32)
        self._pool = ThreadPoolExecutor(threads or os.cpu_count())

    def batch(self, indices: np.ndarray, generator: np.random.Generator) -> tuple[Any, Any]:
        """Returns the crops `(n, image_size, image_size, 3)` and their labels."""
        # Drawn here, in order: threads would take turns at the generator by chance.
        draws = generator.random((len(indices), 3))
        images = self._pool.map(self._image, [self.files[i] for i in indices], draws)
        return np.stack(list(images)), self.labels[indices]

    def _image(self, file: Path, draws: np.ndarray) -> np.ndarray:
        try:
            image = keras.utils.load_img(file)
        except OSError as error:
            raise ValueError(f"{file} should be an image. Received: {error}") from error
        scale = self.short_side / min(image.size)
        width, height = (max(self.short_side, round(side * scale)) for side in image.size)
        pixels = np.asarray(image.resize((width, height)), np.float32) / np.float32(255)
        size = self.image_size
        room = np.array([height - size, width - size])
        top, left = (draws[:2] * (room + 1)).astype(int) if self.training else room // 2
        crop = pixels[top : top + size, left : left + size]
        if self.training and draws[2] < 0.5:
            crop = crop[:, ::-1]
        return crop - self.mean


def _folders(root: Path) -> tuple[str, ...]:
    names = tuple(sorted(entry.name for entry in root.iterdir() if entry.is_dir()))
    if not names:
        raise not_found("folders of classes", [root / "<class>"])
    return names


def _files(root: Path, class_names: Sequence[str]) -> tuple[list[Path], np.ndarray]:
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        folder = root / name
        if folder.is_dir():
            found = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
            files += found
            labels += [label] * len(found)
    if not files:
        raise not_found("image files", [root / "<class>" / f"*{suffix}" for suffix in SUFFIXES])
    return files, np.array(labels, np.int64)
