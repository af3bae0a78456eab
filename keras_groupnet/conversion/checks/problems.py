"""What the check of a file finds."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something in a file that is not as in the model.

    Attributes:
        layer: name of the Keras layer; several, joined by " + ", if it is their sum that differs.
        expected: what the model has.
        found: what the file has.
    """

    layer: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One sentence."""
        return f"layer '{self.layer}': expected {self.expected}; found {self.found}"


@dataclasses.dataclass
class VerifyReport:
    """The report of `kgn.lite.verify`.

    Attributes:
        problems: empty for a file that computes what the model computes.
        layers: names of the binary layers that were checked.
        values: how many quantized values were compared with Keras'.
        near_threshold: how many of these differ because the value that was quantized lies within
            rounding of a threshold. They are no problem.
        low_bit_inputs: name of each binary layer that reads floats though its input has few
            levels -> how many. No error of the file either, but slow.
        int8_layers: names of the float layers that are int8 in the file. Their weights are the
            model's within rounding; what they give differs from Keras', and was not judged.
    """

    problems: list[Problem] = dataclasses.field(default_factory=list)
    layers: list[str] = dataclasses.field(default_factory=list)
    values: int = 0
    near_threshold: int = 0
    low_bit_inputs: dict[str, int] = dataclasses.field(default_factory=dict)
    int8_layers: list[str] = dataclasses.field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def __str__(self) -> str:
        """A line, and one for each problem."""
        verdict = "equal to Keras" if self.ok else f"{len(self.problems)} problem(s)"
        lines = [
            f"layer by layer: {verdict}; {len(self.layers)} binary layers, {self.values:,} "
            f"quantized values, {self.near_threshold} of them within rounding of a threshold"
        ]
        if self.int8_layers:
            lines.append(
                f"int8, judged by weights and place only: {', '.join(self.int8_layers)}; values "
                "were compared in the float32 file of the same ops"
            )
        return "\n".join([*lines, *map(str, self.problems)])
