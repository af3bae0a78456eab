"""Conversion to TFLite and running in the stock interpreters.

Running needs numpy and one of the runtimes; converting needs TensorFlow as Keras' backend, so the
converter is imported when it is first used.
"""

from __future__ import annotations

from .delegate import delegate_path
from .interpreter import Interpreter

__all__ = ["ConversionError", "ConversionReport", "Converted", "Interpreter", "convert"]
__all__ += ["delegate_path", "to_binary"]

_CONVERTER = {"convert": "converter", "Converted": "converter", "ConversionError": "report"}
_CONVERTER |= {"ConversionReport": "report", "LayerFate": "report", "KernelCompression": "report"}
_CONVERTER |= {"to_binary": "true_weights"}


def __getattr__(name: str):
    if name not in _CONVERTER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_CONVERTER[name]}", __name__), name)
    globals()[name] = value
    return value
