"""Arrays as a C99 header."""

from __future__ import annotations

import re

import numpy as np

_TYPES = {"int8": "int8_t", "int32": "int32_t", "uint32": "uint32_t", "float32": "float"}
_PER_LINE = 8


def c_header(title: str, comment: str, layers: dict[str, dict[str, np.ndarray]]) -> str:
    """Writes each layer's arrays as constants.

    Args:
        title: what the include guard is named after.
        comment: what stands at the top.
        layers: by layer and name; a scalar becomes a macro, LAYER_NAME, any other array a flat
            `static const` one, LAYER_name, in C order. Floats are written in hexadecimal, exactly.

    Returns:
        The header's text.

    Raises:
        ValueError: an array of another type, or a float that is not finite.
    """
    guard = f"{_identifier(title).upper()}_H"
    lines = [f"/* {comment.rstrip()}", "*/", f"#ifndef {guard}", f"#define {guard}", ""]
    lines += ["#include <stdint.h>", ""]
    taken: set[str] = set()
    for layer, arrays in layers.items():
        prefix = _free(_identifier(layer), taken)
        lines.append(f"/* {layer} */")
        for name, value in arrays.items():
            if value.ndim == 0:
                lines.append(f"#define {prefix.upper()}_{name.upper()} {_literal(value)}")
        for name, value in arrays.items():
            if value.ndim > 0:
                shape = "".join(f"[{extent}]" for extent in value.shape)
                lines.append(f"/* {name}{shape} */")
                lines += _array(f"{prefix}_{name}", value)
        lines.append("")
    return "\n".join([*lines, f"#endif  /* {guard} */", ""])


def _array(name: str, value: np.ndarray) -> list[str]:
    literals = [_literal(each) for each in value.ravel()]
    rows = [
        "  " + ", ".join(literals[i : i + _PER_LINE]) + ","
        for i in range(0, len(literals), _PER_LINE)
    ]
    kind = _TYPES.get(str(value.dtype))
    if kind is None:
        raise ValueError(f"Expected an array of {sorted(_TYPES)}. Received: {name} {value.dtype}")
    return [f"static const {kind} {name}[{value.size}] = {{", *rows, "};"]


def _literal(value: np.ndarray) -> str:
    if value.dtype == np.uint32:
        return f"0x{int(value):08x}u"
    if value.dtype != np.float32:
        number = int(value)
        return str(number) if number > -(2**31) else "INT32_MIN"
    if not np.isfinite(value):
        raise ValueError(f"Expected finite numbers. Received: {float(value)}")
    return f"{float(value).hex()}f"


def _identifier(text: str) -> str:
    name = re.sub(r"[^0-9a-zA-Z]+", "_", text)
    return f"_{name}" if name[:1].isdigit() else name


def _free(name: str, taken: set[str]) -> str:
    """The name, or the first of name_2, name_3, ... that is free; macros ignore the case."""
    candidate, number = name, 2
    while candidate.lower() in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate.lower())
    return candidate
