"""Which Keras layer a tensor of a `.tflite` file comes from.

TFLiteConverter names tensors by TensorFlow's name scopes ("net_1/stem_1/convolution", several of
them joined by ";" where ops were fused). A scope is the layer's name plus a number that depends on
every scope opened before: "dense_1" may be the layer `dense` or the layer `dense_1`. So the scopes
are written down while the layers are called instead of being guessed from the names.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping

import keras
import tensorflow as tf


@contextlib.contextmanager
def recorded_scopes(layers: Mapping[str, keras.layers.Layer]) -> Iterator[dict[str, str]]:
    """Writes down the name scope of every call of some layers, while a model is traced.

    Args:
        layers: name → layer, in any depth of the object tree; the name is what the report shows.
            Give those with a kernel only: an op's name also holds the batch norm and the ReLU that
            were folded into it.

    Yields:
        Scope → name, filled in the order in which the layers are called. Of two layers with one
        scope (a wrapper that calls another's `call`), the inner one stays.

    Example:
        with recorded_scopes({layer.name: layer for layer in layers}) as scopes:
            content = converter.convert()
    """
    scopes: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        for name, layer in layers.items():
            stack.enter_context(_recording(layer, name, scopes))
        yield scopes


@contextlib.contextmanager
def _recording(layer: keras.layers.Layer, name: str, scopes: dict[str, str]) -> Iterator[None]:
    call, own = layer.call, vars(layer).get("call")

    @functools.wraps(call)
    def recording_call(*args, **kwargs):
        scope = tf.get_current_name_scope()
        if scope:
            scopes[scope] = name
        return call(*args, **kwargs)

    layer.call = recording_call
    try:
        yield
    finally:
        if own is None:
            del layer.call  # the class's own method again
        else:
            layer.call = own


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
