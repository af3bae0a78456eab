"""QONNX models run by onnx's reference evaluator, with QONNX's quantizers in numpy."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="QONNX export needs onnx (extra `qonnx`)")
pytest.importorskip("onnx.reference", reason="this onnx has no reference evaluator")

from onnx.reference import ReferenceEvaluator  # noqa: E402
from onnx.reference.op_run import OpRun  # noqa: E402


class BipolarQuant(OpRun):
    op_domain = "qonnx.custom_op.general"

    def _run(self, x, scale):
        return (np.where(x >= 0, np.float32(1), np.float32(-1)) * scale,)


class Quant(OpRun):
    op_domain = "qonnx.custom_op.general"

    def _run(self, x, scale, zero, bits, signed=None, narrow=None, rounding_mode=None):
        assert (signed, narrow, rounding_mode) == (0, 0, "ROUND")
        codes = np.clip(np.round(x / scale + zero), 0, 2**bits - 1)
        return ((codes - zero) * scale,)


def channels_first(array):
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def evaluate(model, inputs):
    """The outputs for inputs as the file has them, with the channels first."""
    evaluator = ReferenceEvaluator(model, new_ops=[BipolarQuant, Quant])
    names = [one.name for one in model.graph.input]
    named = dict(zip(names, map(channels_first, inputs), strict=True))
    outputs = evaluator.run(None, named)
    for output, info in zip(outputs, model.graph.output, strict=True):
        said = tuple(extent.dim_value for extent in info.type.tensor_type.shape.dim)
        assert output.shape == said
    return outputs
