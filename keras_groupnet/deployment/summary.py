"""What a model costs: weights by bits, products, bytes, theoretical speed-up, milliseconds."""

import dataclasses
import html
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
from rich.console import Console

from keras_groupnet.deployment.calls import Call, positions, record_calls
from keras_groupnet.deployment.cost_model import CostModel
from keras_groupnet.deployment.cost_model_calls import CallTimes
from keras_groupnet.deployment.describe import Deployment, binary_deployment
from keras_groupnet.deployment.file_size import FileSize
from keras_groupnet.deployment.layer_tree import layer_tree, own_weights
from keras_groupnet.deployment.model_graph import FLOAT_BITS, ModelGraph
from keras_groupnet.deployment.operations import multiply_accumulates
from keras_groupnet.deployment.quant_layers import is_of_8_bits, without_ranges
from keras_groupnet.deployment.summary_table import WIDEST, cells, html_row, note, rich_table

# Eq. 4 and RBCN take it that a processor does 64 binary operations in the time of a float one.
BINARY_OPERATIONS_PER_FLOAT = 64


@dataclasses.dataclass(frozen=True)
class LayerSummary:
    """One layer that has weights.

    Attributes:
        name: of the layer; those of the models and layers around it stand in front.
        kind: its class.
        input_shape: of its first input in its first call, without the batch.
        output_shape: of its first output there.
        binary_weights: 1-bit weights.
        float_weights: 32-bit weights.
        macs: multiply-accumulates of all calls for one sample, with weights of any number of bits.
        weight_bits: 1, 2, ... for binary layers, in how many 1-bit kernels; 8 for layers trained
            for int8, 32 for other float ones.
        activation_bits: 1, 2, 4, ... for binary layers, 32 for float inputs; the most of any call.
            8 for inputs that were trained for int8.
        bases: K, in how many copies the layer exists.
        file_bytes: of its constants in the converted file.
        calls: how often the model calls it.
        output_values: of all calls for one sample.
        reference_weights: of one float layer of its geometry.
        activation_bytes: what its largest call reads and writes for one sample, as the file has it
            (packed or float); 0 for what becomes a part of another layer's op.
        milliseconds: of all calls for one sample, estimated (`CostModel`); what becomes a part of
            another layer's op takes as long as that op takes longer.
    """

    name: str
    kind: str
    input_shape: tuple[int, ...]
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
    reference_weights: int
    activation_bytes: int
    milliseconds: float

    @property
    def binary_macs(self) -> int:
        """Multiply-accumulates with binary weights."""
        return self.macs if self.binary_weights else 0

    @property
    def float_macs(self) -> int:
        """Multiply-accumulates with float weights."""
        return 0 if self.binary_weights else self.macs

    @property
    def precision(self) -> str:
        """`"W1A2"` of 1-bit weights and 2-bit activations, `"W8A8"`, or `"float"`."""
        if self.weight_bits == FLOAT_BITS:
            return "float"
        return f"W{self.weight_bits}A{self.activation_bits}"

    @property
    def cost(self) -> float:
        """Float operations that take as long as this layer: Eq. 4's cost model.

        64 binary operations take as long as one float operation, and a product of k and l bits is
        k * l binary ones. To these comes the float accumulation of the output, one operation per
        value.
        """
        if not self.binary_weights or self.activation_bits == FLOAT_BITS:
            return float(self.macs)
        return self.rbcn_cost + self.output_values

    @property
    def rbcn_cost(self) -> float:
        """RBCN's rule: real products + binary products / 64, and nothing else.

        As in `cost` a product of k and l bits is k * l binary ones; one of a binary weight and a
        float is real.
        """
        if not self.binary_weights or self.activation_bits == FLOAT_BITS:
            return float(self.macs)
        products = self.weight_bits * self.activation_bits
        return self.macs * products / BINARY_OPERATIONS_PER_FLOAT

    @property
    def speedup(self) -> float | None:
        """Of the K copies over one float layer of their geometry, Eq. 4; None for 0 `macs`."""
        return self.macs / (self.bases * self.cost) if self.macs else None

    @property
    def rbcn_speedup(self) -> float | None:
        """As `speedup`, by RBCN's rule."""
        return self.macs / (self.bases * self.rbcn_cost) if self.macs else None

    def record(self) -> dict[str, Any]:
        """The numbers by their names, `None` where one makes no sense."""
        fields = dataclasses.asdict(self)
        del fields["macs"], fields["output_values"], fields["reference_weights"]
        if not self.macs:
            fields["activation_bits"] = None
        fields |= {
            name: getattr(self, name)
            for name in ("binary_macs", "float_macs", "speedup", "rbcn_speedup")
        }
        return fields


