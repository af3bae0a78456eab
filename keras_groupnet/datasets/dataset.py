"""What every loader of arrays returns."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images and labels, split into training and test.

    Attributes:
        name: of the data set.
        train_x: float32 `(N, H, W, C)`, in [0, 1] unless standardized.
        train_y: int64 `(N,)`, 0 ... classes - 1.
        test_x: as `train_x`.
        test_y: as `train_y`.
        class_names: one per class.
    """

    name: str
    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    class_names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    def standardized(
        self,
        mean: Sequence[float] | np.ndarray | None = None,
        deviation: Sequence[float] | np.ndarray | None = None,
    ) -> "Dataset":
        """Returns `(x - mean) / deviation` per channel.

        Args:
            mean: one per channel; None for that of the training images.
            deviation: likewise the standard deviation.
        """
        axes = (0, 1, 2)
        if mean is None:
            mean = self.train_x.mean(axes, dtype=np.float64)
        if deviation is None:
            deviation = self.train_x.std(axes, dtype=np.float64)
        shift, scale = np.asarray(mean, np.float32), np.asarray(deviation, np.float32)
        return dataclasses.replace(
            self,
            train_x=(self.train_x - shift) / scale,
            test_x=(self.test_x - shift) / scale,
        )


def from_bytes(images: np.ndarray) -> np.ndarray:
    """Maps uint8 0 ... 255 to float32 in [0, 1]."""
    return images.astype(np.float32) / np.float32(255)


def check_labels(labels: np.ndarray, images: np.ndarray, classes: int, source: object) -> None:
    """Raises ValueError unless there is one label in range for each image."""
    if len(labels) != len(images):
        raise ValueError(
            f"{source} should hold one label per image. "
            f"Received: {len(labels)} labels, {len(images)} images"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"Labels in {source} should lie in 0 ... {classes - 1}. "
            f"Received: {labels.min()} ... {labels.max()}"
        )


def not_found(what: str, looked_at: list) -> FileNotFoundError:
    """The error for a data set that is in none of the places."""
    places = "\n  ".join(map(str, looked_at))
    return FileNotFoundError(
        f"Found no {what}. Looked for:\n  {places}\n"
        "Pass `path=`, the folder that holds it (nothing is downloaded)"
    )
