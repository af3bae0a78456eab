"""The digits that come with scikit-learn: real data without a download."""

import numpy as np

from keras_groupnet.datasets.dataset import Dataset


def digits(test_size: float = 0.2, seed: int = 0) -> Dataset:
    """Loads 1,797 handwritten digits of 8x8 pixels and splits them.

    Args:
        test_size: share of the test images.
        seed: of the split, which keeps the shares of the classes.

    References:
        Alpaydin and Kaynak, Optical recognition of handwritten digits, UCI repository, 1998.
    """
    # Imported here: scikit-learn takes a second.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images = (data.images / 16).astype(np.float32)[..., None]
    train_x, test_x, train_y, test_y = train_test_split(
        images,
        data.target.astype(np.int64),
        test_size=test_size,
        random_state=seed,
        stratify=data.target,
    )
    return Dataset("digits", train_x, train_y, test_x, test_y, tuple("0123456789"))
