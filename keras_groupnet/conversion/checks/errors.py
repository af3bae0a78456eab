"""How rounding errors grow on their way through a model, found by making some.

Where large terms cancel out (scales of bases of both signs, a division by a small deviation) or a
steep function follows (the sigmoid of an attention branch), an error in the last place becomes a
large one, in Keras as well as in the file. No bound by magnitudes knows of that. So where values
differ, the model is run once more, with a random error at the output of each layer: what it changes
is what rounding may change.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from keras_groupnet.conversion.checks.tolerance import largest

# Errors of up to 8 units in the last place are made, a layer rounds by less than one of its largest
# term; this many times the difference covers sums of errors that do not happen to cancel out.
_UNITS = 8 * np.finfo(np.float32).eps
_TIMES = 4.0

# Is told what is compared, and says by how much each channel may differ.
Allowed = Callable[[Hashable, np.ndarray], Any]


def none_allowed(where: Hashable, x: np.ndarray) -> float:
    """Nothing beyond what magnitudes allow."""
    return 0.0


class Errors:
    """The values that are compared, in a run with errors."""

    def __init__(self) -> None:
        self._values: dict[Hashable, np.ndarray] = {}

    def recorded(self) -> Allowed:
        """Remembers the values of a run with errors; there all may differ."""
        counts: collections.Counter[Hashable] = collections.Counter()

        def record(where: Hashable, x: np.ndarray) -> float:
            self._values[where, counts[where]] = x
            counts[where] += 1
            return np.inf

        return record

    def allowed(self) -> Allowed:
        """Allows as much as the errors made, in a run that compares the same values."""
        counts: collections.Counter[Hashable] = collections.Counter()

        def allow(where: Hashable, x: np.ndarray) -> Any:
            other = self._values.get((where, counts[where]))
            counts[where] += 1
            if other is None or other.shape != x.shape or not x.ndim:
                return 0.0
            difference = largest(x - other)
            # A channel of few values may have been spared.
            return _TIMES * np.maximum(difference, difference.mean())

        return allow


class WithErrors:
    """An observer of a replay whose results get errors.

    Args:
        observer: what is asked.
    """

    def __init__(self, observer: Any):
        self._observer = observer
        self._generator = np.random.default_rng(0)

    def quantizer(self, *call: Any) -> np.ndarray:
        """As it is: quantized values are exact."""
        return self._observer.quantizer(*call)

    def scale_map(self, *call: Any) -> np.ndarray:
        """With errors."""
        return self._disturbed(self._observer.scale_map(*call))

    def kernel_layer(self, *call: Any) -> np.ndarray:
        """With errors."""
        return self._disturbed(self._observer.kernel_layer(*call))

    def float_layer(self, *call: Any) -> np.ndarray:
        """With errors."""
        return self._disturbed(self._observer.float_layer(*call))

    def _disturbed(self, y: np.ndarray) -> np.ndarray:
        errors = self._generator.uniform(-_UNITS, _UNITS, y.shape)
        return (y * (1 + errors)).astype(np.float32)
