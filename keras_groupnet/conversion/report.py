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


@dataclass(frozen=True)
class KernelCompression:
    """What `compress=` made of the weights of one layer.

    Attributes:
        name: the Keras layer.
        packed_bytes: of the weights at 1 bit each (docs/ops.md).
        file_bytes: of the weights in the file, the table of codes included.
        skipped: why they stayed packed; empty if they were compressed.
        kernels: 3×3 kernels; 0 for layers of another size.
        entropy: of the kernels, in bits a kernel.
        changed_kernels, changed_weights: how many `cluster=` changed.
    """

    name: str
    packed_bytes: int
    file_bytes: int
    skipped: str
    kernels: int = 0
    entropy: float = 0.0
    changed_kernels: int = 0
    changed_weights: int = 0

    @property
    def least_bytes(self) -> float:
        """The entropy bound: what the codes alone would take at `entropy` bits a kernel."""
        return self.kernels * self.entropy / 8 if self.kernels else self.packed_bytes


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
        compression: one entry for the weights of every binary op, in the file's order, if
            `compress` was asked for.
    """

    layers: list[LayerFate] = field(default_factory=list)
    file_bytes: int = 0
    binary_bytes: int = 0
    images: int = 0
    largest_difference: float = 0.0
    output_range: float = 0.0
    mismatched_top1: int = 0
    compression: list[KernelCompression] = field(default_factory=list)

    def __str__(self) -> str:
        """The report as tables and two lines."""
        table = Table("layer", "fate", "why", "weight bytes", title="Conversion")
        for layer in self.layers:
            table.add_row(layer.name, layer.fate, layer.why, f"{layer.weight_bytes:,}")
        console = Console(width=110, no_color=True)
        with console.capture() as capture:
            console.print(table)
            if self.compression:
                console.print(_compression_table(self.compression))
        lines = [capture.get(), f"file: {self.file_bytes:,} bytes"]
        if self.images:
            lines.append(
                f"against Keras on {self.images} images: largest difference "
                f"{self.largest_difference:.3g} (output range {self.output_range:.3g}), "
                f"{self.mismatched_top1} mismatched top-1"
            )
        return "\n".join(lines)


def _compression_table(entries: list[KernelCompression]) -> Table:
    """A row for each layer that was compressed, one for each reason to skip, and the total.

    Ratios are packed bytes over file bytes; "bound" is the ratio at the kernels' entropy, without
    any table. Packed weights round channels up to whole words, which is part of the ratio and not
    of the bits a kernel (9 without a code; those of the table are included).
    """
    headings = ("layer", "packed", "file", "ratio", "bound", "bits a kernel", "entropy", "changed")
    table = Table(*headings, title="Compression of the binary weights")

    def row(name: str, group: list[KernelCompression], coded: list[KernelCompression]) -> None:
        packed = sum(entry.packed_bytes for entry in group)
        written = sum(entry.file_bytes for entry in group)
        least = sum(entry.least_bytes for entry in group)
        cells = [f"{packed:,}", f"{written:,}", f"{packed / written:.3f}"]
        cells.append(f"{packed / least:.3f}" if least else "any")
        kernels = sum(entry.kernels for entry in coded)
        if kernels:
            bits = 8 * sum(entry.file_bytes for entry in coded) / kernels
            entropy = sum(entry.kernels * entry.entropy for entry in coded) / kernels
            changed = sum(entry.changed_weights for entry in coded) / (9 * kernels)
            cells += [f"{bits:.3f}", f"{entropy:.3f}", f"{changed:.2%}"]
        table.add_row(name, *cells)

    skipped: dict[str, list[KernelCompression]] = {}
    for entry in entries:
        if entry.skipped:
            skipped.setdefault(entry.skipped.split(":")[0], []).append(entry)
        else:
            row(entry.name, [entry], [entry])
    for reason, group in skipped.items():
        row(f"{len(group)} skipped, {reason}", group, [])
    row("total", entries, [entry for entry in entries if not entry.skipped])
    return table
