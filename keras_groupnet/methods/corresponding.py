"""Which variables of two models are the same."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

_NUMBER = re.compile(r"_\d+(?=/)")


def corresponding(sources: Sequence[Any], targets: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Pairs variables of one path and shape.

    Keras numbers layers without a name on and on, so that the second of two equal models has other
    paths. Variables that have no partner are therefore paired in order where both models have as
    many of one shape and of one path without such numbers.

    Args:
        sources: variables of one model.
        targets: those of another.
    """
    exact = {(v.path, tuple(v.shape)): v for v in sources}
    pairs, left = [], defaultdict(list)
    for target in targets:
        source = exact.pop((target.path, tuple(target.shape)), None)
        if source is not None:
            pairs.append((source, target))
        else:
            left[_unnumbered(target)].append(target)
    others = defaultdict(list)
    for source in exact.values():
        others[_unnumbered(source)].append(source)
    for key, found in left.items():
        if len(found) == len(others[key]):
            pairs += zip(others[key], found, strict=True)
    return pairs


def _unnumbered(variable: Any) -> tuple[str, tuple[int, ...]]:
    return _NUMBER.sub("", variable.path), tuple(variable.shape)
