"""`to_c`: a net as one C file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from keras_groupnet.atomic_file import check_folder, write_atomically
from keras_groupnet.interop.c_source.literals import identifier
from keras_groupnet.interop.c_source.source import CSource, c_source
from keras_groupnet.interop.tflite_content import tflite_content


def to_c(model: Any, path: str | os.PathLike | None = None, *, name: str | None = None) -> CSource:
    """Writes a net as one C99 file that needs nothing but the C standard library.

    The file holds the weights as constants, 1 bit a binary one, one static block of memory that all
    tensors share, and one function:

        void NAME_run(const float *input, float *output);

    with a pointer for each input and output of the model, in the model's order (`input_x`,
    `output_y` if there are several; images are [height, width, channels]). Packed values and the
    sums of the binary layers are exact, and every binary op rounds as docs/ops.md says; the float
    layers agree with other runtimes to rounding. It is plain scalar code, for microcontrollers and
    machines without a TFLite runtime.

    Args:
        model: a Keras model, which is converted first (`kgn.convert`, strictly),
            or a `.tflite` file of float32 layers and ours: its path or its content. An open batch
            becomes 1; a fixed one stays.
        path: of the `.c` file to write; None only returns it.
        name: what the function, `NAME_run`, and the macros begin with; the file's name if None, or
            `"net"` without a path.

    Returns:
        The text, and how much memory the net needs.

    Raises:
        ValueError: the model has an op that cannot be written as C, int8 layers, or sizes other
            than the batch that are open; or an argument does not fit.
        ConversionError: the model cannot be converted.
        FileNotFoundError: no such `.tflite` file.
    """
    target = None if path is None else Path(path)
    if target is not None:
        check_folder(target)
        if target.suffix != ".c":
            raise ValueError(f"Expected a path that ends in .c. Received: path={str(path)!r}")
    if name is None:
        name = "net" if target is None else identifier(target.stem)
        name = name if name[:1].isalpha() else f"net_{name}".rstrip("_")
    elif not isinstance(name, str) or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"Expected a name as C has them, like 'net'. Received: name={name!r}")
    source = c_source(tflite_content(model), name)
    if target is not None:
        write_atomically(target, source.text.encode())
    return source
