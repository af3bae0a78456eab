"""Binary neural networks for Keras 3: train with `fit`, convert once, run in stock LiteRT.

Everything is imported when it is first used: running files needs no Keras, training no TensorFlow,
and the command line answers without any of them.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from keras_groupnet.registration import register_with_keras
from keras_groupnet.version import __version__

if TYPE_CHECKING:
    from keras_groupnet import (
        activations,
        callbacks,
        constraints,
        context,
        datasets,
        deployment,
        distillation,
        initializers,
        interop,
        layers,
        lite,
        math,
        methods,
        metrics,
        models,
        optimizers,
        quantizers,
        training,
        tuning,
    )
    from keras_groupnet.context import quantized_scope
    from keras_groupnet.conversion.converter import convert
    from keras_groupnet.conversion.weights.true_weights import to_binary
    from keras_groupnet.deployment.summary import summary
    from keras_groupnet.drawing.drawing import plot
    from keras_groupnet.expansion.expand import expand, plan_expansion
    from keras_groupnet.interop.c_source.to_c import to_c
    from keras_groupnet.interop.qonnx.to_qonnx import to_qonnx
    from keras_groupnet.reports.report import report
    from keras_groupnet.structure.blocks import Block, BlockLayer
    from keras_groupnet.structure.groups import build_groups, partition_blocks
    from keras_groupnet.structure.transfer import TransferReport, transfer_weights
    from keras_groupnet.tuning.searching import search

# Where each name is; that of a module is the module itself.
_MODULES = {
    "Block": "keras_groupnet.structure.blocks",
    "BlockLayer": "keras_groupnet.structure.blocks",
    "TransferReport": "keras_groupnet.structure.transfer",
    "activations": "keras_groupnet.activations",
    "build_groups": "keras_groupnet.structure.groups",
    "callbacks": "keras_groupnet.callbacks",
    "constraints": "keras_groupnet.constraints",
    "context": "keras_groupnet.context",
    "convert": "keras_groupnet.lite",
    "datasets": "keras_groupnet.datasets",
    "deployment": "keras_groupnet.deployment",
    "distillation": "keras_groupnet.distillation",
    "expand": "keras_groupnet.expansion.expand",
    "initializers": "keras_groupnet.initializers",
    "interop": "keras_groupnet.interop",
    "layers": "keras_groupnet.layers",
    "lite": "keras_groupnet.lite",
    "math": "keras_groupnet.math",
    "methods": "keras_groupnet.methods",
    "metrics": "keras_groupnet.metrics",
    "models": "keras_groupnet.models",
    "optimizers": "keras_groupnet.optimizers",
    "partition_blocks": "keras_groupnet.structure.groups",
    "plan_expansion": "keras_groupnet.expansion.expand",
    "plot": "keras_groupnet.drawing.drawing",
    "quantized_scope": "keras_groupnet.context",
    "quantizers": "keras_groupnet.quantizers",
    "report": "keras_groupnet.reports.report",
    "search": "keras_groupnet.tuning.searching",
    "summary": "keras_groupnet.deployment.summary",
    "to_binary": "keras_groupnet.lite",
    "to_c": "keras_groupnet.interop.c_source.to_c",
    "to_qonnx": "keras_groupnet.interop.qonnx.to_qonnx",
    "training": "keras_groupnet.training",
    "transfer_weights": "keras_groupnet.structure.transfer",
    "tuning": "keras_groupnet.tuning",
}

__all__ = [
    "Block",
    "BlockLayer",
    "TransferReport",
    "__version__",
    "activations",
    "build_groups",
    "callbacks",
    "constraints",
    "context",
    "convert",
    "datasets",
    "deployment",
    "distillation",
    "expand",
    "initializers",
    "interop",
    "layers",
    "lite",
    "math",
    "methods",
    "metrics",
    "models",
    "optimizers",
    "partition_blocks",
    "plan_expansion",
    "plot",
    "quantized_scope",
    "quantizers",
    "report",
    "search",
    "summary",
    "to_binary",
    "to_c",
    "to_qonnx",
    "training",
    "transfer_weights",
    "tuning",
]


def __getattr__(name: str) -> Any:
    if name == "GroupSpec":
        warnings.warn(
            "keras_groupnet.GroupSpec is deprecated: use keras_groupnet.methods.GroupNet, and the "
            "argument `seed` of build_groups",
            DeprecationWarning,
            stacklevel=2,
        )
        return import_module("keras_groupnet.methods.group_net").GroupSpec
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_MODULES[name])
    value = module if _MODULES[name] == f"{__name__}.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


register_with_keras()
