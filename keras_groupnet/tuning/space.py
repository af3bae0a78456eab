"""The search space of Group-Net: how blocks are cut into groups, and what each group is.

A candidate is a `methods.GroupNet`. Its blocks stand in a row, and between two of them there is
either a cut or none; the first block, and each behind a cut, begins a group with a number of bases
and bits of its own. N blocks thus have C(N - 1, P - 1) partitions into P groups, 2^(N - 1) in all,
and with b = len(bases) * len(activation_bits) there are b (1 + b)^(N - 1) candidates.

References:
    Zhuang et al., Group-Net, arXiv 1808.02631 (v1), section 3.4.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keras_groupnet.methods import GroupNet
from keras_groupnet.structure.groups import partition_blocks

NAMED_PARTITIONS = ("v1", "v2", "v3")
# What begins at a block: None, or a group of (bases, bits).
_Start = tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class Space:
    """All contiguous partitions of the blocks, with the bases and bits of each group.

    Args:
        blocks: N; or of each chain how many, where no group can reach from one chain of blocks into
            the next (see `methods.GroupNet.split`; AlexNet has `(2, 1)`).
        bases: the numbers of bases that a group may have.
        activation_bits: the bits that a group may have.
        options: further options of `methods.GroupNet`, the same for all groups.

    Raises:
        ValueError: if there are no blocks, or no such groups.

    Example:
    >>> space = Space(8, bases=(1, 3), activation_bits=(1, 2))
    >>> space.count_partitions(), space.count_partitions(groups=4), space.size
    (128, 35, 312500)
    >>> space.method(312499).partition
    (1, 1, 1, 1, 1, 1, 1, 1)
    """

    blocks: int | Sequence[int]
    bases: Sequence[int] = (1, 3, 5)
    activation_bits: Sequence[int] = (1,)
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the arguments; sequences become tuples."""
        chains = (self.blocks,) if isinstance(self.blocks, int) else tuple(self.blocks)
        if not chains or not all(
            isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in chains
        ):
            raise ValueError(
                "`blocks` must be a positive int, or one for each chain of blocks. "
                f"Received: blocks={self.blocks!r}"
            )
        object.__setattr__(self, "blocks", chains)
        for name in ("bases", "activation_bits"):
            value = getattr(self, name)
            choices = (value,) if isinstance(value, int) else tuple(value)
            if not choices or len(set(choices)) < len(choices):
                raise ValueError(
                    f"`{name}` must hold the different numbers to choose from, at least one. "
                    f"Received: {name}={value!r}"
                )
            object.__setattr__(self, name, tuple(sorted(choices)))
        wrong = sorted({"bases", "activation_bits", "partition"} & set(self.options))
        if wrong:
            raise ValueError(
                f"`options` are those that all groups share. Received: {wrong[0]!r} among them"
            )
        for bits in self.activation_bits:
            for bases in self.bases:
                GroupNet(bases=bases, activation_bits=bits, **self.options)  # checks them

    @property
    def length(self) -> int:
        """N, the number of blocks of all chains."""
        return sum(self._chains)

    @property
    def size(self) -> int:
        """How many candidates there are."""
        choices = self._choices
        free = self.length - len(self._chains)
        return choices ** len(self._chains) * (1 + choices) ** free

    def count_partitions(self, groups: int | None = None) -> int:
        """How many partitions there are.

        Args:
            groups: P: only those into so many; C(N - 1, P - 1) for one chain.
        """
        free = self.length - len(self._chains)
        if groups is None:
            return 2**free
        cuts = groups - len(self._chains)
        return math.comb(free, cuts) if cuts >= 0 else 0

    def partitions(self, groups: int | None = None) -> Iterator[tuple[int, ...]]:
        """The block counts of the groups, partitions into few groups first.

        Args:
            groups: P: only those into so many.
        """
        free = [i for i in range(1, self.length) if i not in self._ends]
        least = len(self._chains)
        for count in range(least, self.length + 1) if groups is None else [groups]:
            if count < least:
                continue
            for cuts in itertools.combinations(free, count - least):
                edges = sorted({0, *cuts, *self._ends, self.length})
                yield tuple(b - a for a, b in itertools.pairwise(edges))

    def named(self, partition: str, bases: int) -> GroupNet | None:
        """The candidate of a named partition in each chain, with equal groups of the fewest bits.

        Args:
            partition: `"v1"`, `"v2"` or `"v3"`.
            bases: K of all groups, one of those that groups may have.

        Returns:
            The candidate; None if a chain does not allow the partition (`"v2"` needs an even number
            of blocks).

        Example:
        >>> Space(4, bases=(1, 2)).named("v2", 2).partition
        (2, 2)
        """
        try:
            counts = [n for blocks in self._chains for n in partition_blocks(partition, blocks)]
        except ValueError:
            return None
        return GroupNet(
            bases=(bases,) * len(counts),
            activation_bits=(self.activation_bits[0],) * len(counts),
            partition=tuple(counts),
            **self.options,
        )

    def method(self, index: int) -> GroupNet:
        """The candidate of that number, 0 ... `size` - 1.

        Raises:
            ValueError: if there is none.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"`index` must be 0 ... {self.size - 1}. Received: index={index!r}")
        starts: list[_Start] = []
        for block in reversed(range(self.length)):
            first = self._begins(block)
            index, digit = divmod(index, self._choices + (0 if first else 1))
            digit -= 0 if first else 1
            starts.append(None if digit < 0 else self._group(digit))
        return self._candidate(starts[::-1])

    def index(self, method: GroupNet) -> int:
        """The number of a candidate; the way back from `method`.

        Raises:
            ValueError: if the method is not in the space.
        """
        number = 0
        for block, start in enumerate(self._starts(method)):
            first = self._begins(block)
            digit = -1 if start is None else self._digit(start)
            number = number * (self._choices + (0 if first else 1)) + digit + (0 if first else 1)
        return number

    def __iter__(self) -> Iterator[GroupNet]:
        """All candidates in the order of their numbers."""
        return map(self.method, range(self.size))

    def __contains__(self, method: object) -> bool:
        """Whether the method is a candidate."""
        try:
            return isinstance(method, GroupNet) and self.index(method) >= 0
        except ValueError:
            return False

    def random(self, generator: np.random.Generator) -> GroupNet:
        """A candidate: all partitions have the same chance, and all choices of a group."""
        return self._candidate(
            [
                self._group(int(generator.integers(self._choices)))
                if self._begins(block) or generator.integers(2)
                else None
                for block in range(self.length)
            ]
        )

    def mutated(self, method: GroupNet, generator: np.random.Generator) -> GroupNet:
        """A neighbour: a cut more or less, or the next number of bases or of bits in one group."""
        starts = self._starts(method)
        neighbours: list[tuple[int, _Start]] = []
        for block, start in enumerate(starts):
            if start is None:
                before = next(s for s in reversed(starts[:block]) if s is not None)
                neighbours.append((block, before))
                continue
            if not self._begins(block):
                neighbours.append((block, None))
            neighbours += [(block, other) for other in self._next(start, (-1, 1))]
        if not neighbours:
            return method
        block, start = neighbours[int(generator.integers(len(neighbours)))]
        starts[block] = start
        return self._candidate(starts)

    def lowered(self, method: GroupNet, generator: np.random.Generator) -> GroupNet | None:
        """The next lower number of bases or of bits in one group; None if all are the lowest."""
        starts = self._starts(method)
        lower = [
            (block, other)
            for block, start in enumerate(starts)
            if start is not None
            for other in self._next(start, (-1,))
        ]
        if not lower:
            return None
        block, start = lower[int(generator.integers(len(lower)))]
        starts[block] = start
        return self._candidate(starts)

    def declare(self, hp: Any) -> GroupNet:
        """Declares the hyperparameters and returns the candidate of their values.

        `cut_3` says whether a group begins at block 3, counted from 0; if so, `bases_3` and
        `bits_3` are those of this group. What cannot vary is no hyperparameter.

        Args:
            hp: a `keras_tuner.HyperParameters`.
        """
        starts: list[_Start] = []
        for block in range(self.length):
            if self._begins(block):
                bases, bits = self._declare_group(hp, block)
                starts.append((int(bases), int(bits)))
                continue
            cut = hp.Boolean(f"cut_{block}", default=True)
            with hp.conditional_scope(f"cut_{block}", [True]):
                bases, bits = self._declare_group(hp, block)
            starts.append((int(bases), int(bits)) if cut else None)
        return self._candidate(starts)

    def values(self, method: GroupNet) -> dict[str, Any]:
        """The values of the hyperparameters of a candidate, see `declare`.

        Raises:
            ValueError: if the method is not in the space.
        """
        values: dict[str, Any] = {}
        for block, start in enumerate(self._starts(method)):
            if not self._begins(block):
                values[f"cut_{block}"] = start is not None
            if start is not None:
                for name, choices, value in self._parts(block, start):
                    if len(choices) > 1:
                        values[name] = value
        return values

    def from_values(self, values: Mapping[str, Any]) -> GroupNet:
        """The candidate of these values of hyperparameters; the way back from `values`.

        Raises:
            ValueError: if one is missing.
        """
        starts: list[_Start] = []
        try:
            for block in range(self.length):
                begins = self._begins(block) or values[f"cut_{block}"]
                lowest = (self.bases[0], self.activation_bits[0])
                parts = self._parts(block, lowest) if begins else []
                numbers = [
                    int(values[name]) if len(choices) > 1 else value
                    for name, choices, value in parts
                ]
                starts.append((numbers[0], numbers[1]) if begins else None)
        except KeyError as error:
            raise ValueError(
                f"A candidate needs the hyperparameter {error}. Received: values={dict(values)!r}"
            ) from error
        return self._candidate(starts)

    @property
    def _chains(self) -> tuple[int, ...]:
        return self.blocks  # type: ignore[return-value]  # a tuple since __post_init__

    @property
    def _ends(self) -> set[int]:
        """The blocks at which all chains but the first begin."""
        return set(itertools.accumulate(self._chains[:-1]))

    @property
    def _choices(self) -> int:
        return len(self.bases) * len(self.activation_bits)

    def _begins(self, block: int) -> bool:
        """Whether a group must begin there."""
        return block == 0 or block in self._ends

    def _group(self, digit: int) -> tuple[int, int]:
        bases, bits = divmod(digit, len(self.activation_bits))
        return self.bases[bases], self.activation_bits[bits]

    def _digit(self, start: tuple[int, int]) -> int:
        bases, bits = start
        return self.bases.index(bases) * len(self.activation_bits) + self.activation_bits.index(
            bits
        )

    def _next(self, start: tuple[int, int], steps: Sequence[int]) -> list[tuple[int, int]]:
        """The groups one step away."""
        bases, bits = self.bases.index(start[0]), self.activation_bits.index(start[1])
        found = []
        for step in steps:
            if 0 <= bases + step < len(self.bases):
                found.append((self.bases[bases + step], start[1]))
            if 0 <= bits + step < len(self.activation_bits):
                found.append((start[0], self.activation_bits[bits + step]))
        return found

    def _parts(self, block: int, start: tuple[int, int]) -> list[tuple[str, Sequence[int], int]]:
        return [
            (f"bases_{block}", self.bases, start[0]),
            (f"bits_{block}", self.activation_bits, start[1]),
        ]

    def _declare_group(self, hp: Any, block: int) -> list[Any]:
        """Bases and bits; None where no group begins."""
        lowest = (self.bases[0], self.activation_bits[0])
        return [
            hp.Choice(name, list(choices)) if len(choices) > 1 else value
            for name, choices, value in self._parts(block, lowest)
        ]

    def _candidate(self, starts: Sequence[_Start]) -> GroupNet:
        begins = [block for block, start in enumerate(starts) if start is not None]
        groups = [start for start in starts if start is not None]
        return GroupNet(
            bases=tuple(bases for bases, _ in groups),
            activation_bits=tuple(bits for _, bits in groups),
            partition=tuple(b - a for a, b in itertools.pairwise([*begins, len(starts)])),
            **self.options,
        )

    def _starts(self, method: GroupNet) -> list[_Start]:
        starts: list[_Start] = []
        if not isinstance(method.partition, str):
            for count, group in zip(
                method.partition, method.of_groups(len(method.partition)), strict=True
            ):
                starts += [(group.bases, group.activation_bits), *[None] * (count - 1)]  # type: ignore[list-item]
        if (
            len(starts) != self.length
            or any(starts[block] is None for block in self._ends)
            or not {s[0] for s in starts if s} <= set(self.bases)
            or not {s[1] for s in starts if s} <= set(self.activation_bits)
        ):
            raise ValueError(f"The method is no candidate of {self}. Received: {method!r}")
        return starts
