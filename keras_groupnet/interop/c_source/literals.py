"""Numbers and arrays as C99."""

from __future__ import annotations

import re

import numpy as np

_TYPES = {"float32": "float", "int32": "int32_t", "uint32": "uint32_t", "bool": "uint8_t"}
_PER_LINE = 8


def real(value: float) -> str:
    """A float32 literal, exact."""
    number = float(np.float32(value))
    if np.isnan(number):
        return "NAN"
    if np.isinf(number):
        return "INFINITY" if number > 0 else "-INFINITY"
    digits, exponent = number.hex().split("p")
    return f"{digits.rstrip('0').rstrip('.')}p{exponent}f"


def array(name: str, value: np.ndarray) -> list[str]:
    """A flat constant array.

    Raises:
        ValueError: its type is none of those that the C code uses.
    """
    kind = _TYPES.get(str(value.dtype))
    if kind is None:
        raise ValueError(f"Expected constants of {sorted(_TYPES)}. Received: {value.dtype}")
    texts = [literal(each) for each in value.ravel()]
    rows = [
        "    " + ", ".join(texts[i : i + _PER_LINE]) + "," for i in range(0, len(texts), _PER_LINE)
    ]
    return [f"static const {kind} {name}[{value.size}] = {{", *rows, "};"]


def identifier(text: str) -> str:
    """A text as (the middle of) a name in C."""
    return re.sub(r"[^0-9a-zA-Z]+", "_", text).strip("_")


def comment(text: str) -> str:
    """A text that ends no comment."""
    return text.replace("*/", "* /").replace("/*", "/ *")


def literal(value: np.generic) -> str:
    """A number of an array."""
    if value.dtype == np.uint32:
        return f"0x{int(value):08x}u"
    if value.dtype == np.float32:
        return real(float(value))
    number = int(value)
    return str(number) if number > -(2**31) else "INT32_MIN"
