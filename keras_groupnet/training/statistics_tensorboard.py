"""Training statistics for TensorBoard."""

import os
from typing import Any

import numpy as np

_SCALARS = ("flip_ratio", "near_zero", "mean_latent", "dead_channels")


class StatisticsTensorBoard:
    """Writes scalars and histograms of each layer, on any backend.

    Scalars are called `LAYER/flip_ratio` and so on, the histogram of latent weights `LAYER/latent`.

    Args:
        folder: of event files, such as the `log_dir` of Keras' `TensorBoard` callback.

    Raises:
        ModuleNotFoundError: TensorFlow or TensorBoard, which write event files, are not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        try:
            import tensorboard  # noqa: F401  (tf.summary needs it)
            import tensorflow
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "TensorBoard's files are written by TensorFlow and TensorBoard, on any backend. "
                "Install them with `pip install 'keras_groupnet[tensorboard]'`, or leave out "
                "`tensorboard`; the CSV file needs neither."
            ) from error
        self._summary: Any = tensorflow.summary
        self._writer = self._summary.create_file_writer(os.fspath(folder))

    def add(self, step: int, row: dict[str, Any], latent: np.ndarray) -> None:
        """Writes what is known of a layer.

        Args:
            step: of TensorBoard's axis.
            row: of the CSV file.
            latent: weights.
        """
        with self._writer.as_default():
            for name in _SCALARS:
                self._summary.scalar(f"{row['layer']}/{name}", row[name], step)
            self._summary.histogram(f"{row['layer']}/latent", latent, step)

    def flush(self) -> None:
        """Brings it to the disk."""
        self._writer.flush()
