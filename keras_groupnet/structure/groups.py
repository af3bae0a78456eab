"""Groups of bases with the functional API: Eq. 3, 5 and 6 of Group-Net, arXiv 1808.02631 (v1).

A network is a list of `Block`s. `build_groups` replaces them by low-bit ones of any style:

    group-wise (Eq. 5, 6)   x -> BN -> Q -+-> base 1, a chain of blocks -+-> sum lambda_i y_i ->
                                          +-> ...                        |
                                          +-> base K --------------------+
    layer-wise (Eq. 3)      the same chain once, each convolution being K convolutions and a sum

The input of a group is normalized and quantized once (Algorithm 1), so that all bases read the same
packed tensor. How a base is wired inside is a matter of `wiring`.

With the gates of the journal version (arXiv 1909.09934), groups do not end in a sum but the last:

    x -> BN -> Q -+-> base 1 -> y_1 --+        +--> x_1 -> BN -> Q -> base 1 -+
                  +-> ...             +-> gates +--> ...                      +-> sum ->
                  +-> base K -> y_K --+        +--> x_K -> BN -> Q -> base K -+

so each base of the later groups has its own quantized input, and its own shortcut.
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
    inputs = [x]
    styles, dilations = style.of_groups(len(counts)), style.dilations_of_groups(len(counts))
    for group, (count, own, rates) in enumerate(
        zip(counts, styles, dilations, strict=True), first_group
    ):
        chain = blocks[start : start + count]
        start += count
        if style.partition == "layerwise":
            inputs = [build_chain(inputs[0], chain, own, scope, own.bases)]
            continue
        bases = _bases(inputs, chain, own, rates, f"group{group}", scope)
        if own.gates and len(bases) > 1 and start < len(blocks):
            name = f"group{group}_gates"
            inputs = layers.SoftGates(scope.layer_seed(name), name=name)(bases)
        else:
            inputs = [own.group_sum(f"group{group}_sum")(bases)]
    return inputs[0]


def _bases(
    inputs: Sequence[Any],
    blocks: Sequence[Block],
    style: Any,
    dilations: int | Sequence[int],
    name: str,
    scope: Scope,
) -> list[Any]:
    """The outputs of the bases of a group.

    Args:
        inputs: one tensor for all bases, or one for each.
        blocks: of the group.
        style: of the group, with one number of bases.
        dilations: of all bases, or of each.
        name: of the group.
        scope: of the model.
    """
    places = [scope.in_base(i + 1) for i in range(style.bases)]
    if len(inputs) == 1:
        source = QuantizedInput(inputs[0], style, name, normalize=True)
        sources = [(source, Chain(style, scope).shortcut(source, blocks[0]))] * len(places)
    else:
        sources = []
        for i, (x, place) in enumerate(zip(inputs, places, strict=True), start=1):
            source = QuantizedInput(x, style, f"{name}_base{i}", normalize=True)
            sources.append((source, Chain(style, place).shortcut(source, blocks[0])))
    rates = [dilations] * len(places) if isinstance(dilations, int) else dilations
    return [
        Chain(style, place)(source, shortcut, [block.dilated(rate) for block in blocks])
        for place, rate, (source, shortcut) in zip(places, rates, sources, strict=True)
    ]


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
