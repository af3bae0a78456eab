"""What a model costs: weights by bits, multiply-accumulates, bytes, theoretical speed-up."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from keras_groupnet.deployment.file_size import (
    binary_kernels,
    binary_shape,
    constant_bytes,
    float_weights,
    is_binary,
    overhead_bytes,
)
from keras_groupnet.deployment.model_graph import ModelGraph
from keras_groupnet.structure.scope import name_of_copies

# Eq. 4 takes it that a processor does 64 binary operations in the time of one real operation.
BINARY_OPERATIONS_PER_REAL = 64


@dataclasses.dataclass(frozen=True)
class LayerSummary:
    """One layer that has weights.

    Attributes:
        name: of the layer; that of a nested model stands in front.
        kind: its class.
        output_shape: without the batch.
        binary_weights: 1-bit weights.
        float_weights: 32-bit weights.
        macs: multiply-accumulates for one sample, with weights of any number of bits.
        weight_bits: 1, 2, ... for binary layers, in how many 1-bit kernels; 32 for real ones.
        activation_bits: 1, 2, 4, ... for binary layers, 32 for real inputs.
        bases: K, in how many copies the layer exists.
        file_bytes: of its constants in the converted file.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    binary_weights: int
    float_weights: int
    macs: int
    weight_bits: int
    activation_bits: int
    bases: int
    file_bytes: int

    @property
    def cost(self) -> float:
        """Real operations that take as long as this layer: Eq. 4's cost model.

        64 binary operations take as long as one real operation, and a product of k and l bits is
        k * l binary ones. To these comes the real accumulation of the output map, one operation per
        value.
        """
        if not self.binary_weights or self.activation_bits == 32:
            return float(self.macs)
        products = self.weight_bits * self.activation_bits
        binary = self.macs * products / BINARY_OPERATIONS_PER_REAL
        return binary + math.prod(self.output_shape)

    @property
    def speedup(self) -> float | None:
        """Of the K copies over one real layer of their geometry, Eq. 4; None for 0 `macs`."""
        return self.macs / (self.bases * self.cost) if self.macs else None


@dataclasses.dataclass(frozen=True)
class ModelSummary:
    """The totals of a model.

    Attributes:
        name: of the model.
        layers: those that have weights.
        file_bytes: what the converted file will have (float first and last layer).
    """

    name: str
    layers: tuple[LayerSummary, ...]
    file_bytes: int

    @property
    def binary_weights(self) -> int:
        """1-bit weights."""
        return sum(layer.binary_weights for layer in self.layers)

    @property
    def float_weights(self) -> int:
        """32-bit weights, with the moving statistics of batch norms."""
        return sum(layer.float_weights for layer in self.layers)

    @property
    def binary_macs(self) -> dict[int, int]:
        """Multiply-accumulates with binary weights: activation bits -> how many."""
        totals: dict[int, int] = {}
        for layer in self.layers:
            if layer.binary_weights and layer.macs:
                bits = layer.activation_bits
                totals[bits] = totals.get(bits, 0) + layer.macs
        return totals

    @property
    def float_macs(self) -> int:
        """Multiply-accumulates with real weights."""
        return sum(layer.macs for layer in self.layers if not layer.binary_weights)

    @property
    def reference_macs(self) -> int:
        """Multiply-accumulates of the real network with the same geometry, one copy of each."""
        # Rounded, because 1 / K is inexact; the K copies add up to whole numbers.
        return round(sum(layer.macs / layer.bases for layer in self.layers))

    @property
    def speedup(self) -> float:
        """Theoretical, of the whole model over that real network (cost model of Eq. 4)."""
        cost = sum(layer.cost for layer in self.layers)
        return self.reference_macs / cost if cost else 1.0


def summary(
    model: keras.Model,
    input_shape: tuple[int, ...] | None = None,
    print_fn: Callable[[str], Any] | None = None,
) -> ModelSummary:
    """Prints a table of the layers that have weights and returns the numbers.

    The bases of a group take one row, `base*`. Element-wise layers and pooling are not counted.
    The speed-up is that of Eq. 4 of Group-Net: for one layer of K bases with stride 1

        sigma = 64 / K * c_in * w * h / (c_in * w * h + 64)

    over a real layer of the same geometry; it says nothing about a particular machine.

    Args:
        model: functional or Sequential, built.
        input_shape: `(height, width, channels)`, for models whose inputs leave them open.
        print_fn: gets the text; None for `print`.

    Returns:
        The totals and one entry per layer.

    Raises:
        ValueError: if the model is no such model, or shapes are open.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, Eq. 4.
    """
    result = summarize(model, input_shape)
    console = Console()
    # Wide enough for the numbers: rich would cut them to fit, and they are what counts.
    console.width = max(console.width, 110)
    with console.capture() as capture:
        console.print(_table(result))
    (print_fn or print)(capture.get())
    return result


