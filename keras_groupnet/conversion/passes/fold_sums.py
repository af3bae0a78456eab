"""Sums and scalings behind kernel ops (batch norm, λ, skip, base sum) → their epilogues.

A maximal tree of ADDs and of MULs by constants is read as one expression

    root = Σ_t coefficient_t · t + offset

over tensors t that are not themselves such a tree. Terms written by a kernel op take their
coefficient into multiplier and bias; the kernel ops are then chained: each adds its predecessor
and, if there are terms that no kernel op writes (a skip times Σλ, or one skip a base), one of them.
K bases and their sum thus become K ops and no pass over a float map.

An op with an activation of its own is such a term, too, if its coefficient can be moved through the
activation: the addends come behind it. An activation that TFLiteConverter fused into the root
becomes an op of its own behind the last kernel op, for `fold_activation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Graph, Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    ADDEND_MULTIPLIER,
    AFTER_ADDENDS,
    KERNEL_OPS,
    SECOND_ADDEND,
    add_offset,
    can_scale_output,
    is_float_only,
    scale_output,
)

# Those that the runtime knows in an ADD or MUL. The others are left alone.
_ACTIVATIONS = {
    schema.ActivationFunctionType.RELU: "RELU",
    schema.ActivationFunctionType.RELU_N1_TO_1: "RELU_N1_TO_1",
    schema.ActivationFunctionType.RELU6: "RELU6",
}
_ZERO, _ONE = np.zeros((), np.float32), np.ones((), np.float32)


@dataclass
class Expression:
    """`Σ coefficient · tensor + offset`, with the affine ops it was read from."""

    terms: dict[int, np.ndarray] = field(default_factory=dict)
    offset: np.ndarray = field(default_factory=lambda: _ZERO)
    ops: list[Op] = field(default_factory=list)


def affine_parts(graph: Graph, op: Op | None) -> tuple[int, np.ndarray] | None:
    """`(tensor, constant)` of a MUL or ADD with a per-channel or scalar constant, else None.

    The tensor must have the shape of the result: a constant may also widen it.
    """
    if op is None or op.kind not in ("MUL", "ADD"):
        return None
    for tensor, other in (op.inputs, op.inputs[::-1]):
        value, shape = graph.constant(other), graph.signature(op.outputs[0])
        if value is None or value.dtype != np.float32 or graph.constant(tensor) is not None:
            continue
        if graph.signature(tensor) != shape:
            continue
        if value.size == 1 or (value.shape[-1:] == shape[-1:] and value.size == shape[-1]):
            return tensor, value.reshape(-1) if value.size > 1 else value.reshape(())
    return None


def is_affine(graph: Graph, op: Op | None) -> bool:
    """Whether the op is a node of such a tree."""
    if op is None or op.kind not in ("MUL", "ADD"):
        return False
    if affine_parts(graph, op) is not None:
        return True
    same_shape = len({graph.signature(t) for t in (*op.inputs, *op.outputs)}) == 1
    return op.kind == "ADD" and same_shape


def read(graph: Graph, root: Op) -> Expression:
    """Reads the maximal expression that ends in `root`."""
    expression = Expression()
    waiting: list[tuple[int, np.ndarray, Op | None]] = [(root.outputs[0], _ONE, root)]
    while waiting:
        tensor, coefficient, op = waiting.pop()
        if op is None:
            expression.terms[tensor] = expression.terms.get(tensor, _ZERO) + coefficient
            continue
        expression.ops.append(op)
        parts = affine_parts(graph, op)
        if parts is None:
            left, right = op.inputs
            sources = [(right, coefficient), (left, coefficient)]
            if left == right:
                sources = [(left, np.float32(2) * coefficient)]
        elif op.kind == "MUL":
            sources = [(parts[0], coefficient * parts[1])]
        else:
            expression.offset = expression.offset + coefficient * parts[1]
            sources = [(parts[0], coefficient)]
        waiting += [(t, c, _private_affine(graph, graph.producer(t))) for t, c in sources]
    return expression


def _private_affine(graph: Graph, op: Op | None) -> Op | None:
    if op is None or not is_affine(graph, op) or op.fused_activation:
        return None
    return op if graph.only_consumer(op.outputs[0]) is not None else None


def run(graph: Graph) -> bool:
    """Folds every expression that holds at least one kernel op."""
    changed = False
    for op in graph.of_kind("MUL", "ADD"):
        if op not in graph or not _is_root(graph, op):
            continue
        changed |= _fold(graph, op)
    return changed


def _is_root(graph: Graph, op: Op) -> bool:
    if not is_affine(graph, op) or op.fused_activation not in (0, *_ACTIVATIONS):
        return False
    reader = graph.only_consumer(op.outputs[0])
    return bool(op.fused_activation) or reader is None or not is_affine(graph, reader)


def _fold(graph: Graph, root: Op) -> bool:
    expression = read(graph, root)
    if not root.fused_activation and _fold_offset(graph, root, expression):
        return True
    kernels, others = [], []
    for tensor, coefficient in expression.terms.items():
        kernel = _absorbing(graph, tensor, coefficient, expression.ops)
        if kernel is None:
            others.append((tensor, coefficient))
        else:
            kernels.append((kernel, coefficient))
    if not kernels:
        return False
    target = root.outputs[0]
    for op in expression.ops:
        graph.remove(op)
    if root.fused_activation:
        before = graph.add_tensor(
            graph.shape(target), np.float32, graph.name(target) + "/before_activation", target
        )
        graph.append(graph.plain(_ACTIVATIONS[root.fused_activation], before, target))
        target = before
    order = {op: i for i, op in enumerate(graph.ops)}
    kernels.sort(key=lambda pair: order[pair[0]])
    if len(others) > len(kernels):
        kept = len(kernels) - 1
        others[kept:] = [(_sum(graph, others[kept:], target), _ONE)]
    previous = ABSENT
    for i, (op, coefficient) in enumerate(kernels):
        last = i == len(kernels) - 1
        scale_output(graph, op, coefficient, expression.offset if last else _ZERO)
        addends = [previous] if previous != ABSENT else []
        if i < len(others):
            addends.insert(0, others[i][0])
            _set_addend_multiplier(graph, op, others[i][1])
        for position, tensor in zip((ADDEND, SECOND_ADDEND), addends, strict=False):
            op.set_input(position, tensor)
        previous = (
            target
            if last
            else graph.add_tensor(
                graph.shape(target), np.float32, graph.name(op.outputs[0]) + "/sum", target
            )
        )
        op.outputs = [previous]
    return True


def _fold_offset(graph: Graph, root: Op, expression: Expression) -> bool:
    """Folds `tensor + offset` into a kernel op that has addends or an activation behind them."""
    if len(expression.terms) != 1:
        return False
    ((tensor, coefficient),) = expression.terms.items()
    op = _private_kernel(graph, tensor, expression.ops)
    if op is None or (coefficient != 1).any():
        return False
    if op.options["activation"] == AFTER_ADDENDS:
        add_offset(graph, op, expression.offset)
    elif op.input(ADDEND) != ABSENT:
        scale_output(graph, op, _ONE, expression.offset)
    else:
        return False
    for one in expression.ops:
        graph.remove(one)
    op.outputs = root.outputs
    return True


def _absorbing(graph: Graph, tensor: int, coefficient: np.ndarray, inside: list[Op]) -> Op | None:
    """The kernel op that writes a term and can take its coefficient.

    Nobody outside the expression may read the term.
    """
    op = _private_kernel(graph, tensor, inside)
    if op is None or op.input(ADDEND) != ABSENT or not can_scale_output(op, coefficient):
        return None
    return op


def _private_kernel(graph: Graph, tensor: int, inside: list[Op]) -> Op | None:
    """The kernel op that writes a float tensor which only these ops read."""
    op = graph.producer(tensor)
    if op is None or op.kind not in KERNEL_OPS or not is_float_only(op):
        return None
    if tensor in graph.outputs:
        return None
    private = all(any(reader is one for one in inside) for reader in graph.consumers(tensor))
    return op if private else None


def _set_addend_multiplier(graph: Graph, op: Op, coefficient: np.ndarray) -> None:
    if (coefficient == 1).all():
        return
    values = np.broadcast_to(coefficient, graph.shape(op.outputs[0])[-1:]).astype(np.float32)
    name = graph.name(op.outputs[0]) + "/addend_multiplier"
    op.set_input(ADDEND_MULTIPLIER, graph.add_constant(values, name))


def _sum(graph: Graph, terms: list[tuple[int, np.ndarray]], target: int) -> int:
    """The sum of terms by float ops: there are more of them than kernel ops to add them."""
    total = ABSENT
    for tensor, coefficient in terms:
        if not (coefficient == 1).all():
            constant = graph.add_constant(
                np.asarray(coefficient, np.float32), graph.name(tensor) + "/coefficient"
            )
            tensor = _insert(graph, "MUL", tensor, constant, target)
        total = tensor if total == ABSENT else _insert(graph, "ADD", total, tensor, target)
    return total


def _insert(graph: Graph, kind: str, left: int, right: int, like: int) -> int:
    output = graph.add_tensor(graph.shape(like), np.float32, graph.name(left) + "/term", like)
    graph.append(graph.elementwise(kind, left, right, output))
    return output
