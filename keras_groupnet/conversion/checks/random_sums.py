"""The second half of `verify`: what was folded into the ops, on sums that no input may give.

In place of the sums of each binary op stand random whole numbers from all of their range, the same
in Keras (where they become the output of the layer) and in the file (`open_sums`). Every multiplier
and bias then counts, also of channels that real inputs leave silent. If a value differs, the sums
of one op after another are tried alone, which tells whose constants are wrong.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_groupnet.conversion.checks.arithmetic import clipped_unnoticed
from keras_groupnet.conversion.checks.errors import RUNS, Allowed, Errors, WithErrors, none_allowed
from keras_groupnet.conversion.checks.file_ops import FileOps, Values
from keras_groupnet.conversion.checks.open_sums import OpenSums
from keras_groupnet.conversion.checks.problems import Problem
from keras_groupnet.conversion.checks.replay import applied, own_output, prepared, replay
from keras_groupnet.conversion.checks.tolerance import UnpackedQuantizers, bound_of
from keras_groupnet.conversion.export.origin import KERNEL, QUANTIZED, SCALE_MAP, Origin
from keras_groupnet.conversion.flatbuffer.graph import ABSENT, Op
from keras_groupnet.conversion.passes.epilogue import (
    ADDEND,
    BIAS,
    KERNEL_OPS,
    QUANTIZE_BIAS,
    SECOND_ADDEND,
)
from keras_groupnet.deployment import Deployment, Quantization

_MOST_TRIED = 24  # ops of one sum; more are named together
_MOST_ATTRIBUTED = 8  # sums; a file with more that are wrong is wrong altogether


@dataclass(frozen=True)
class SumsOf:
    """What the sums of an op are like.

    Attributes:
        shape: of the sums.
        spread: their standard deviation on real inputs.
        largest: what no sum can exceed.
        whole: whether they are whole numbers.
    """

    shape: tuple[int, ...]
    spread: float
    largest: float
    whole: bool

    @classmethod
    def op(cls, op: Op, activations: np.ndarray, acc: np.ndarray, signs: np.ndarray) -> SumsOf:
        """Those of an op that reads `activations` and whose sums on real inputs are `acc`."""
        bits = op.options["bits"]
        most = float(np.abs(activations).max(initial=0)) if bits == 32 else 2**bits - 1
        return cls(acc.shape, float(acc.std()), signs[..., 0].size * most, bits != 32)

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Random sums: half of them as on real inputs, half from all of the range."""
        near = generator.normal(0, max(self.spread, 1e-3), self.shape)
        far = generator.uniform(-self.largest, self.largest, self.shape)
        mixed = np.where(generator.random(self.shape) < 0.5, near, far)
        mixed = np.clip(mixed, -self.largest, self.largest)
        return (np.rint(mixed) if self.whole else mixed).astype(np.float32)


@dataclass(frozen=True)
class Difference:
    """A value that differs.

    Attributes:
        where: what it is.
        tensor: of the file.
        residual: the file's minus Keras' value.
        allowed: by how much they may differ, `(C,)`.
    """

    where: str
    tensor: int
    residual: np.ndarray
    allowed: np.ndarray

    @property
    def channels(self) -> int:
        """In how many channels it differs."""
        wrong = ~(np.abs(self.residual) <= self.allowed)
        return int(wrong.reshape(-1, wrong.shape[-1]).any(0).sum())


def compare_on_random_sums(
    model: keras.Model,
    given: Any,
    inputs: list[np.ndarray],
    values: Values,
    seen: dict[Origin, SumsOf],
    direct: set[str],
) -> list[Problem]:
    """Compares what the file and Keras make of the sums of the binary ops.

    Args:
        model: the model.
        given: the inputs as the model takes them.
        inputs: the same as a list.
        values: of the file on these inputs.
        seen: origin of each kernel op -> what its sums are like.
        direct: names of the layers whose output is the formula of their `Deployment`.
    """
    file = values.file
    origins = {op: file.origin_of(op) for op in file.graph.of_kind(*KERNEL_OPS)}
    generator = np.random.default_rng(0)
    sums = {
        op: seen[origin].draw(generator)
        for op, origin in origins.items()
        if origin is not None and origin in seen and origin.layer in direct
    }
    if not sums:
        return []
    opened = list(sums)
    maps = [
        generator.uniform(0.25, 2, values.arrays[op.outputs[0]].shape).astype(np.float32)
        for op in file.graph.of_kind("KgnScaleMap")
    ]
    shapes = [array.shape for array in (*inputs, *maps, *sums.values())]
    graph = OpenSums(file, opened, _wanted(file), shapes)

    def differences(
        chosen: dict[Op, np.ndarray],
        allowed: Allowed = none_allowed,
        disturb: Callable[[Any], Any] = lambda observer: observer,
    ) -> list[Difference]:
        arrays = graph.run(inputs, maps, [chosen[op] for op in opened])
        observer = _RandomSums(Values(file, values.arrays | arrays), chosen, allowed)
        outputs = keras.tree.flatten(replay(model, given, disturb(observer)))
        observer.compare_outputs(model, outputs)
        return [*observer.nearest.values(), *observer.differences]

    found = [one for one in differences(sums) if one.channels]
    if found:
        errors = Errors()
        for seed in range(RUNS):
            differences(sums, errors.recorded(), functools.partial(WithErrors, seed=seed))
        found = [one for one in differences(sums, errors.allowed()) if one.channels]
    problems: list[Problem] = []
    by_sources = {frozenset(file.sources(one.tensor)): one for one in reversed(found)}
    for one in list(by_sources.values())[::-1][:_MOST_ATTRIBUTED]:
        problems += _attributed(file, one, sums, differences)
    return list(dict.fromkeys(problems))


