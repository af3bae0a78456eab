"""Bases that see at different distances: BPAC of the journal version of Group-Net."""

from collections.abc import Sequence
from typing import Any


def checked_dilations(
    dilations: Any, bases: Any, partition: Any
) -> tuple[int | tuple[int, ...], ...] | None:
    """The dilations of groups as tuples.

    Args:
        dilations: None, or one entry for each group: a number for all its bases, or one for each.
        bases: one number for all groups, or one for each.
        partition: of the blocks into groups.

    Raises:
        ValueError: if these are no positive ints, if there is not one for each base, or if there
            are no groups.
    """
    if dilations is None:
        return None
    entries = list(dilations) if _is_list(dilations) else []
    numbers = [n for entry in entries for n in (entry if _is_list(entry) else [entry])]
    if not entries or not all(_is_positive(n) for n in numbers):
        raise ValueError(
            "`dilations` must have one entry for each group, a positive int or one for each base. "
            f"Received: dilations={dilations!r}"
        )
    if partition == "layerwise":
        raise ValueError(
            "`dilations` are those of the bases of groups. Received: "
            f"dilations={dilations!r}, partition='layerwise'"
        )
    for number, entry in enumerate(entries):
        own = bases[number] if _is_list(bases) and number < len(bases) else bases
        if _is_list(entry) and isinstance(own, int) and len(entry) != own:
            raise ValueError(
                f"An entry of `dilations` must be an int, or one for each of {own} bases. "
                f"Received: {entry!r}"
            )
    return tuple(tuple(entry) if _is_list(entry) else entry for entry in entries)


def _is_list(value):
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_positive(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
