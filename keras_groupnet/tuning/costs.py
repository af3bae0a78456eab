"""What a candidate costs."""

from collections.abc import Callable

import keras

from keras_groupnet.deployment.cost_model import CostModel
from keras_groupnet.deployment.summary import summarize


def _milliseconds() -> Callable[[keras.Model], float]:
    prices = CostModel.load()
    return lambda model: float(summarize(model, profile=prices).milliseconds)


def _bytes() -> Callable[[keras.Model], float]:
    return lambda model: float(summarize(model).file_bytes)


def _operations() -> Callable[[keras.Model], float]:
    return lambda model: float(sum(layer.cost for layer in summarize(model).layers))


# Name -> what makes the cost function, and its unit.
COSTS: dict[str, tuple[Callable[[], Callable[[keras.Model], float]], str]] = {
    "bytes": (_bytes, "bytes of the file"),
    "operations": (_operations, "float operations (Eq. 4)"),
    "milliseconds": (_milliseconds, "ms (estimated)"),
}


def cost_function(cost: str | Callable[[keras.Model], float]) -> Callable[[keras.Model], float]:
    """The function of a name: `"bytes"`, `"operations"` (Eq. 4) or `"milliseconds"`.

    The milliseconds are those of the profile that comes with the package and fits this machine, of
    which one is loaded for all models.

    Args:
        cost: a name, or a function of a model, which is returned.

    Raises:
        ValueError: for another name.
    """
    if callable(cost):
        return cost
    if cost not in COSTS:
        raise ValueError(
            f"`cost` must be one of {list(COSTS)} or a function of a model. Received: cost={cost!r}"
        )
    return COSTS[cost][0]()


def cost_label(cost: str | Callable[[keras.Model], float]) -> str:
    """The unit of a cost, for tables and plots."""
    return getattr(cost, "__name__", "cost") if callable(cost) else COSTS[cost][1]
