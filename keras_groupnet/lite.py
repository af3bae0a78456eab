"""The public facade over conversion, running and benchmarks.

Running needs numpy and one of the runtimes; converting needs TensorFlow as Keras' backend, so what
converts is imported when it is first used.
"""

import warnings
from importlib import import_module
from typing import Any

from keras_groupnet.runtime.delegate import delegate_path
from keras_groupnet.runtime.interpreter import Interpreter

_LAZY = {
    "ConversionError": "keras_groupnet.conversion.report",
    "ConversionReport": "keras_groupnet.conversion.report",
    "Converted": "keras_groupnet.conversion.converter",
    "KernelCompression": "keras_groupnet.conversion.report",
    "ConvertedLayer": "keras_groupnet.conversion.report",
    "OutputComparison": "keras_groupnet.conversion.report",
    "Problem": "keras_groupnet.conversion.checks.problems",
    "VerifyReport": "keras_groupnet.conversion.checks.problems",
    "convert": "keras_groupnet.conversion.converter",
    "to_binary": "keras_groupnet.conversion.weights.true_weights",
    "verify": "keras_groupnet.conversion.checks.verify",
}

__all__ = ["Interpreter", "delegate_path", *_LAZY]


def __getattr__(name: str) -> Any:
    if name == "LayerFate":
        warnings.warn("Use ConvertedLayer instead of LayerFate.", DeprecationWarning, stacklevel=2)
        name = "ConvertedLayer"
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value
