"""Names of tensors in a file that say from which call of which layer they come.

    LAYER/kernel, LAYER/kernel_1, ...   the packed kernels of a layer
    LAYER:1/kernel                      the same, when the layer is called a second time
    LAYER/quantized, LAYER/scale_map    what its quantizer or the layer itself gives

TensorFlow allows no colon in the name of a layer, so names cannot be confused.
"""

from __future__ import annotations

import dataclasses
import re

KERNEL, QUANTIZED, SCALE_MAP = "kernel", "quantized", "scale_map"
_NAME = re.compile(
    rf"(?P<layer>.+?)(?::(?P<call>\d+))?/(?P<what>{KERNEL}|{QUANTIZED}|{SCALE_MAP})(?:_(?P<part>\d+))?"
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a tensor comes from.

    Attributes:
        layer: name of the layer, see `deployment.layer_tree`.
        what: `"kernel"`, `"quantized"` or `"scale_map"`.
        call: which call of the layer, from 0.
        part: which of several in one call, from 0.
    """

    layer: str
    what: str
    call: int = 0
    part: int = 0

    def __str__(self) -> str:
        """The name of the tensor."""
        call = f":{self.call}" if self.call else ""
        part = f"_{self.part}" if self.part else ""
        return f"{self.layer}{call}/{self.what}{part}"

    @classmethod
    def of(cls, name: str) -> Origin | None:
        """The origin that a name tells; None for any other name."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        call, part = (int(match[group] or 0) for group in ("call", "part"))
        return cls(match["layer"], match["what"], call, part)
