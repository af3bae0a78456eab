"""What a candidate costs."""

from collections.abc import Callable

import keras

from keras_groupnet.deployment.summary import summarize

# Name -> the cost of a model, and its unit.
COSTS: dict[str, tuple[Callable[[keras.Model], float], str]] = {
    "bytes": (lambda model: float(summarize(model).file_bytes), "bytes of the file"),
    "operations": (
        lambda model: float(sum(layer.cost for layer in summarize(model).layers)),
        "float operations (Eq. 4)",
    ),
    "milliseconds": (lambda model: float(summarize(model).milliseconds), "ms (estimated)"),
}


def cost_function(cost: str | Callable[[keras.Model], float]) -> Callable[[keras.Model], float]:
    """The function of a name: `"bytes"`, `"operations"` (Eq. 4) or `"milliseconds"`.

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
    return COSTS[cost][0]


def cost_label(cost: str | Callable[[keras.Model], float]) -> str:
    """The unit of a cost, for tables and plots."""
    return getattr(cost, "__name__", "cost") if callable(cost) else COSTS[cost][1]
