"""How often a model, or a file, is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def accuracy(predict: Callable[[Any], Any], data: Any) -> float:
    """The share of samples whose largest output is that of their label.

    Args:
        predict: gives one row of outputs for each sample.
        data: `(inputs, labels)`, or batches of them, such as a `keras.utils.PyDataset`; labels are
            whole numbers.

    Raises:
        ValueError: the outputs are no rows of classes, or do not fit the labels.
    """
    right = count = 0
    for inputs, labels in _batches(data):
        outputs = np.asarray(predict(inputs))
        labels = np.asarray(labels).reshape(-1)
        if (
            outputs.ndim != 2
            or len(outputs) != len(labels)
            or labels.max(initial=0) >= len(outputs[0])
        ):
            raise ValueError(
                "Accuracy is that of models with one output, a row of classes, on data with these "
                f"classes. Received: outputs of shape {outputs.shape}, {len(labels)} labels up to "
                f"{labels.max(initial=0)}"
            )
        right += int((outputs.argmax(-1) == labels).sum())
        count += len(labels)
    if not count:
        raise ValueError("Expected data with at least one sample. Received: none")
    return right / count


def _batches(data: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(data, tuple):
        yield data
    elif hasattr(data, "__getitem__"):
        for number in range(len(data)):
            inputs, labels = data[number]
            yield inputs, labels
    else:
        yield from data
