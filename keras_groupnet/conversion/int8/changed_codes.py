"""How many codes of each quantizer int8 has changed: for 1 bit, how many signs it has flipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_groupnet.conversion.checks.probe import tensor_values
from keras_groupnet.conversion.flatbuffer.graph import Graph, Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS, MULTIPLIER


@dataclass(frozen=True)
class ChangedCodes:
    """One quantizer, in two files of the same model on the same inputs.

    Attributes:
        read_by: the Keras layers that read its output, or the tensor's name if none has a kernel.
        bits: 1, 2 or 4.
        codes: values compared.
        changed: how many of them differ; with 1 bit these are flipped signs.
    """

    read_by: tuple[str, ...]
    bits: int
    codes: int
    changed: int

    @property
    def share(self) -> float:
        """Changed / codes."""
        return self.changed / self.codes


def changed_codes(
    reference: bytes, content: bytes, inputs: np.ndarray | Sequence[np.ndarray]
) -> list[ChangedCodes]:
    """Runs two files of the same model and compares every quantizer's output.

    Each file runs from end to end, so a quantizer also sees what earlier ones changed.

    Args:
        reference: the file before `quantize_float_layers`.
        content: the file after it.
        inputs: one array `[N, …]` for each input of the files.

    Returns:
        One entry for each packed tensor that a quantizer writes, in execution order.

    Raises:
        ValueError: the files do not hold the same quantizers in the same order.
    """
    graphs = Graph(reference), Graph(content)
    found = [_quantizers(graph) for graph in graphs]
    kinds = [[(op.kind, bits, channels) for op, _, bits, channels in each] for each in found]
    if kinds[0] != kinds[1]:
        raise ValueError(
            "Expected two files of one model, with the same quantizers in the same order. "
            f"Received: {len(kinds[0])} and {len(kinds[1])} quantizers"
        )
    counts, changed = Counter[int](), Counter[int]()
    runs = [
        tensor_values(file, [tensor for _, tensor, *_ in each], inputs)
        for file, each in zip((reference, content), found, strict=True)
    ]
    for left, right in zip(*runs, strict=True):
        for i, (_, _, bits, channels) in enumerate(found[0]):
            counts[i] += left[i].size * channels // left[i].shape[-1]
            changed[i] += _different(left[i], right[i], bits)
    return [
        ChangedCodes(_readers(graphs[0], tensor), bits, counts[i], changed[i])
        for i, (_, tensor, bits, _) in enumerate(found[0])
    ]


def _quantizers(graph: Graph) -> list[tuple[Op, int, int, int]]:
    """(op, packed tensor, bits, channels) for every op that packs floats."""
    found = []
    for op in graph.ops:
        if op.kind == "KgnQuantize":
            channels = graph.shape(op.inputs[0])[-1]
            found.append((op, op.outputs[0], int(op.options["bits"]), channels))
        elif op.kind in KERNEL_OPS and op.options["out_bits"]:
            channels = graph.shape(op.inputs[MULTIPLIER])[0]
            found.append((op, op.outputs[-1], int(op.options["out_bits"]), channels))
    return found


def _different(left: np.ndarray, right: np.ndarray, bits: int) -> int:
    """Codes that differ in at least one of their bit planes (docs/ops.md, "Packed tensors")."""
    planes = (left ^ right).view(np.uint32).reshape(*left.shape[:-1], bits, -1)
    return int(np.bitwise_count(np.bitwise_or.reduce(planes, axis=-2)).sum())


def _readers(graph: Graph, tensor: int) -> tuple[str, ...]:
    kernels = [graph.name(op.inputs[1]) for op in graph.consumers(tensor) if op.kind in KERNEL_OPS]
    layers = dict.fromkeys(name.rsplit("/", 1)[0] for name in kernels)
    return tuple(layers) or (graph.name(tensor),)
