"""What a conversion says of itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from keras_groupnet.conversion.checks.problems import VerifyReport
from keras_groupnet.conversion.int8.changed_codes import ChangedCodes


class ConversionError(RuntimeError):
    """The conversion did not give what was asked for; no file was written.

    Attributes:
        report: the `ConversionReport` up to that point.
    """

    def __init__(self, message: str, report: ConversionReport):
        super().__init__(message)
        self.report = report


@dataclass(frozen=True)
class ConvertedLayer:
    """What a layer with a kernel is in the file.

    Attributes:
        name: of the Keras layer; the names of what it is nested in stand in front.
        status: `"binary"`, `"int8"` or `"float32"`.
        detail: for binary layers what they read, else the reason.
        weight_bytes: bytes of the layer's kernels in the file.
    """

    name: str
    status: str
    detail: str
    weight_bytes: int

    @property
    def fate(self) -> str:
        """Deprecated: `status`, with "float" for "float32"."""
        warnings.warn("Use `status` instead of `fate`.", DeprecationWarning, stacklevel=2)
        return "float" if self.status == "float32" else self.status

    @property
    def why(self) -> str:
        """Deprecated: `detail`."""
        warnings.warn("Use `detail` instead of `why`.", DeprecationWarning, stacklevel=2)
        return self.detail


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


@dataclass(frozen=True)
class OutputComparison:
    """The outputs of a file beside those of the Keras model, on the same inputs.

    Attributes:
        samples: how many.
        largest_difference: largest absolute difference of an output value.
        output_range: largest minus smallest output value of Keras, to judge the difference by.
        mismatched_top1: samples whose largest output is at another place than Keras'.
    """

    samples: int = 0
    largest_difference: float = 0.0
    output_range: float = 0.0
    mismatched_top1: int = 0

    def __str__(self) -> str:
        """One line."""
        return (
            f"against Keras on {self.samples} inputs: largest difference "
            f"{self.largest_difference:.3g} (output range {self.output_range:.3g}), "
            f"{self.mismatched_top1} mismatched top-1"
        )


@dataclass
class ConversionReport:
    """The report of `kgn.convert`.

    Attributes:
        layers: one entry for every layer that has a kernel.
        file_bytes: size of the file.
        binary_bytes: of which packed 1-bit weights.
        outputs: the final file's outputs beside Keras'.
        verification: the check layer by layer, made before int8 quantization and clustering.
        compression: one entry for the weights of every binary op, in the file's order, if
            `compress` was asked for.
        changed_codes: how many codes of each quantizer int8 changed, if it was asked for.
    """

    layers: list[ConvertedLayer] = field(default_factory=list)
    file_bytes: int = 0
    binary_bytes: int = 0
    outputs: OutputComparison = OutputComparison()
    verification: VerifyReport | None = None
    compression: list[KernelCompression] = field(default_factory=list)
    changed_codes: list[ChangedCodes] = field(default_factory=list)

    @property
    def images(self) -> int:
        """`outputs.samples`."""
        return self.outputs.samples

    @property
    def largest_difference(self) -> float:
        """`outputs.largest_difference`."""
        return self.outputs.largest_difference

    @property
    def output_range(self) -> float:
        """`outputs.output_range`."""
        return self.outputs.output_range

    @property
    def mismatched_top1(self) -> int:
        """`outputs.mismatched_top1`."""
        return self.outputs.mismatched_top1

    def __str__(self) -> str:
        """The report as tables and a few lines."""
        table = Table("layer", "status", "detail", "weight bytes", title="Conversion")
        for layer in self.layers:
            table.add_row(layer.name, layer.status, layer.detail, f"{layer.weight_bytes:,}")
        console = Console(width=110, no_color=True)
        with console.capture() as capture:
            console.print(table)
            if self.compression:
                console.print(_compression_table(self.compression))
        lines = [capture.get(), f"file: {self.file_bytes:,} bytes"]
        if self.verification is not None:
            lines.append(str(self.verification))
        changed = [one for one in self.changed_codes if one.changed]
        if self.changed_codes:
            lines.append(
                f"int8 changes codes of {len(changed)} of {len(self.changed_codes)} quantizers"
            )
        for one in changed:
            lines.append(
                f"  in front of {', '.join(one.read_by)}: {one.share:.3%} of {one.codes:,}"
            )
        if self.outputs.samples:
            lines.append(str(self.outputs))
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
