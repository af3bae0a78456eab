"""What a conversion says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


class ConversionError(RuntimeError):
    """The conversion did not give what was asked for; no file was written.

    Attributes:
        report: the `ConversionReport` up to that point.
    """

    def __init__(self, message: str, report: ConversionReport):
        super().__init__(message)
        self.report = report


@dataclass(frozen=True)
class LayerFate:
    """What became of one layer with weights.

    Attributes:
        name: the Keras layer.
        fate: `"binary"`, `"int8"` or `"float"`.
        why: for binary layers the activation bits, else the reason.
        weight_bytes: bytes of the layer's kernel in the file.
    """

    name: str
    fate: str
    why: str
    weight_bytes: int


@dataclass
class ConversionReport:
    """The report of `kgn.convert`.

    Attributes:
        layers: one entry for every layer that has a kernel.
        file_bytes: size of the file.
        binary_bytes: of which packed 1-bit weights.
        images: images of the comparison with Keras; 0 if it was not done.
        largest_difference: largest absolute difference of an output value.
        output_range: largest minus smallest output value of Keras, to judge the difference by.
        mismatched_top1: images whose largest output is at another place than Keras'.
    """

    layers: list[LayerFate] = field(default_factory=list)
    file_bytes: int = 0
    binary_bytes: int = 0
    images: int = 0
    largest_difference: float = 0.0
    output_range: float = 0.0
    mismatched_top1: int = 0

    def __str__(self) -> str:
        """The report as a table and two lines."""
        table = Table("layer", "fate", "why", "weight bytes", title="Conversion")
        for layer in self.layers:
            table.add_row(layer.name, layer.fate, layer.why, f"{layer.weight_bytes:,}")
        console = Console(width=110, no_color=True)
        with console.capture() as capture:
            console.print(table)
        lines = [capture.get(), f"file: {self.file_bytes:,} bytes"]
        if self.images:
            lines.append(
                f"against Keras on {self.images} images: largest difference "
                f"{self.largest_difference:.3g} (output range {self.output_range:.3g}), "
                f"{self.mismatched_top1} mismatched top-1"
            )
        return "\n".join(lines)
