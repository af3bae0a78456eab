"""Where tensors lie in one block of memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Lifetime:
    """When a tensor is needed.

    Attributes:
        size: in words.
        first: the op that writes it, counted from 0.
        last: the last op that reads it.
    """

    size: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Whether some op needs both."""
        return self.first <= other.last and other.first <= self.last


def offsets(lifetimes: Mapping[int, Lifetime]) -> tuple[dict[int, int], int]:
    """Places tensors so that those that are needed at once do not overlap.

    Greedy by size: the largest first, each at the lowest offset where it meets no tensor that was
    placed before.

    Reference:
        Pisarchyk, Lee, "Efficient Memory Management for Deep Neural Net Inference",
        arXiv:2001.03288, section 5.2.

    Returns:
        The offset of each tensor, and the size of the block, in words.
    """
    placed: dict[int, int] = {}
    for tensor in sorted(lifetimes, key=lambda t: (-lifetimes[t].size, lifetimes[t].first)):
        own = lifetimes[tensor]
        taken = sorted(
            (at, at + lifetimes[other].size)
            for other, at in placed.items()
            if own.meets(lifetimes[other])
        )
        offset = 0
        for begin, end in taken:
            if begin - offset >= own.size:
                break
            offset = max(offset, end)
        placed[tensor] = offset
    total = max((at + lifetimes[tensor].size for tensor, at in placed.items()), default=0)
    return placed, total
