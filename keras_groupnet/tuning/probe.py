"""How many blocks a model has that methods make."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_groupnet.expansion.blocks import FoundBlock
from keras_groupnet.methods import GroupNet, Method
from keras_groupnet.structure.blocks import Block


def count_blocks(build: Callable[[Method], keras.Model]) -> tuple[int, ...]:
    """The numbers of blocks of the chains that `build` leaves to a method.

    Args:
        build: returns a new model of the method that it is given. It is called once.

    Raises:
        ValueError: if the model has no blocks, or `build` does not use the method.

    Example:
    >>> count_blocks(lambda method: kgn.models.AlexNet(method=method))
    (2, 1)
    >>> count_blocks(lambda method: kgn.expand(parent, method=method, print_fn=None))
    (17,)
    """
    found: list[int] = []

    def note_runs(blocks: Sequence[FoundBlock]) -> str:
        runs = itertools.groupby(blocks, lambda block: block.run)
        found.extend(len(list(run)) for _, run in runs)
        return "v1"

    build(_Probe(bases=1, partition=note_runs, found=found))  # type: ignore[arg-type]
    if not found:
        raise ValueError(
            "`build` must return a model whose blocks are those of the method that it is given, "
            "for instance lambda method: kgn.models.ResNet18((32, 32, 3), 10, stem='cifar', "
            "method=method). Received: a function that leaves no block to the method"
        )
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class _Probe(GroupNet):
    """The smallest Group-Net, which writes down what it is asked to build.

    Its partition is a function, which `kgn.expand` calls with the blocks that it has found.
    """

    found: list[int] = dataclasses.field(default_factory=list, compare=False)

    def split(self, blocks: Sequence[int]) -> Sequence[GroupNet]:
        return [self] * len(blocks)

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        self.found.append(len(blocks))
        return GroupNet(bases=1).build_blocks(x, blocks, seed, first_group)

    def _check_lengths(self):
        """There are no groups yet."""
