"""Binary neural networks for Keras 3: train with `fit`, convert once, run in stock LiteRT."""

import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from keras_groupnet.version import __version__

# A device that only runs converted files (`keras_groupnet.lite.Interpreter`) needs no Keras.
if find_spec("keras") is not None:
    from keras_groupnet import (
        constraints,
        datasets,
        initializers,
        layers,
        methods,
        models,
        quantizers,
        training,
    )
    from keras_groupnet.deployment.summary import summary
    from keras_groupnet.structure.blocks import Block, BlockLayer
    from keras_groupnet.structure.groups import build_groups, partition_blocks
    from keras_groupnet.structure.transfer import TransferReport, transfer_weights

__all__ = [
    "Block",
    "BlockLayer",
    "TransferReport",
    "__version__",
    "build_groups",
    "constraints",
    "convert",
    "datasets",
    "initializers",
    "layers",
    "lite",
    "methods",
    "models",
    "partition_blocks",
    "quantizers",
    "summary",
    "to_binary",
    "training",
    "transfer_weights",
]


def __getattr__(name: str) -> Any:
    """Imports `lite` and what is in it when first used: they need TensorFlow or LiteRT."""
    if name == "GroupSpec":
        warnings.warn(
            "keras_groupnet.GroupSpec is deprecated: use keras_groupnet.methods.GroupNet, and the "
            "argument `seed` of build_groups",
            DeprecationWarning,
            stacklevel=2,
        )
        return import_module("keras_groupnet.methods.group_net").GroupSpec
    if name not in ("convert", "lite", "to_binary"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    lite = import_module("keras_groupnet.lite")
    return lite if name == "lite" else getattr(lite, name)
