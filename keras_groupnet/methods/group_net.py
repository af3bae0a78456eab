"""Group-Net: groups of binary bases."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

from keras_groupnet.methods.method import Method
from keras_groupnet.structure.blocks import Block
from keras_groupnet.structure.groups import GroupOptions, GroupSpec, build_groups


@dataclasses.dataclass(frozen=True)
class GroupNet(GroupOptions, Method):
    """K binary bases per group of blocks, or per layer. The options are those of `GroupSpec`.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631.
    """

    name: ClassVar[str] = "group_net"
    reference: ClassVar[str] = "Zhuang et al., arXiv 1808.02631"

    @property
    def branches(self) -> int:
        """K."""
        return self.bases

    def build_blocks(
        self, x: Any, blocks: Sequence[Block], seed: int = 0, first_group: int = 1
    ) -> Any:
        """See `Method`; `first_group` numbers the groups."""
        spec = GroupSpec(**dataclasses.asdict(self), seed=seed)
        return build_groups(x, blocks, spec, first_group)
