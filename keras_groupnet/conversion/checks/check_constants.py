"""The kernels and options of a file's binary ops beside those of the Keras layers."""

from __future__ import annotations

from collections.abc import Container

import keras
import numpy as np

from keras_groupnet.conversion.checks.file_ops import FileOps
from keras_groupnet.conversion.checks.problems import Problem
from keras_groupnet.conversion.flatbuffer.graph import Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.conversion.weights.bitpack import pack_bits
from keras_groupnet.conversion.weights.packed_kernel import WEIGHTS, packed_kernel
from keras_groupnet.deployment import BinaryKernel, Deployment, NotBinary, describe
from keras_groupnet.deployment.layer_tree import layer_tree


def compare_constants(model: keras.Model, file: FileOps, skipped: Container[str]) -> list[Problem]:
    """Compares what does not hang on any input.

    Args:
        model: the model.
        file: its file.
        skipped: names of layers that are known to be float in the file.
    """
    known: dict[str, tuple[Deployment, list[BinaryKernel]]] = {}
    for layer, name in layer_tree(model).items():
        try:
            deployment = describe(layer) if layer.built else None
            if deployment is not None:
                known[name] = deployment, list(deployment.read_kernels())
        except NotBinary:
            continue
    problems: list[Problem] = []
    for op in file.graph.of_kind(*KERNEL_OPS):
        origin = file.origin_of(op)
        if origin is None or origin.layer not in known:
            if origin is None or origin.layer not in skipped:
                name = file.graph.name(op.inputs[WEIGHTS])
                problems.append(Problem(name, "no such op", "one that no layer of the model has"))
            continue
        deployment, kernels = known[origin.layer]
        if origin.part >= deployment.op_count:
            problems.append(
                Problem(origin.layer, f"{deployment.op_count} ops a call", f"op {origin.part + 1}")
            )
            continue
        # Inputs are the outer loop of `exporters.standard`, kernels the inner one.
        signs = kernels[origin.part % len(kernels)].signs
        problems += _kernel(origin.layer, file, op, signs)
        problems += _options(origin.layer, op, deployment)
    return problems


def _kernel(name: str, file: FileOps, op: Op, signs: np.ndarray) -> list[Problem]:
    expected = pack_bits(np.moveaxis(signs, -1, 0) < 0)
    try:
        found = packed_kernel(file.graph, op)
    except ValueError as error:
        return [Problem(name, "its binary kernel", str(error))]
    if found.shape != expected.shape:
        return [Problem(name, f"a kernel {expected.shape}", f"one of shape {found.shape}")]
    if np.array_equal(found, expected):
        return []
    bits = int(np.unpackbits((found ^ expected).view(np.uint8)).sum())
    return [Problem(name, "its binary kernel", f"another in {bits} of {signs.size} weights")]


def _options(name: str, op: Op, deployment: Deployment) -> list[Problem]:
    window = deployment.window
    if window is None:
        expected = {"channels_in": deployment.kernel_shape[0]}
    else:
        same = window.padding == "same"
        expected = {
            "channels_in": deployment.kernel_shape[2] * window.groups,
            "groups": window.groups,
            "stride_height": window.strides[0],
            "stride_width": window.strides[1],
            "dilation_height": window.dilation[0],
            "dilation_width": window.dilation[1],
            "padding": 0 if same else 1,
            "pad_value": window.pad_value if same else 0,
        }
        if not same and op.options.get("padding") == 0:
            # A layer of padding in front of it: whether it padded so shows in the values.
            del expected["padding"], expected["pad_value"]
    return [
        Problem(name, f"{key}={value}", f"{key}={op.options.get(key)}")
        for key, value in expected.items()
        if op.options.get(key) != value
    ]
