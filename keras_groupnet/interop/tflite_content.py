"""What is written in other formats: the `.tflite` file of a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def tflite_content(model: Any) -> bytes:
    """The `.tflite` file of a model.

    Args:
        model: a Keras model, which is converted; the path of a `.tflite` file; or its content.

    Raises:
        ValueError: it is none of these.
        ConversionError: the model cannot be converted.
        FileNotFoundError: no such file.
    """
    if isinstance(model, (bytes, bytearray)):
        return bytes(model)
    if not isinstance(model, (str, os.PathLike)):
        from keras_groupnet.conversion.converter import convert

        return convert(model).content
    file = Path(model)
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected a Keras model, or the path of a .tflite file. Received: model={str(model)!r}"
        )
    if file.suffix == ".keras":
        raise ValueError(
            "Expected a Keras model, or the path of a .tflite file. Received: "
            f"model={str(model)!r}. Load it with keras.models.load_model first"
        )
    return file.read_bytes()
