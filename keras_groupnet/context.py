"""What holds inside of a `with` statement: quantized weights, and metrics of new layers."""

import contextlib
import contextvars
from collections.abc import Iterable, Iterator

__all__ = ["get_training_metrics", "metrics_scope", "quantized_scope", "should_quantize"]

METRICS = ("flip_ratio",)

_quantize: contextvars.ContextVar[bool] = contextvars.ContextVar("quantize", default=False)
_metrics: contextvars.ContextVar[frozenset[str]] = contextvars.ContextVar(
    "metrics", default=frozenset()
)


@contextlib.contextmanager
def quantized_scope(quantize: bool = True) -> Iterator[bool]:
    """Lets `get_weights` and saving give the quantized kernels instead of the latent ones.

        model.save("latent.keras")
        with kgn.quantized_scope(True):
            model.save("quantized.keras")  # or model.save_weights("quantized.weights.h5")
            weights = model.get_weights()

    Nothing is changed in the model. Outside, and for `layer.kernel` also inside, the values are the
    latent ones; `layer.quantize_kernel(layer.kernel)` quantizes them anywhere. A model that is
    loaded from such a file quantizes again what is quantized, which gives the same for signs and
    for kernels of ±(mean magnitude), but not for every quantizer. `.h5` files are not affected.

    Args:
        quantize: whether to; False for latent kernels inside of a scope that quantizes.

    Yields:
        `quantize`.
    """
    token = _quantize.set(bool(quantize))
    try:
        yield quantize
    finally:
        _quantize.reset(token)


def should_quantize() -> bool:
    """Whether a `quantized_scope(True)` is open."""
    return _quantize.get()


@contextlib.contextmanager
def metrics_scope(metrics: Iterable[str] = ()) -> Iterator[frozenset[str]]:
    """Adds metrics to the quantized layers that are made inside, as their argument `metrics` does.

    Args:
        metrics: `["flip_ratio"]`.

    Raises:
        ValueError: for other metrics.

    Yields:
        All metrics in force.
    """
    token = _metrics.set(_metrics.get() | checked_metrics(metrics))
    try:
        yield _metrics.get()
    finally:
        _metrics.reset(token)


def get_training_metrics() -> frozenset[str]:
    """The metrics that quantized layers get that are made here."""
    return _metrics.get()


def checked_metrics(metrics: Iterable[str]) -> frozenset[str]:
    """The metrics as a set; raises ValueError for unknown ones."""
    names = frozenset([metrics] if isinstance(metrics, str) else metrics)
    if not names <= set(METRICS):
        raise ValueError(f"`metrics` must be of {METRICS}. Received: metrics={metrics!r}")
    return names
