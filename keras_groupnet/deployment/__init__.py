"""What a layer becomes when it is deployed, told from the model alone, on any backend."""

from keras_groupnet.deployment import quant_layers  # noqa: F401  (it registers our layers)
from keras_groupnet.deployment.cost_model import CostModel
from keras_groupnet.deployment.describe import (
    BinaryKernel,
    Deployment,
    Input,
    Window,
    conv2d,
    dense,
    describe,
)
from keras_groupnet.deployment.operations import multiply_accumulates
from keras_groupnet.deployment.quantization import NotBinary, Quantization, describe_quantizer
from keras_groupnet.deployment.summary import LayerSummary, ModelSummary, summarize

__all__ = [
    "BinaryKernel",
    "CostModel",
    "Deployment",
    "Input",
    "LayerSummary",
    "ModelSummary",
    "NotBinary",
    "Quantization",
    "Window",
    "conv2d",
    "dense",
    "describe",
    "describe_quantizer",
    "multiply_accumulates",
    "summarize",
]
