"""What a model costs: weights by bits, multiply-accumulates, bytes, theoretical speed-up."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from keras_groupnet.deployment.calls import Call, positions, record_calls
from keras_groupnet.deployment.describe import Deployment, binary_deployment
from keras_groupnet.deployment.file_size import FileSize
from keras_groupnet.deployment.layer_tree import layer_tree, own_weights
from keras_groupnet.deployment.model_graph import FLOAT_BITS, ModelGraph
from keras_groupnet.deployment.operations import multiply_accumulates
from keras_groupnet.structure.scope import name_of_copies

# Eq. 4 takes it that a processor does 64 binary operations in the time of one float operation.
BINARY_OPERATIONS_PER_FLOAT = 64


@dataclasses.dataclass(frozen=True)
class LayerSummary:
    """One layer that has weights.

    Attributes:
        name: of the layer; those of the models and layers around it stand in front.
        kind: its class.
        output_shape: of its first call, without the batch.
        binary_weights: 1-bit weights.
        float_weights: 32-bit weights.
        macs: multiply-accumulates of all calls for one sample, with weights of any number of bits.
        weight_bits: 1, 2, ... for binary layers, in how many 1-bit kernels; 32 for float ones.
        activation_bits: 1, 2, 4, ... for binary layers, 32 for float inputs; the most of any call.
        bases: K, in how many copies the layer exists.
        file_bytes: of its constants in the converted file.
        calls: how often the model calls it.
        output_values: of all calls for one sample.
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
    calls: int
    output_values: int

    @property
    def cost(self) -> float:
        """Float operations that take as long as this layer: Eq. 4's cost model.

        64 binary operations take as long as one float operation, and a product of k and l bits is
        k * l binary ones. To these comes the float accumulation of the output, one operation per
        value.
        """
        if not self.binary_weights or self.activation_bits == FLOAT_BITS:
            return float(self.macs)
        products = self.weight_bits * self.activation_bits
        return self.macs * products / BINARY_OPERATIONS_PER_FLOAT + self.output_values

    @property
    def speedup(self) -> float | None:
        """Of the K copies over one float layer of their geometry, Eq. 4; None for 0 `macs`."""
        return self.macs / (self.bases * self.cost) if self.macs else None


@dataclasses.dataclass(frozen=True)
class ModelSummary:
    """The totals of a model.

    Attributes:
        name: of the model.
        layers: those that have weights.
        file_bytes: about what the converted file will have (`float_layers="float32"`).
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
        """Multiply-accumulates with float weights."""
        return sum(layer.macs for layer in self.layers if not layer.binary_weights)

    @property
    def reference_macs(self) -> int:
        """Multiply-accumulates of the float network with the same geometry, one copy of each."""
        # Rounded, because 1 / K is inexact; the K copies add up to whole numbers.
        return round(sum(layer.macs / layer.bases for layer in self.layers))

    @property
    def speedup(self) -> float:
        """Theoretical, of the whole model over that float network (cost model of Eq. 4)."""
        cost = sum(layer.cost for layer in self.layers)
        return self.reference_macs / cost if cost else 1.0


def summary(
    model: keras.Model,
    input_shape: Sequence[Any] | None = None,
    print_fn: Callable[[str], Any] | None = None,
) -> ModelSummary:
    """Prints a table of the layers that have weights and returns the numbers.

    It is what `convert` would make of the model: layers that cannot be binary count as float ones,
    and those that are not called are left out. The bases of a group take one row, `base*`; a layer
    that is called several times has its weights once, and the multiply-accumulates of all calls.
    Element-wise layers and pooling are not counted (see `multiply_accumulates`). The speed-up is
    that of Eq. 4 of Group-Net: for one layer of K bases with stride 1

        sigma = 64 / K * c_in * w * h / (c_in * w * h + 64)

    over a float layer of the same geometry; it says nothing about a particular machine.

    Args:
        model: any built model: several inputs, nested, with wrappers, subclassed.
        input_shape: `(height, width, channels)`, for models whose inputs leave them open, and for
            subclassed ones; a list of such shapes for several inputs.
        print_fn: gets the text; None for `print`.

    Returns:
        The totals and one entry per layer.

    Raises:
        ValueError: if the model is not built, or shapes are unknown.

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


def summarize(model: keras.Model, input_shape: Sequence[Any] | None = None) -> ModelSummary:
    """As `summary`, without printing."""
    tree = layer_tree(model)
    deployments = {
        layer: found for layer in tree if (found := binary_deployment(layer)) is not None
    }
    # What their parts do is in their description, or in the registry of operations.
    opaque = {*deployments, *(layer for layer in tree if isinstance(layer, keras.layers.RNN))}
    hidden = {inner for layer in opaque for inner in layer_tree(layer)}
    weights = own_weights([model, *(layer for layer in tree if layer not in hidden)])
    graph = ModelGraph(record_calls(model, input_shape, opaque), deployments)
    calls: dict[Any, list[Call]] = {}
    for call in graph.every():
        calls.setdefault(call.layer, []).append(call)
    size = FileSize(graph, deployments, weights, model.name)
    bases = graph.bases()
    rows = []
    for layer, own in weights.items():
        if layer in calls and (own or layer in deployments):
            numbers = _numbers(calls[layer], own, graph, deployments.get(layer))
            rows.append(
                LayerSummary(bases=bases[layer], file_bytes=size.constants(layer), **numbers)
            )
    return ModelSummary(model.name, tuple(rows), size.total())


def _numbers(
    calls: Sequence[Call], own: Sequence[Any], graph: ModelGraph, deployment: Deployment | None
) -> dict[str, Any]:
    """What a layer's calls and its description tell of it."""
    first = calls[0]
    numbers: dict[str, Any] = {
        "name": first.name,
        "kind": type(first.layer).__name__,
        "output_shape": first.output_shape[1:],
        "calls": len(calls),
        "output_values": sum(math.prod(call.output_shape) for call in calls) // first.batch,
    }
    if deployment is None:
        macs = [
            multiply_accumulates(call.layer, call.input_shape, call.output_shape) for call in calls
        ]
        return numbers | {
            "binary_weights": 0,
            "float_weights": sum(math.prod(weight.shape) for weight in own),
            "macs": sum(macs) // first.batch,
            "weight_bits": FLOAT_BITS,
            "activation_bits": FLOAT_BITS,
        }
    places = sum(positions(call.output_shape) for call in calls) // first.batch
    return numbers | {
        "binary_weights": deployment.binary_weights,
        "float_weights": deployment.float_weights,
        "macs": places * math.prod(deployment.kernel_shape),
        "weight_bits": deployment.kernel_count,
        "activation_bits": max(graph.activation_bits(call) for call in calls),
    }


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
        at = f"W{first.weight_bits}A{first.activation_bits}" if first.binary_weights else "float"
        table.add_row(
            name if first.calls == 1 else f"{name} ({first.calls} calls)",
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