def _wanted(file: FileOps) -> list[int]:
    """The tensors that are compared, or that tell how much rounding there may be."""
    wanted: dict[int, None] = dict.fromkeys(file.graph.outputs)
    for op in file.graph.ops:
        if op.kind in KERNEL_OPS:
            addends = (op.input(at) for at in (ADDEND, SECOND_ADDEND))
            wanted |= dict.fromkeys((op.outputs[0], *(t for t in addends if t != ABSENT)))
            if op.options["bits"] == 32:
                wanted[op.inputs[0]] = None
        elif op.kind == "KgnQuantize":
            wanted[op.inputs[0]] = None
    return [t for t in wanted if file.graph.constant(t) is None]


def _attributed(
    file: FileOps,
    difference: Difference,
    sums: dict[Op, np.ndarray],
    differences: Callable[[dict[Op, np.ndarray]], list[Difference]],
) -> list[Problem]:
    """Whose constants make a difference: found by letting all sums but one op's be zero."""
    suspects = [op for op in file.sources(difference.tensor) if op in sums]
    silent = {op: np.zeros_like(acc) for op, acc in sums.items()}

    def residual(chosen: dict[Op, np.ndarray]) -> np.ndarray:
        same = [one for one in differences(chosen) if one.where == difference.where]
        return same[0].residual if same else np.zeros_like(difference.residual)

    def differs(one: np.ndarray) -> bool:
        return bool((~(np.abs(one) <= difference.allowed)).any())

    blamed: dict[str, str] = {}
    if len(suspects) <= _MOST_TRIED:
        constant = residual(silent)
        for op in suspects:
            if differs(residual(silent | {op: sums[op]}) - constant):
                blamed[_layer(file, op)] = "its multiplier or activation"
        if differs(constant) and not blamed:
            # It hangs on no sums. The last op, which has the bias of a sum, may have lost it.
            blamed = {
                _layer(file, op): "its bias"
                for op in suspects
                if op is suspects[0] or _has_bias(file, op)
            }
    names = dict.fromkeys(_layer(file, op) for op in suspects)
    if not blamed or len(blamed) == len(names) > 1:  # something that they share
        blamed = {" + ".join([*names, difference.where]): "what is folded, added or follows"}
    largest = float(np.abs(difference.residual).max())
    return [
        Problem(
            layer,
            f"what Keras makes of its sums: {difference.where}",
            f"{what} differs, in {difference.channels} channel(s) by up to {largest:.3g}",
        )
        for layer, what in blamed.items()
    ]


def _has_bias(file: FileOps, op: Op) -> bool:
    biases = (file.constant(op, BIAS), file.constant(op, QUANTIZE_BIAS))
    return any(bias is not None and bias.any() for bias in biases)


def _layer(file: FileOps, op: Op) -> str:
    origin = file.origin_of(op)
    return "" if origin is None else origin.layer


