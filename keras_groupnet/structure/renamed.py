"""Values of options that had other names until version 0.1; they go with the next release."""

import warnings
from typing import Any

_RENAMED = {
    "wiring": {"v1": "block_shortcut", "release": "layer_shortcut"},
    "skip": {"real": "float"},
    "shortcut": {"real": "float"},
}


def use_current_names(options: Any) -> None:
    """Replaces old values in the frozen dataclass of a method's options, with a warning."""
    for option, names in _RENAMED.items():
        value = getattr(options, option)
        if isinstance(value, str) and value in names:
            warnings.warn(
                f"{option}={value!r} is deprecated, use {option}={names[value]!r}",
                DeprecationWarning,
                stacklevel=4,  # past this, __post_init__ and __init__
            )
            object.__setattr__(options, option, names[value])