@dataclasses.dataclass(frozen=True)
class ModelSummary:
    """The totals of a model.

    Attributes:
        name: of the model.
        layers: those that have weights.
        file_bytes: about what the converted file will have (`float_layers="float32"`).
        activation_bytes: the most that any layer reads and writes for one sample, those without
            weights too.
        other_milliseconds: of layers without weights, and of starting a run.
        profile: the name of the profile that the milliseconds come from.
    """

    name: str
    layers: tuple[LayerSummary, ...]
    file_bytes: int
    activation_bytes: int
    other_milliseconds: float
    profile: str

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

    @property
    def rbcn_speedup(self) -> float:
        """As `speedup`, by RBCN's rule: real products + binary products / 64."""
        cost = sum(layer.rbcn_cost for layer in self.layers)
        return self.reference_macs / cost if cost else 1.0

    @property
    def milliseconds(self) -> float:
        """Of one sample on one thread of the profile's machine, estimated."""
        return sum(layer.milliseconds for layer in self.layers) + self.other_milliseconds

    @property
    def weight_bytes(self) -> int:
        """Of all constants of the file: packed and float weights, scales, biases."""
        return sum(layer.file_bytes for layer in self.layers)

    @property
    def reference_weights(self) -> int:
        """Weights of the float network with the same geometry, one copy of each."""
        return round(sum(layer.reference_weights / layer.bases for layer in self.layers))

    @property
    def compression(self) -> float:
        """Bytes of that float network's weights (4 each) over those of the file; 1 without any."""
        weights = 4 * self.reference_weights
        return weights / self.file_bytes if weights else 1.0

    @property
    def weight_compression(self) -> float:
        """Bytes of that float network's weights over those of the weights in the file."""
        return 4 * self.reference_weights / self.weight_bytes if self.weight_bytes else 1.0

    def records(self) -> list[dict[str, Any]]:
        """A dict of plain values for each layer, for `pandas.DataFrame` or JSON.

        Example:
            `pandas.DataFrame(kgn.summary(model).records())`
        """
        return [layer.record() for layer in self.layers]

    def _repr_html_(self) -> str:
        """A table of its own for notebooks."""
        head, *rows = cells(self)
        lines = [f"<caption>{html.escape(self.name)}</caption>", html_row(head, "th")]
        lines += [html_row(row, "td") for row in rows if row]
        return f"<table>\n{chr(10).join(lines)}\n</table>\n<p>{html.escape(note(self))}</p>"


def summary(
    model: keras.Model,
    input_shape: Sequence[Any] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    profile: CostModel | str | Path | None = None,
) -> ModelSummary:
    """Prints a table of the layers that have weights and returns the numbers.

    It is what `convert` would make of the model: layers that cannot be binary count as float ones,
    and those that are not called are left out. The bases of a group take one row, `base*`; a layer
    that is called several times has its weights once, and the multiply-accumulates of all calls.
    Element-wise layers and pooling are not counted (see `multiply_accumulates`). The speed-up is
    that of Eq. 4 of Group-Net: for one layer of K bases with stride 1

        sigma = 64 / K * c_in * w * h / (c_in * w * h + 64)

    over a float layer of the same geometry; it says nothing about a particular machine. Beside it
    stands RBCN's rule, which counts real products + binary products / 64 and no accumulation.
    The milliseconds are estimates for one machine (docs/cost_model.md).

    Args:
        model: any built model: several inputs, nested, with wrappers, subclassed.
        input_shape: `(height, width, channels)`, for models whose inputs leave them open, and for
            subclassed ones; a list of such shapes for several inputs.
        print_fn: gets the text; None for `print`.
        profile: a `CostModel`, the path of a profile or the name of one; None for the one that
            comes with the package and fits this machine (`CostModel.load`).

    Returns:
        The totals and one entry per layer; a notebook shows it as a table.

    Raises:
        ValueError: if the model is not built, shapes are unknown, or there is no such profile.

    Example:
        `kgn.summary(kgn.models.ResNet18(bases=5)).milliseconds`

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, Eq. 4; Liu et al., RBCN, arXiv 1908.07748,
        section 4.
    """
    result = summarize(model, input_shape, profile)
    console = Console()
    table = rich_table(result)
    # Wide enough for the numbers: rich would cut them to fit, and they are what counts.
    unlimited = console.options.update(width=WIDEST)
    console.width = max(console.width, console.measure(table, options=unlimited).maximum)
    with console.capture() as capture:
        console.print(table)
    (print_fn or print)(capture.get())
    return result


