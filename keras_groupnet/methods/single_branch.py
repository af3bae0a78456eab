"""What methods without bases share."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from keras_groupnet.methods.method import Method
from keras_groupnet.structure.blocks import Block
from keras_groupnet.structure.wiring import SHORTCUTS, WIRINGS, Parts, build_chain


@dataclasses.dataclass(frozen=True, kw_only=True)
class SingleBranch(Parts, Method):
    """Each layer of a block becomes one low-bit layer of the same name.

    A method supplies `activation` and `low_bit_layer`; see `wiring.Parts` for what else it may.

    Args:
        wiring: of the blocks: `"v1"`, `"release"` or `"bi_real"`, see `structure.wiring`.
        shortcut: where a block changes the shape: `"binary"` or `"real"`, see `wiring.Parts`.
        pad_values: of `layers.QuantConv2D`.

    Raises:
        ValueError: for other values.
    """

    wiring: str = "v1"
    shortcut: str = "binary"
    pad_values: float = 0.0

    skip = "real"
    activation_scale = "none"

    def __post_init__(self) -> None:
        """Checks the arguments."""
        self.check("wiring", tuple(WIRINGS))
        self.check("shortcut", SHORTCUTS)
        self.check("pad_values", (-1, 0, 1))

    def check(self, name: str, allowed: Sequence[Any]) -> None:
        """Raises ValueError unless an option has one of the allowed values."""
        value = getattr(self, name)
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(f"`{name}` must be one of {allowed}. Received: {name}={value!r}")

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        """See `Method`."""
        return build_chain(x, blocks, self, seed)
