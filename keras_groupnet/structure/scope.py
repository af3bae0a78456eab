"""Names and seeds of the layers of a model, and the way back from a name to the parent's."""

import dataclasses
import numbers
import re
import zlib

import keras

_BASE = re.compile(r"(^|[_/])base\d+_")


@dataclasses.dataclass(frozen=True)
class Scope:
    """Where in a model layers stand: it gives them their names and their initial weights.

    Args:
        seed: from which, with its name, the initial kernel of each layer is drawn. Bases must start
            differently: equal bases stay equal.
        prefix: of the names, that of a block; may be empty.
        base: number of the base that the layers belong to; None outside of bases.

    Raises:
        ValueError: if the seed is not an int.

    Example:
    >>> Scope(prefix="stage1_block2").in_base(3).name("conv1")
    'stage1_block2_base3_conv1'
    """

    seed: int = 0
    prefix: str = ""
    base: int | None = None

    def __post_init__(self) -> None:
        """Checks the seed."""
        if isinstance(self.seed, bool) or not isinstance(self.seed, numbers.Integral):
            raise ValueError(f"`seed` must be an int. Received: seed={self.seed!r}")

    def of(self, prefix: str) -> "Scope":
        """The scope of a block of that name."""
        return dataclasses.replace(self, prefix=prefix)

    def in_base(self, base: int) -> "Scope":
        """The same place in base number `base`; `parent_name` is the way back."""
        return dataclasses.replace(self, base=base)

    def name(self, part: str) -> str:
        """The name of a layer: `"stage1_block2_conv1"`, in a base `"stage1_block2_base3_conv1"`."""
        base = None if self.base is None else f"base{self.base}"
        return "_".join(word for word in (self.prefix, base, part) if word)

    def layer_seed(self, part: str) -> int:
        """The seed of the initial kernel of that layer, 31 bits of seed and name."""
        return zlib.crc32(f"{self.seed}/{self.name(part)}".encode()) >> 1

    def initializer(self, part: str) -> keras.initializers.Initializer:
        """Glorot's uniform distribution with the seed of that layer."""
        return keras.initializers.GlorotUniform(seed=self.layer_seed(part))


def parent_name(name: str) -> str:
    """The name outside of bases of a layer that `Scope.name` has named; others are unchanged.

    >>> parent_name("stage1_block2_base3_conv1")
    'stage1_block2_conv1'
    """
    return _BASE.sub(r"\1", name, count=1)


def name_of_copies(name: str) -> str:
    """One name for the copies of a layer in all bases.

    >>> name_of_copies("stage1_block2_base3_conv1")
    'stage1_block2_base*_conv1'
    """
    return _BASE.sub(r"\1base*_", name, count=1)