def summarize(
    model: keras.Model,
    input_shape: Sequence[Any] | None = None,
    profile: CostModel | str | Path | None = None,
) -> ModelSummary:
    """As `summary`, without printing: what a search asks for each candidate."""
    prices = profile if isinstance(profile, CostModel) else CostModel.load(profile)
    tree = layer_tree(model)
    deployments = {
        layer: found for layer in tree if (found := binary_deployment(layer)) is not None
    }
    # What their parts do is in their description, or in the registry of operations.
    opaque = {*deployments, *(layer for layer in tree if isinstance(layer, keras.layers.RNN))}
    hidden = {inner for layer in opaque for inner in layer_tree(layer)}
    shown = own_weights([model, *(layer for layer in tree if layer not in hidden)])
    weights = {layer: without_ranges(layer, own) for layer, own in shown.items()}
    graph = ModelGraph(record_calls(model, input_shape, opaque), deployments)
    calls: dict[Any, list[Call]] = {}
    for call in graph.every():
        calls.setdefault(call.layer, []).append(call)
    size = FileSize(graph, deployments, weights, model.name)
    file_bytes = size.total()
    times = CallTimes(graph, deployments, prices, file_bytes)
    batch = next(graph.every()).batch
    bases = graph.bases()
    rows = []
    for layer, own in weights.items():
        if layer in calls and (own or layer in deployments):
            numbers = _numbers(calls[layer], own, graph, deployments.get(layer))
            rows.append(
                LayerSummary(
                    bases=bases[layer],
                    file_bytes=size.constants(layer),
                    activation_bytes=times.activation_bytes(layer) // batch,
                    milliseconds=times.microseconds(layer) / 1e3 / batch,
                    **numbers,
                )
            )
    return ModelSummary(
        model.name,
        tuple(rows),
        file_bytes,
        times.largest_activation_bytes() // batch,
        times.total() / 1e3 / batch - sum(row.milliseconds for row in rows),
        prices.name,
    )


def _numbers(
    calls: Sequence[Call], own: Sequence[Any], graph: ModelGraph, deployment: Deployment | None
) -> dict[str, Any]:
    """What a layer's calls and its description tell of it."""
    first = calls[0]
    numbers: dict[str, Any] = {
        "name": first.name,
        "kind": type(first.layer).__name__,
        "input_shape": first.input_shape[1:],
        "output_shape": first.output_shape[1:],
        "calls": len(calls),
        "output_values": sum(math.prod(call.output_shape) for call in calls) // first.batch,
    }
    if deployment is None:
        macs = [
            multiply_accumulates(call.layer, call.input_shape, call.output_shape) for call in calls
        ]
        floats = sum(math.prod(weight.shape) for weight in own)
        return numbers | {
            "binary_weights": 0,
            "float_weights": floats,
            "reference_weights": floats,
            "macs": sum(macs) // first.batch,
            **_trained_bits(first.layer),
        }
    places = sum(positions(call.output_shape) for call in calls) // first.batch
    biases = 0 if deployment.bias is None else deployment.bias().size
    return numbers | {
        "binary_weights": deployment.binary_weights,
        "float_weights": deployment.float_weights,
        "reference_weights": math.prod(deployment.kernel_shape) + biases,
        "macs": places * math.prod(deployment.kernel_shape),
        "weight_bits": deployment.kernel_count,
        "activation_bits": max(graph.activation_bits(call) for call in calls),
    }


def _trained_bits(layer: Any) -> dict[str, int]:
    """The bits of a float layer: 8 where it was trained for int8."""
    weights = is_of_8_bits(layer)
    inputs = weights and layer.input_quantizer is not None
    return {
        "weight_bits": 8 if weights else FLOAT_BITS,
        "activation_bits": 8 if inputs else FLOAT_BITS,
    }
