"""A file in which the sums of its binary ops are inputs: what is left is what was folded into them.

Each kernel op is replaced by its epilogue, written in builtin ops, on a tensor of sums; each scale
map is an input, too. The runtime then computes everything between the sums and the next quantizers,
the outputs and whatever float ops stand between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from keras_groupnet.conversion.checks.file_ops import FileOps
from keras_groupnet.conversion.checks.probe import invoke
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    AFTER_ADDENDS,
    BEFORE_ADDENDS,
    BIAS,
    MULTIPLIER,
    OFFSET,
    PIXEL_SCALE,
    QUANTIZE_BIAS,
    QUANTIZE_MULTIPLIER,
    RELU_BEFORE_ADDENDS,
    SECOND_ADDEND,
    SLOPE,
)
from keras_groupnet.runtime.interpreter import Interpreter


class OpenSums:
    """A file with open sums.

    Args:
        file: the ops of a file; it is not changed.
        opened: those kernel ops of the file whose sums become inputs.
        wanted: tensors to compute.
        shapes: of the inputs, the scale maps and the sums.
    """

    def __init__(
        self,
        file: FileOps,
        opened: Sequence[Op],
        wanted: Iterable[int],
        shapes: Sequence[tuple[int, ...]],
    ):
        graph = file.graph
        self.maps = [op.outputs[0] for op in graph.of_kind("KgnScaleMap")]
        ops: list[Op] = []
        sums: list[int] = []
        for op in graph.ops:
            if op in opened:
                target = op.outputs[0]
                name = f"{graph.name(target)}/sums"
                sums.append(graph.add_tensor(graph.shape(target), np.float32, name, target))
                ops += _epilogue(graph, op, sums[-1])
            elif op.kind != "KgnScaleMap":
                ops.append(op)
        inputs = [*graph.inputs, *self.maps, *sums]
        self.wanted = [tensor for tensor in wanted if tensor not in inputs]
        alone = graph.subgraph_of(ops, inputs, self.wanted)
        # The batch may have become part of another axis: only whole shapes fit together.
        for tensor, shape in zip(alone.inputs, shapes, strict=True):
            alone.tensors[tensor].shape = np.asarray(shape, np.int32)
            alone.tensors[tensor].shapeSignature = None
        self._content = alone.to_bytes()

    def run(
        self, inputs: list[np.ndarray], maps: list[np.ndarray], sums: list[np.ndarray]
    ) -> dict[int, np.ndarray]:
        """Tensor -> value, for the wanted ones and for the maps.

        Args:
            inputs: of the model.
            maps: the scale maps, in the order of `maps`.
            sums: of the opened ops, in the file's order.
        """
        values = invoke(Interpreter(self._content), [*inputs, *maps, *sums])
        return dict(zip(self.wanted, values, strict=True)) | dict(zip(self.maps, maps, strict=True))


def _epilogue(graph: Graph, op: Op, sums: int) -> list[Op]:
    """docs/ops.md's epilogue of a kernel op in builtin ops; the last ones write its outputs."""
    target = op.outputs[0]
    ops: list[Op] = []
    value = sums

    def limit(kind: str, end: str) -> None:
        value = op.options[end]
        if np.isfinite(value):
            write(
                kind, graph.add_constant(np.array(value, np.float32), f"{graph.name(target)}/{end}")
            )

    def activate() -> None:
        if op.input(SLOPE) != ABSENT:
            write("PRELU", op.input(SLOPE))
        limit("MAXIMUM", "activation_min")
        limit("MINIMUM", "activation_max")
        if op.input(OFFSET) != ABSENT:
            write("ADD", op.input(OFFSET))

    def write(kind: str, other: int = ABSENT) -> None:
        nonlocal value
        name = f"{graph.name(target)}/{kind.lower()}"
        output = graph.add_tensor(graph.shape(target), np.float32, name, target)
        ops.append(
            graph.plain(kind, value, output)
            if other == ABSENT
            else graph.elementwise(kind, value, other, output)
        )
        value = output

    if op.options["pre_activation"]:
        write("RELU")
    if op.input(PIXEL_SCALE) != ABSENT:
        write("MUL", op.input(PIXEL_SCALE))
    write("MUL", op.input(MULTIPLIER))
    write("ADD", op.input(BIAS))
    if op.options["activation"] == RELU_BEFORE_ADDENDS:
        write("RELU")
    if op.options["activation"] == BEFORE_ADDENDS:
        activate()
    if op.input(ADDEND) != ABSENT:
        before, value = value, op.input(ADDEND)
        if op.input(ADDEND_MULTIPLIER) != ABSENT:
            write("MUL", op.input(ADDEND_MULTIPLIER))
        write("ADD", before)
    if op.input(SECOND_ADDEND) != ABSENT:
        write("ADD", op.input(SECOND_ADDEND))
    if op.options["activation"] == AFTER_ADDENDS:
        activate()
    ops[-1].outputs = [target]
    if op.options["out_bits"]:
        constants = [op.input(at) for at in (QUANTIZE_MULTIPLIER, QUANTIZE_BIAS)]
        options = {"version": 1, "bits": op.options["out_bits"], "scale": op.options["out_scale"]}
        read = [target, *(tensor for tensor in constants if tensor != ABSENT)]
        ops.append(Op("KgnQuantize", read, [op.outputs[-1]], options))
    return ops
