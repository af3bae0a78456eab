"""The values of a file beside those of the Keras model, on the inputs that the file got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_groupnet.conversion.checks.arithmetic import (
    clipped_unnoticed,
    epilogue,
    quantized,
    sums,
)
from keras_groupnet.conversion.checks.errors import Allowed, none_allowed
from keras_groupnet.conversion.checks.file_ops import Values
from keras_groupnet.conversion.checks.int8_quantizer import int8_values
from keras_groupnet.conversion.checks.problems import Problem, VerifyReport
from keras_groupnet.conversion.checks.random_sums import SumsOf
from keras_groupnet.conversion.checks.replay import applied, own_output, prepared
from keras_groupnet.conversion.checks.tolerance import UnpackedQuantizers, bound_of
from keras_groupnet.conversion.export.origin import KERNEL, QUANTIZED, SCALE_MAP, Origin
from keras_groupnet.conversion.flatbuffer.graph import Op
from keras_groupnet.conversion.passes.epilogue import KERNEL_OPS
from keras_groupnet.deployment import BinaryKernel, Deployment, Input, Quantization

# A tensor of so few different values could be packed.
_MOST_LEVELS = 16
_MANY_VALUES = 200
_OUTPUT_TOLERANCE = 1e-4  # of the largest output: the float layers behind the last quantizer


class ValueCheck:
    """Observes the replay on the inputs that the file got.

    Attributes:
        report: what was found.
        seen: origin of each kernel op -> what its sums are like.
        direct: names of the layers whose output is the formula of their `Deployment`.
        comparable: whether all ops have the shapes that they have in Keras.
    """

    def __init__(self, values: Values, skipped: dict[str, str], allowed: Allowed = none_allowed):
        self.values = values
        self.file = values.file
        self.skipped = skipped
        self._allowed = allowed
        self.report = VerifyReport()
        self.seen: dict[Origin, SumsOf] = {}
        self.direct: set[str] = set()
        self.comparable = True
        self._unpacked = UnpackedQuantizers()
        self._known: list[tuple[np.ndarray, Quantization, np.ndarray]] = []

    # ---- quantizers ----

    def quantizer(
        self, name: str, call: int, part: int, quantization: Quantization, x: np.ndarray
    ) -> np.ndarray:
        """Compares with the packed tensor of the file and hands on what it holds."""
        own = applied(quantization.quantizer, x)
        tensor = self.file.tensors.get(Origin(name, QUANTIZED, call, part))
        if quantization.zero_point is not None and tensor in self.values.arrays:
            return self._int8(name, call, part, quantization, x, tensor)
        if not quantization.packed:
            self._unpacked.note(quantization, x, own)
            return own
        if tensor is None or tensor not in self.values.arrays:
            # Equal quantizers of one tensor are one op in the file.
            for known, same, result in self._known:
                if same == quantization and known.shape == x.shape and (known == x).all():
                    return result
            return own
        result = self._quantized(name, call, part, quantization, x, own, tensor)
        self._known.append((x, quantization, result))
        return result

    def _quantized(self, name, call, part, quantization, x, own, tensor) -> np.ndarray:
        op, _, floats = self.values.quantized_floats(tensor)
        channels = x.shape[-1]
        bits, scale = _written_as(op)
        expected = (quantization.bits, float(np.float32(quantization.scale)))
        if (bits, scale) != expected:
            self._problem(
                name,
                f"{expected[0]} bits and scale {expected[1]:g}",
                f"{bits} bits and scale {scale:g}",
            )
            return own
        # A reshape may stand between: the file then holds other axes.
        pixels = int(np.prod(self.values.arrays[tensor].shape[:-1]))
        codes = self.values.codes(tensor, bits, -(-x.size // max(pixels, 1)))
        if codes.size != x.size:
            self._problem(name, f"{x.size} values", f"{codes.size} values")
            return own
        codes = codes.reshape(x.shape)
        allowed = bound_of(self.values, op, x).per_channel(channels)
        allowed = np.maximum(allowed, self._allowed((name, call, part), x))
        floats = clipped_unnoticed(floats, x, quantization)
        self._compare_floats(name, op, floats, x, allowed)
        theirs = quantized(x, bits, quantization.scale)
        differ = theirs != codes
        self.report.values += x.size
        if differ.any():
            distance = _distance(x, theirs, codes, quantization)
            near = differ & (distance <= allowed)
            self.report.near_threshold += int(near.sum())
            wrong = differ & ~near
            if wrong.any():
                self._problem(
                    self._layers(name, op),
                    f"the quantized values that '{name}' has in Keras",
                    f"{int(wrong.sum())} of {x.size} others, not within rounding of a threshold",
                )
        return codes * np.float32(quantization.step if bits > 1 else 1)

    def _int8(self, name, call, part, quantization, x, tensor) -> np.ndarray:
        graph = self.file.graph
        quantize = graph.producer(tensor)
        source = None if quantize is None else graph.producer(quantize.inputs[0])
        source = source if source is not None and source.kind in KERNEL_OPS else None
        allowed = bound_of(self.values, source, x).per_channel(x.shape[-1])
        allowed = np.maximum(allowed, self._allowed((name, call, part), x))
        codes = self.values.arrays[tensor]
        found = int8_values(graph, tensor, codes, quantization, x, allowed)
        self.report.values += x.size
        self.report.near_threshold += found.near_threshold
        if found.expected:
            self._problem(name, found.expected, found.found)
        return found.values

    def _compare_floats(
        self, name: str, op: Op | None, value: np.ndarray, x: np.ndarray, allowed: np.ndarray
    ) -> None:
        """Compares what the file quantizes, before it does so."""
        if op is None or value.size != x.size:
            return
        if not (np.isfinite(x).all() and np.isfinite(allowed).all()):
            self._problem(
                self._layers(name, op),
                f"finite values of the Keras model in front of '{name}'",
                "infinite ones or NaN: it has diverged. Train it with smaller steps",
            )
            return
        difference = np.abs(value.reshape(x.shape) - x)
        if (difference > allowed).any() or not np.isfinite(value).all():
            self._differs(self._layers(name, op), difference, allowed, f"in front of '{name}'")

    def _differs(self, layers, difference, allowed, where) -> None:
        channels = int((difference > allowed).reshape(-1, difference.shape[-1]).any(0).sum())
        self._problem(
            layers,
            f"Keras' values {where} within rounding ({float(np.max(allowed)):.2g})",
            f"differences up to {float(difference.max()):.3g} in {channels} channel(s)",
        )

    # ---- scale maps ----

    def scale_map(self, name, call, x, own) -> np.ndarray:
        """Compares with the map of the file and hands it on."""
        expected = applied(own, x)
        tensor = self.file.tensors.get(Origin(name, SCALE_MAP, call))
        if tensor is None or tensor not in self.values.arrays:
            return expected
        found = self.values.arrays[tensor]
        if found.shape != expected.shape:
            self._problem(name, f"a scale map {expected.shape}", f"one of shape {found.shape}")
            return expected
        allowed = 64 * np.finfo(np.float32).eps * np.abs(x).max()
        difference = np.abs(found - expected)
        if (difference > allowed).any():
            self._differs(name, difference, np.asarray(allowed), "of the scale map")
        return found

    # ---- binary layers ----

    def kernel_layer(
        self, name: str, call: int, layer: Any, deployment: Deployment, x: np.ndarray
    ) -> np.ndarray:
        """Compares kernels, options, inputs and sums; gives the layer's output on these inputs."""
        if name in self.skipped:
            return own_output(layer, x)
        if name not in self.report.layers:
            self.report.layers.append(name)
        kernels = deployment.read_kernels()
        inputs = []
        part = 0
        for number, source in enumerate(deployment.inputs):
            read = None
            for kernel in kernels:
                op = self.file.kernels.get(Origin(name, KERNEL, call, part))
                part += 1
                if op is None:
                    self._problem(name, f"binary op {part} of call {call + 1}", "none in the file")
                    continue
                if read is None:
                    read = self._read(name, call, number, source, op, x, deployment)
                self._compare_sums(name, call, part - 1, op, kernel, deployment)
            inputs.append(x if read is None else read)
        return self._output(name, layer, deployment, kernels, x, inputs)

    def _read(self, name, call, number, source: Input, op, x, deployment) -> np.ndarray:
        """What the kernels of the file read, as values; compared with what Keras' read."""
        if source.quantization is not None:
            shifted = x + np.float32(source.offset) if source.offset else x
            before = prepared(source.quantization, shifted)
            if deployment.factors and deployment.window and deployment.window.pad_value:
                # In the file the quantizer sees the padded feature map: compared by its sums.
                return applied(source.quantization.quantizer, before)
            return self.quantizer(name, call, number, source.quantization, before)
        found = self.values.activations(op, deployment.window)
        if op.options["bits"] == 32:
            self._compare_float_input(name, op, found, x)
            self._count_levels(name, op, x)
            return found.reshape(x.shape) if found.size == x.size else x
        if found.size != x.size:
            self._problem(name, f"an input of {x.size} values", f"one of {found.size}")
            return x
        value = found.reshape(x.shape) * self.file.step_of(op)
        if not np.allclose(value, x, rtol=1e-5, atol=1e-6):
            wrong = int((~np.isclose(value, x, rtol=1e-5, atol=1e-6)).sum())
            self._problem(name, "Keras' input", f"another in {wrong} of {x.size} values")
        return x

    def _compare_float_input(self, name: str, op: Op, found: np.ndarray, x: np.ndarray) -> None:
        if found.size != x.size:
            self._problem(name, f"an input of {x.size} values", f"one of {found.size}")
            return
        producer = self.file.graph.producer(op.inputs[0])
        source = producer if producer is not None and producer.kind in KERNEL_OPS else None
        allowed = bound_of(self.values, source, x).per_channel(x.shape[-1])
        allowed = np.maximum(allowed, self._allowed(("input", name), x))
        difference = np.abs(found.reshape(x.shape) - x)
        difference = np.where(self._unpacked.near_threshold(x), 0, difference)
        if (difference > allowed).any():
            self._differs(self._layers(name, source), difference, allowed, f"in front of '{name}'")

    def _count_levels(self, name: str, op: Op, x: np.ndarray) -> None:
        # What the model is given may well have few levels, and so may sums of a few products (in
        # separable convolutions): nobody has quantized it.
        tensor = self.file.source_of(op.inputs[0])
        producer = self.file.graph.producer(tensor)
        sums_of_another = producer is not None and producer.kind in KERNEL_OPS
        if x.size < _MANY_VALUES or sums_of_another or tensor in self.file.graph.inputs:
            return
        levels = len(np.unique(x))
        if 2 <= levels <= _MOST_LEVELS:
            self.report.low_bit_inputs[name] = levels

    def _compare_sums(self, name, call, part, op, kernel, deployment) -> None:
        """The op's float value on its own inputs, from exact sums and the file's constants."""
        window = deployment.window
        activations = self.values.activations(op, window)
        acc = sums(activations, kernel.signs, window)
        self.seen[Origin(name, KERNEL, call, part)] = SumsOf.op(op, activations, acc, kernel.signs)
        y = self.values.arrays[op.outputs[0]]
        if y.shape != acc.shape:
            self.comparable = False
            self._problem(name, f"an output {acc.shape}", f"one of shape {y.shape}")
            return
        arguments = self.values.epilogue_inputs(op)
        expected = epilogue(acc, **arguments)
        if op.options["bits"] != 32:
            if not np.array_equal(y, expected, equal_nan=True):
                wrong = int((y != expected).sum())
                self._problem(
                    name,
                    "what its sums give with the constants of its op",
                    f"another in {wrong} of {y.size} values",
                )
            self._compare_packed(name, op, y)
            return
        largest = sums(np.abs(activations), np.abs(kernel.signs), window).max()
        multiplier = np.abs(arguments["multiplier"]).max()
        pixel = arguments["pixel_scale"]
        allowed = largest * multiplier * (1 if pixel is None else np.abs(pixel).max())
        allowed = 16 * np.finfo(np.float32).eps * (allowed + np.abs(expected).max())
        difference = np.abs(y - expected)
        if (difference > allowed).any():
            self._differs(name, difference, np.asarray(allowed), "of its op")
        self._compare_packed(name, op, y)

    def _compare_packed(self, name: str, op: Op, y: np.ndarray) -> None:
        """The packed output is the float one, quantized as the options say."""
        bits = op.options["out_bits"]
        if not bits:
            return
        value = self.values.before_quantizer(op, y)
        expected = quantized(value, bits, op.options["out_scale"])
        found = self.values.codes(op.outputs[-1], bits, y.shape[-1])
        if not np.array_equal(expected, found):
            wrong = int((expected != found).sum())
            self._problem(name, "its values quantized", f"others in {wrong} of {y.size} places")

    def _output(self, name, layer, deployment, kernels, x, inputs) -> np.ndarray:
        """What Keras' layer gives on the file's inputs; the description must give the same."""
        quantizes = deployment.inputs[0].quantization is not None
        if quantizes and hasattr(layer, "input_quantizer"):
            factors = [np.float32(source.factor) for source in deployment.inputs]
            total = sum(f * one for f, one in zip(factors, inputs, strict=True))
            output = own_output(layer, x, total)
        else:
            output = own_output(layer, x if quantizes else inputs[0])
        if deployment.factors:
            return output
        self.direct.add(name)
        # A layer that quantizes by itself cannot be given the file's values: its own are the same
        # but for those close to a threshold, and the formula is compared on them.
        by_itself = quantizes and not hasattr(layer, "input_quantizer")
        own = [_own_input(one, x) for one in deployment.inputs] if by_itself else inputs
        expected, allowed = _formula(deployment, kernels, own)
        difference = np.abs(output - expected)
        if (difference > allowed).any():
            self._differs(name, difference, np.asarray(allowed), "of the layer itself")
        return _formula(deployment, kernels, inputs)[0] if by_itself else output

    def float_layer(self, name: str, y: np.ndarray) -> np.ndarray:
        """As it is: what float layers give is compared where it is quantized."""
        return y

    # ---- the rest ----

    def compare_outputs(self, model: keras.Model, outputs: list[np.ndarray]) -> None:
        """The model's outputs on the file's quantized values."""
        names = [tensor.name for tensor in keras.tree.flatten(model.outputs)]
        for number, (expected, found) in enumerate(zip(outputs, self.values.outputs, strict=True)):
            where = f"output {number} ('{names[number]}')"
            if found.shape != expected.shape:
                self._problem(where, f"shape {expected.shape}", f"shape {found.shape}")
                continue
            if found.size == 0:
                continue
            allowed = _OUTPUT_TOLERANCE * max(float(np.abs(expected).max()), 1e-6)
            allowed = np.maximum(allowed, self._allowed(where, expected))
            difference = np.abs(found.astype(np.float32) - expected)
            if (difference > allowed).any() or not np.isfinite(found).all():
                tensor = self.file.graph.outputs[number]
                layers = self.file.layers_of(self.file.sources(tensor))
                self._differs(
                    " + ".join([*layers, where]), difference, np.asarray(allowed), f"of {where}"
                )

    def _layers(self, name: str, op: Op | None) -> str:
        """The layers whose ops make the value that an op quantizes; `name` if there is none."""
        layers = [] if op is None else self.file.layers_of(self.file.sources(op.outputs[0]))
        return " + ".join(layers) or name

    def _problem(self, layer: str, expected: str, found: str) -> None:
        problem = Problem(layer, expected, found)
        if problem not in self.report.problems:
            self.report.problems.append(problem)


