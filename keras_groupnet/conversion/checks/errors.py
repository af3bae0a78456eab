"""How rounding errors grow on their way through a model, found by making some.

Where large terms cancel out (scales of bases of both signs, a division by a small deviation) or a
steep function follows (the sigmoid of an attention branch), an error in the last place becomes a
large one, in Keras as well as in the file. No bound by magnitudes knows of that. So where values
differ, the model is run a few times more, with random errors at the output of each layer: what they
change is what rounding may change.
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
RUNS = 3

# Is told what is compared, and says by how much each channel may differ.
Allowed = Callable[[Hashable, np.ndarray], Any]


def none_allowed(where: Hashable, x: np.ndarray) -> float:
    """Nothing beyond what magnitudes allow."""
    return 0.0


class Errors:
    """The values that are compared, in runs with errors."""

    def __init__(self) -> None:
        self._values: dict[Hashable, list[np.ndarray]] = collections.defaultdict(list)

    def recorded(self) -> Allowed:
        """Remembers the values of a run with errors; there all may differ."""
        counts: collections.Counter[Hashable] = collections.Counter()

        def record(where: Hashable, x: np.ndarray) -> float:
            self._values[where, counts[where]].append(x)
            counts[where] += 1
            return np.inf

        return record

    def allowed(self) -> Allowed:
        """Allows as much as the errors made, in a run that compares the same values."""
        counts: collections.Counter[Hashable] = collections.Counter()

        def allow(where: Hashable, x: np.ndarray) -> Any:
            others = self._values.get((where, counts[where]), [])
            counts[where] += 1
            if not x.ndim or not others or any(other.shape != x.shape for other in others):
                return 0.0
            difference = np.max([largest(x - other) for other in others], axis=0)
            # A channel of few values may have been spared, or one behind a steep function.
            return _TIMES * np.maximum(difference, difference.max() / 2)

        return allow


class WithErrors:
    """An observer of a replay whose results get errors.

    Args:
        observer: what is asked.
        seed: of the errors.
    """

    def __init__(self, observer: Any, seed: int):
        self._observer = observer
        self._generator = np.random.default_rng(seed)

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
        # Those of single values vanish in the mean that an attention branch takes; those of the
        # constants that a channel is multiplied by do not.
        shapes = (y.shape, y.shape[-1:])
        errors = sum(self._generator.uniform(-_UNITS, _UNITS, shape) for shape in shapes)
        return (y * (1 + errors)).astype(np.float32)
