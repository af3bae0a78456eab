"""Where the plugin (our external delegate) lies."""

from __future__ import annotations

from pathlib import Path


def delegate_path() -> str:
    """The path of the plugin, for `load_delegate`, `benchmark_model`, C or Java.

    Example:
        `benchmark_model --graph=model.tflite --external_delegate_path=$(python -c
        "import keras_groupnet as kgn; print(kgn.lite.delegate_path())")`

    Raises:
        FileNotFoundError: the package was not built with its C++ part.
    """
    path = Path(__file__).with_name("libkeras_groupnet.so")
    if not path.exists():
        raise FileNotFoundError(
            f"The plugin is not at {path}. Expected it to be built when the package is installed; "
            "install again with `pip install .` (a C++17 compiler is needed)."
        )
    return str(path)
