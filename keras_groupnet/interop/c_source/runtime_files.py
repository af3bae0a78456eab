"""The C functions in `runtime/`, and which of them call which."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources

_PACKED = ("packed",)
_WINDOW = ("window", "inside")
_EPILOGUE = (*_PACKED, "set_code", "quantize_value", "epilogue")
# Each file with those that must stand in front of it; the order is that of the C file.
_NEEDS = {
    "packed": (),
    "get_code": _PACKED,
    "set_code": _PACKED,
    "quantize_value": (),
    "window": (),
    "inside": (),
    "epilogue": _EPILOGUE[:-1],
    "popcount": (),
    "gather": (*_PACKED, "window"),
    "quantize": (*_PACKED, "set_code", "quantize_value"),
    "dequantize": (*_PACKED, "get_code"),
    "conv_1bit": (*_WINDOW, *_EPILOGUE, "popcount", "gather"),
    "conv_codes": ("window", *_EPILOGUE, "popcount", "gather"),
    "conv_float": ("window", *_EPILOGUE),
    "max_pool_packed": (*_WINDOW, *_PACKED, "get_code", "set_code"),
    "scale_map": _WINDOW,
    "conv2d": _WINDOW,
    "depthwise_conv2d": _WINDOW,
    "transpose_conv2d": ("window",),
    "max_pool2d": _WINDOW,
    "average_pool2d": _WINDOW,
}


def functions(called: Iterable[str]) -> list[str]:
    """The text of the files that hold these functions and all that they need, in order."""
    called = set(called)
    needed = called.union(*(_NEEDS[name] for name in called))
    return [text(name) for name in _NEEDS if name in needed]


def text(name: str) -> str:
    """The text of one file."""
    file = resources.files("keras_groupnet.interop.c_source") / "runtime" / f"{name}.c"
    return file.read_text(encoding="utf-8").rstrip()
