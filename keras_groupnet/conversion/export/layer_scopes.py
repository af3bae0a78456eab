"""Which Keras layer a tensor of a `.tflite` file comes from.

TFLiteConverter names tensors by TensorFlow's name scopes ("net_1/stem_1/convolution", several of
them joined by ";" where ops were fused). A scope is the layer's name plus a number that depends on
every scope opened before: "dense_1" may be the layer `dense` or the layer `dense_1`. So the scopes
are written down while the layers are called instead of being guessed from the names.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from keras_groupnet.deployment.swap import calls_replaced


@contextlib.contextmanager
def recorded_scopes(layers: Mapping[keras.layers.Layer, str]) -> Iterator[dict[str, str]]:
    """Writes down the name scope of every call of some layers, while a model is traced.

    Args:
        layers: in any depth of the object tree -> the name that the report shows. Give those with a
            kernel only: an op's name also holds the batch norm and the ReLU that were folded into
            it.

    Yields:
        Scope → name, filled in the order in which the layers are called. Of two layers with one
        scope (a wrapper that calls another's `call`), the inner one stays.
    """
    scopes: dict[str, str] = {}
    calls = {layer: _recording(layer, name, scopes) for layer, name in layers.items()}
    with calls_replaced(calls):
        yield scopes


def _recording(layer: keras.layers.Layer, name: str, scopes: dict[str, str]) -> Callable[..., Any]:
    call = layer.call

    @functools.wraps(call)
    def recording_call(*args: Any, **kwargs: Any) -> Any:
        scope = tf.get_current_name_scope()
        if scope:
            scopes[scope] = name
        return call(*args, **kwargs)

    return recording_call


def layer_of(tensor_name: str, scopes: Mapping[str, str]) -> str | None:
    """The layer whose scope a tensor's name lies in; None if it lies in none.

    Names get lost where a weight is shared (TFLiteConverter merges equal constants), where a tensor
    is an output of the model, and inside grouped convolutions, which Keras compiles by XLA.

    Args:
        tensor_name: as in the file.
        scopes: of `recorded_scopes`.
    """
    for name in tensor_name.split(";"):
        parts = name.split("/")
        for length in range(len(parts), 0, -1):
            layer = scopes.get("/".join(parts[:length]))
            if layer is not None:
                return layer
    return None
