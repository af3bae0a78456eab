"""Which layers stay float because the user says so."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from keras_groupnet.expansion.roles import ends
from keras_groupnet.expansion.site import Place

_ENDS = ("first", "last")
Keep = str | type[keras.layers.Layer] | Callable[[keras.layers.Layer], bool]


def kept(places: Sequence[Place], keep: Keep | Iterable[Keep]) -> list[dict[int, str]]:
    """Index of each node that stays float -> why, for each place.

    Args:
        places: the graphs of a model.
        keep: any of these, or several: `"first"` and `"last"`, layers with kernels that no other
            such layer comes before or after; names of layers, with `*` and `?`; classes of layers;
            functions that are given a layer and return whether it stays.

    Raises:
        ValueError: for a name that no layer with a kernel has.
        TypeError: for anything else.
    """
    several = [keep] if isinstance(keep, (str, type)) or callable(keep) else list(keep)
    for one in several:
        if not (isinstance(one, (str, type)) or callable(one)):
            raise TypeError(
                "`keep` takes 'first', 'last', names, classes and functions of layers. "
                f"Received: {one!r}"
            )
    names = {node.part_of.name for place in places for node in place.with_kernels}
    names |= {node.name for place in places for node in place.with_kernels}
    for one in several:
        if isinstance(one, str) and one not in _ENDS and not fnmatch.filter(names, one):
            raise ValueError(_unknown(one, names))
    return [_kept(place, several) for place in places]


def _kept(place: Place, keep: Sequence[Any]) -> dict[int, str]:
    reasons: dict[int, str] = {}
    at_ends = dict(zip(_ENDS, ends(place.graph), strict=True))
    for one in keep:
        if one in _ENDS:
            # A model inside of the model begins with a first layer only if nothing is before it.
            found = at_ends[one] if getattr(place, f"is_{one}") else set()
            reason = f"{one} layer"
        elif isinstance(one, str):
            found = {
                node.index
                for node in place.with_kernels
                if fnmatch.filter((node.name, node.part_of.name), one)
            }
            reason = f"keep={one!r}"
        else:
            found = {
                node.index
                for node in place.with_kernels
                if _says(one, node.operation) or _says(one, node.part_of)
            }
            reason = f"keep={getattr(one, '__name__', one)}"
        for index in found:
            reasons.setdefault(index, reason)
    return reasons


def _says(rule: Any, layer: keras.layers.Layer) -> bool:
    """Whether a class is that of the layer, or a function returns True for it."""
    return isinstance(layer, rule) if isinstance(rule, type) else bool(rule(layer))


def _unknown(name: str, names: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(names), n=3)
    hint = f"Did you mean one of {near}?" if near else f"There are {sorted(names)}."
    return (
        "`keep` names a layer that the model does not have, or that has no kernel. "
        f"{hint} Received: keep={name!r}"
    )