def summarize(model: keras.Model, input_shape: tuple[int, ...] | None = None) -> ModelSummary:
    """As `summary`, without printing."""
    if input_shape is not None:
        # Shapes are those of the model's graph, so the graph is built again.
        model = keras.models.clone_model(model, input_tensors=keras.Input(tuple(input_shape)))
    graph = ModelGraph(model)
    bases = graph.bases()
    layers = tuple(_layer(layer, graph, bases[layer]) for layer in graph.names)
    constants = sum(layer.file_bytes for layer in layers)
    return ModelSummary(
        model.name,
        tuple(layer for layer in layers if layer.binary_weights or layer.float_weights),
        constants + overhead_bytes(graph),
    )


def _layer(layer: keras.layers.Layer, graph: ModelGraph, bases: int) -> LayerSummary:
    name = graph.names[layer]
    real = float_weights(layer)
    kernels = binary_kernels(layer)
    binary = kernels * math.prod(binary_shape(layer)) if kernels else 0
    output = keras.tree.flatten(layer.output)[0]
    shape = tuple(output.shape[1:])
    if real + binary and None in shape:
        raise ValueError(
            "The shapes must be known to count operations: pass `input_shape=(height, width, "
            f"channels)`. Received: layer {name!r} with output shape {shape}"
        )
    return LayerSummary(
        name,
        type(layer).__name__,
        shape,
        binary,
        real,
        _macs(layer, shape),
        kernels or 32,
        graph.activation_bits(layer) if binary else 32,
        bases,
        constant_bytes(layer, graph),
    )


def _macs(layer: keras.layers.Layer, output_shape: tuple[int, ...]) -> int:
    """Every weight of the kernels is used once at every position, of inputs if transposed."""
    kernels = [weight for weight in layer.weights if weight.name.endswith("kernel")]
    if not kernels:
        return 0
    shapes = [binary_shape(layer)] if is_binary(layer) else [kernel.shape for kernel in kernels]
    transposed = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose)
    shape = tuple(layer.input.shape[1:]) if isinstance(layer, transposed) else output_shape
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    positions = math.prod(shape[1:] if channels_first else shape[:-1])
    return positions * sum(math.prod(kernel) for kernel in shapes)


def _table(model: ModelSummary) -> Table:
    table = Table(title=model.name)
    for title in ("layer", "output", "1-bit", "32-bit", "MACs", "at", "bytes", "speed-up"):
        left = title in ("layer", "output")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    rows: dict[str, list[LayerSummary]] = {}
    for layer in model.layers:
        key = layer.name if layer.bases == 1 else name_of_copies(layer.name)
        rows.setdefault(key, []).append(layer)
    for name, copies in rows.items():
        first = copies[0]
        macs = sum(layer.macs for layer in copies)
        at = f"W{first.weight_bits}A{first.activation_bits}" if first.binary_weights else "real"
        table.add_row(
            name,
            "x".join(map(str, first.output_shape)),
            _number(sum(layer.binary_weights for layer in copies)),
            _number(sum(layer.float_weights for layer in copies)),
            _number(macs),
            at if macs else "",
            _number(sum(layer.file_bytes for layer in copies)),
            f"{first.speedup:.1f}x" if first.binary_weights and first.speedup else "",
        )
    macs = sum(model.binary_macs.values()) + model.float_macs
    constants = sum(layer.file_bytes for layer in model.layers)
    table.add_row("ops and tensors of the file", *[""] * 5, _number(model.file_bytes - constants))
    table.add_section()
    table.add_row(
        "total",
        "",
        _number(model.binary_weights),
        _number(model.float_weights),
        _number(macs),
        "",
        _number(model.file_bytes),
        f"{model.speedup:.1f}x",
    )
    return table


def _number(value: int) -> str:
    return f"{value:,}" if value else ""