class _RandomSums:
    """Observes a replay in which binary layers give what they make of these sums.

    Args:
        values: of the file on the same sums.
        sums: kernel op -> its sums.
        allowed: by how much values may differ beyond what magnitudes allow.
    """

    def __init__(self, values: Values, sums: dict[Op, np.ndarray], allowed: Allowed):
        self.file = values.file
        self.values = values
        self.sums = sums
        self._allowed = allowed
        self.differences: list[Difference] = []
        self._unpacked = UnpackedQuantizers()
        self.nearest: dict[int, Difference] = {}
        self._open: dict[tuple[int, ...], list[Op]] = {}
        self._compared: dict[tuple[int, ...], list[Op]] = {}
        for op in sums:
            known = self._compared if self.file.is_compared(op) else self._open
            known.setdefault(values.arrays[op.outputs[0]].shape, []).append(op)

    def float_layer(self, name: str, y: np.ndarray) -> np.ndarray:
        """Finds what of the file is this output, if no quantizer compares it.

        The sums being random, no two values are equal by chance: the file's tensor is the one that
        is equal in most channels, and it should be so in all.
        """
        if y.ndim < 2 or not y.size:
            return y
        more = self._allowed(("output", name), y)
        # Channels that are 0 throughout, behind a ReLU, are equal by chance.
        telling = int(y.reshape(-1, y.shape[-1]).any(0).sum())

        def difference(op: Op) -> Difference:
            tensor = op.outputs[0]
            residual = self.values.arrays[tensor] - y
            allowed = np.maximum(bound_of(self.values, op, y).per_channel(y.shape[-1]), more)
            return Difference(f"the output of '{name}'", tensor, residual, allowed)

        for op in self._open.get(y.shape, ()):
            one = difference(op)
            best = self.nearest.get(one.tensor)
            if one.channels <= telling // 2 and (best is None or one.channels < best.channels):
                # A sum of some bases may come close to that of all, which is another tensor.
                others = self._compared.get(y.shape, ()) if one.channels else ()
                if all(difference(other).channels >= one.channels for other in others):
                    self.nearest[one.tensor] = one
        return y

    def quantizer(
        self, name: str, call: int, part: int, quantization: Quantization, x: np.ndarray
    ) -> np.ndarray:
        """Compares what the file quantizes with what Keras does."""
        tensor = self.file.tensors.get(Origin(name, QUANTIZED, call, part))
        if tensor is not None:
            op, source, value = self.values.quantized_floats(tensor)
            if op is not None:
                value = clipped_unnoticed(value, x, quantization)
                self._compare(f"the input of '{name}'", source, op, value, x)
        result = applied(quantization.quantizer, x)
        if not quantization.packed:
            self._unpacked.note(quantization, x, result)
        return result

    def scale_map(
        self, name: str, call: int, x: np.ndarray, own: Callable[[Any], Any]
    ) -> np.ndarray:
        """The random map of the file."""
        tensor = self.file.tensors.get(Origin(name, SCALE_MAP, call))
        if tensor is None or tensor not in self.values.arrays:
            return applied(own, x)
        return self.values.arrays[tensor]

    def kernel_layer(
        self, name: str, call: int, layer: Any, deployment: Deployment, x: np.ndarray
    ) -> np.ndarray:
        """The layer's output for the random sums of its ops."""
        kernels = deployment.read_kernels()
        origins = [Origin(name, KERNEL, call, part) for part in range(deployment.op_count)]
        found = [self.file.kernels.get(origin) for origin in origins]
        ops = [op for op in found if op is not None and op in self.sums]
        self._compare_input(name, call, deployment, x, found[0])
        if len(ops) < len(found):
            return own_output(layer, self._as_in_file(found[0], x))
        pairs = [(source, kernel) for source in deployment.inputs for kernel in kernels]
        terms = [
            np.float32(source.factor) * (kernel.scales * (self.sums[op] * self.file.step_of(op)))
            for op, (source, kernel) in zip(ops, pairs, strict=True)
        ]
        total = np.sum(terms, axis=0)
        if deployment.bias is not None:
            total = total + deployment.bias()
        if deployment.window is None:
            total = total.reshape(*x.shape[:-1], -1)
        elif x.ndim == 3:  # along time, of height 1 in the file
            total = total[:, 0]
        if deployment.activation is None:
            return total
        return applied(deployment.activation, total)

    def _as_in_file(self, op: Op | None, x: np.ndarray) -> np.ndarray:
        """What the file's op reads in the place of `x`, so that no difference adds up."""
        if op is None or op.options["bits"] != 32:
            return x
        found = self.values.arrays[op.inputs[0]]
        return found.reshape(x.shape) if found.size == x.size else x

    def compare_outputs(self, model: keras.Model, outputs: list[Any]) -> None:
        """The outputs of the model."""
        names = [tensor.name for tensor in keras.tree.flatten(model.outputs)]
        for name, tensor, output in zip(names, self.file.graph.outputs, outputs, strict=True):
            x = np.asarray(output, np.float32)
            found = self.values.arrays[tensor]
            if found.shape != x.shape or not x.ndim:
                continue
            # Float layers may stand in front: their sums round, too.
            allowed = np.full(x.shape[-1], 1e-4 * max(float(np.abs(x).max(initial=0)), 1e-6))
            allowed = np.maximum(allowed, self._allowed(("output of the model", name), x))
            residual = found.astype(np.float32) - x
            self.differences.append(Difference(f"output '{name}'", tensor, residual, allowed))

    def _compare_input(self, name, call, deployment, x, op) -> None:
        if op is None:
            return
        for number, source in enumerate(deployment.inputs):
            if source.quantization is not None and not deployment.factors:
                shifted = x + np.float32(source.offset) if source.offset else x
                before = prepared(source.quantization, shifted)
                self.quantizer(name, call, number, source.quantization, before)
        if deployment.input_bits is None and op.options["bits"] == 32:
            tensor = op.inputs[0]
            producer = self.file.graph.producer(tensor)
            source = producer if producer in self.file.float_output else None
            found = self.values.arrays[tensor]
            self._compare(f"the input of '{name}'", tensor, source, found, x)

    def _compare(self, where, tensor, op, value, x) -> None:
        if value.size != x.size:
            return
        allowed = bound_of(self.values, op, x).per_channel(x.shape[-1])
        allowed = np.maximum(allowed, self._allowed(where, x))
        residual = np.where(self._unpacked.near_threshold(x), 0, value.reshape(x.shape) - x)
        self.differences.append(Difference(where, tensor, residual, allowed))
