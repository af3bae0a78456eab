"""Groups of bases with the functional API: Eq. 3, 5 and 6 of Group-Net, arXiv 1808.02631 (v1).

A network is a list of `Block`s. `build_groups` replaces them by low-bit ones of any style:

    group-wise (Eq. 5, 6)   x -> BN -> Q -+-> base 1, a chain of blocks -+-> sum lambda_i y_i ->
                                          +-> ...                        |
                                          +-> base K --------------------+
    layer-wise (Eq. 3)      the same chain once, each convolution being K convolutions and a sum

The input of a group is normalized and quantized once (Algorithm 1), so that all bases read the same
packed tensor. How a base is wired inside is a matter of `wiring`.
"""

from collections.abc import Sequence
from typing import Any

from keras_groupnet import layers
from keras_groupnet.structure.block_style import BlockStyle, QuantizedInput
from keras_groupnet.structure.blocks import Block, distinct
from keras_groupnet.structure.scope import Scope
from keras_groupnet.structure.wiring import Chain, build_chain

# 1, 2 and 4 are packed in converted files; 32 are floats.
ACTIVATION_BITS = (1, 2, 4, 32)
PARTITIONS = ("v1", "v2", "v3", "layerwise")


class GroupStyle(BlockStyle):
    """A `BlockStyle` that says how blocks become groups of bases too.

    Attributes:
        bases: K, at least 1; a sequence where groups differ, see `of_groups`.
        partition: of the blocks into groups, see `partition_blocks`.
    """

    bases: int | Sequence[int]
    partition: str | Sequence[int]


def partition_blocks(partition: str | Sequence[int], blocks: int) -> list[int]:
    """Returns how many blocks each group holds.

    Args:
        partition: `"v1"` one block per group, `"v2"` two, `"v3"` all blocks in one group,
            `"layerwise"` each layer by itself (blocks stay apart as in `"v1"`), or the block counts
            of the groups in order.
        blocks: how many there are.

    Raises:
        ValueError: if the partition does not cover the blocks exactly.
    """
    if isinstance(partition, str):
        sizes = {"v1": 1, "v2": 2, "v3": blocks, "layerwise": 1}
        if partition not in sizes:
            raise ValueError(
                f"`partition` must be one of {PARTITIONS} or a list of block counts. "
                f"Received: partition={partition!r}"
            )
        size = sizes[partition]
        if blocks % size:
            raise ValueError(
                f"partition={partition!r} needs an even number of blocks. Received: {blocks} "
                f"blocks; pass their counts, for instance {[size] * (blocks // size) + [1]}"
            )
        return [size] * (blocks // size)
    counts = list(partition)
    if not all(_is_count(count) for count in counts) or sum(counts) != blocks:
        raise ValueError(
            f"`partition` must hold positive ints that sum to the number of blocks, {blocks}. "
            f"Received: partition={partition!r}"
        )
    return counts


def build_groups(
    x: Any,
    blocks: Sequence[Block],
    style: GroupStyle,
    first_group: int = 1,
    seed: int | None = None,
) -> Any:
    """Appends the blocks, as groups of low-bit bases, to the tensor `x`.

    Args:
        x: float tensor `(N, H, W, C)` or `(N, C)`.
        blocks: in order.
        style: such as `methods.GroupNet(bases=3)`.
        first_group: number of the first group, for the names of layers.
        seed: of the initial weights; None for 0.

    Returns:
        The float output of the last group.

    Raises:
        ValueError: if the partition does not cover the blocks, or the style is for another number
            of groups.
    """
    # The deprecated GroupSpec has the seed in it.
    scope = Scope(getattr(style, "seed", 0) if seed is None else seed)
    blocks = distinct(blocks)
    counts = partition_blocks(style.partition, len(blocks))
    start = 0
    for group, (count, own) in enumerate(
        zip(counts, style.of_groups(len(counts)), strict=True), first_group
    ):
        chain = blocks[start : start + count]
        start += count
        number = own.bases
        if style.partition == "layerwise":
            x = build_chain(x, chain, own, scope, number)
            continue
        source = QuantizedInput(x, own, f"group{group}", normalize=True)
        shortcut = Chain(own, scope).shortcut(source, chain[0])
        bases = [Chain(own, scope.in_base(i + 1))(source, shortcut, chain) for i in range(number)]
        x = layers.GroupSum(name=f"group{group}_sum")(bases)
    return x


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
