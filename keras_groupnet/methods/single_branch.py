"""What methods without bases share."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from keras_groupnet.methods.method import Method
from keras_groupnet.structure.block_style import SHORTCUTS, BlockStyle
from keras_groupnet.structure.blocks import Block
from keras_groupnet.structure.renamed import use_current_names
from keras_groupnet.structure.scope import Scope
from keras_groupnet.structure.wiring import WIRINGS, build_chain


@dataclasses.dataclass(frozen=True, kw_only=True)
class SingleBranch(BlockStyle, Method):
    """Each layer of a block becomes one low-bit layer of the same name.

    A method supplies `activation` and `low_bit_layer`, and what else of `BlockStyle` it needs.

    Args:
        wiring: of the blocks: `"block_shortcut"`, `"layer_shortcut"` or `"bi_real"`, see
            `structure.wiring`.
        shortcut: where a block changes the shape: `"binary"`, a low-bit 1x1 convolution of the
            quantized input; or `"float"`, average pooling and a float 1x1 convolution.
        pad_values: as in `layers.QuantConv2D`.

    Raises:
        ValueError: for other values.
    """

    wiring: str = "block_shortcut"
    shortcut: str = "binary"
    pad_values: float = 0.0

    skip = "float"
    activation_scale = "none"

    def __post_init__(self) -> None:
        """Checks the arguments."""
        use_current_names(self)
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
        """Appends the blocks with one low-bit layer for each of theirs."""
        return build_chain(x, blocks, self, Scope(seed))