def _written_as(op: Op | None) -> tuple[int, float]:
    """Bits and scale with which an op quantizes."""
    if op is None:
        return 0, 0.0
    if op.kind == "KgnQuantize":
        return op.options["bits"], float(op.options["scale"])
    return op.options["out_bits"], float(op.options["out_scale"])


def _own_input(source: Input, x: np.ndarray) -> np.ndarray:
    """What kernels read of `x` in Keras."""
    if source.quantization is None:
        return x
    shifted = x + np.float32(source.offset) if source.offset else x
    return applied(source.quantization.quantizer, prepared(source.quantization, shifted))


def _formula(
    deployment: Deployment, kernels: Sequence[BinaryKernel], inputs: Sequence[np.ndarray]
) -> tuple[np.ndarray, float]:
    """What a description says of these inputs, and how far rounding may take a layer from it."""
    along_time = deployment.window is not None and inputs[0].ndim == 3  # height 1 in the file
    inputs = [one[:, None] for one in inputs] if along_time else inputs
    terms = [
        np.float32(source.factor) * (sums(one, kernel.signs, deployment.window) * kernel.scales)
        for source, one in zip(deployment.inputs, inputs, strict=True)
        for kernel in kernels
    ]
    expected = np.sum(terms, axis=0)
    if along_time:
        expected = expected[:, 0]
    if deployment.bias is not None:
        expected = expected + deployment.bias()
    magnitude = max(float(np.abs(term).max()) for term in terms)
    largest = max(
        float(np.abs(kernel.scales).max() * np.abs(one).max() * kernel.signs[..., 0].size)
        for one in inputs
        for kernel in kernels
    )
    if deployment.activation is not None:
        expected = applied(deployment.activation, expected)
    eps = np.finfo(np.float32).eps
    return expected, float(16 * eps * max(magnitude, np.sqrt(largest * magnitude)))


def _distance(
    x: np.ndarray, theirs: np.ndarray, codes: np.ndarray, quantization: Quantization
) -> np.ndarray:
    """How far each value is from the furthest threshold between two codes."""
    if quantization.bits == 1:
        return np.abs(x)
    far = np.where(codes > theirs, codes - 0.5, codes + 0.5) * quantization.step
    return np.abs(x - far)
