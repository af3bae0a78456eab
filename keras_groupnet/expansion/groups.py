"""Blocks of any network as groups of bases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from keras_groupnet.expansion.blocks import FoundBlock
from keras_groupnet.structure.groups import PARTITIONS, partition_blocks

Partition = str | Sequence[int] | Callable[[Sequence[FoundBlock]], "str | Sequence[int]"]


def group_blocks(
    partition: Partition, blocks: Sequence[FoundBlock]
) -> list[tuple[FoundBlock, ...]]:
    """The blocks of each group.

    Args:
        partition: `"v1"`, `"v2"` or `"v3"`: one, two or all blocks of a run in each group (the last
            of two may be missing); block counts of all groups in order; or a function of the blocks
            that returns one of these.
        blocks: of the model, in order. Groups hold neighbors of one run.

    Raises:
        ValueError: for counts that do not cover the blocks, or whose groups reach from one run into
            the next; for other strings.
    """
    if callable(partition):
        return group_blocks(partition(blocks), blocks)
    runs = [list(run) for _, run in itertools.groupby(blocks, lambda block: block.run)]
    if isinstance(partition, str):
        if partition not in PARTITIONS[:3]:
            raise ValueError(
                f"`partition` must be 'auto', one of {PARTITIONS}, block counts or a function. "
                f"Received: partition={partition!r}"
            )
        size = {"v1": 1, "v2": 2, "v3": max(len(blocks), 1)}[partition]
        return [tuple(run[i : i + size]) for run in runs for i in range(0, len(run), size)]
    groups, start = [], 0
    for count in partition_blocks(partition, len(blocks)):
        group = tuple(blocks[start : start + count])
        start += count
        if len({block.run for block in group}) > 1:
            raise ValueError(
                "A group holds blocks that follow one another on one way through the model. "
                f"Here are {len(runs)} such runs, of {[len(run) for run in runs]} blocks, and a "
                f"group may not reach from one into the next. Received: partition={partition!r}, "
                f"whose group of {[block.name for block in group]} does"
            )
        groups.append(group)
    return groups
