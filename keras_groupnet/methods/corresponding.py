"""Which variables of two models are the same."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

_NUMBER = re.compile(r"_\d+$")


def corresponding(sources: Sequence[Any], targets: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pairs variables of one path and shape.

    Keras numbers models and layers without a name on and on, so that the second of two equal models
    has other paths. Variables without a partner are therefore compared again without the number of
    the first part of their paths, then without those of the first two, and so on. Where both models
    have as many of one path and shape, they are paired in order.

    Args:
        sources: variables of one model.
        targets: those of another.
    """
    pairs: list[tuple[Any, Any]] = []
    depth = max((variable.path.count("/") for variable in targets), default=0)
    for parts in range(depth + 1):
        known, left = _by_path(sources, parts), _by_path(targets, parts)
        sources, targets = [], []
        for key in [*known, *(key for key in left if key not in known)]:
            if len(known[key]) == len(left[key]):
                pairs += zip(known[key], left[key], strict=True)
            else:
                sources += known[key]
                targets += left[key]
    return pairs


def _by_path(variables: Sequence[Any], parts: int) -> dict[Any, list[Any]]:
    groups = defaultdict(list)
    for variable in variables:
        names = variable.path.split("/")
        names[:parts] = [_NUMBER.sub("", name) for name in names[:parts]]
        groups[(*names, tuple(variable.shape))].append(variable)
    return groups
