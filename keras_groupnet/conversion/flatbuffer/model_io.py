"""A `.tflite` file as the objects of its schema, with all constants inside.

The schema (`Buffer.offset`, `Buffer.size`; `Operator.largeCustomOptionsOffset`, `…Size`) lets a
writer append data behind the flatbuffer, because a flatbuffer ends at 2 GiB. The LiteRT quantizer
does so with every constant of 1 KiB or more as soon as they are 256 KiB together, and
`ModelT.InitFromPackedBuf` reads only the flatbuffer itself: such constants come out empty.
"""

from __future__ import annotations

import struct

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

_IDENTIFIER = b"TFL3"


def read_model(content: bytes) -> schema.ModelT:
    """Reads a file; data behind the flatbuffer is brought in as if it had been written inside.

    Args:
        content: a `.tflite` file.

    Returns:
        The model; each buffer's `data` and each operator's `customOptions` are set where the file
        has any, every offset is 0.

    Raises:
        ValueError: it is no `.tflite` file, or was cut off.
    """
    if content[4:8] != _IDENTIFIER:
        raise ValueError(
            f"Expected a .tflite file, which has {_IDENTIFIER!r} in bytes 4 to 7. "
            f"Received: {content[4:8]!r} in a file of {len(content):,} bytes"
        )
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
    except (struct.error, ValueError, IndexError, TypeError) as error:
        raise ValueError(
            "Expected a whole .tflite file. Received: one that was cut off or damaged, of "
            f"{len(content):,} bytes ({error}). Convert the model again"
        ) from error
    for buffer in model.buffers or []:
        if buffer.offset > 1:  # 0 and 1 mean: no data behind the flatbuffer
            buffer.data = _external(content, buffer.offset, buffer.size)
        buffer.offset = buffer.size = 0
    for subgraph in model.subgraphs or []:
        for operator in subgraph.operators or []:
            if operator.largeCustomOptionsOffset > 1:
                operator.customOptions = _external(
                    content, operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize
                )
            operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0
    return model


def has_data(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    """Whether a tensor of the model is a constant, of whatever type."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def write_model(model: schema.ModelT) -> bytes:
    """Writes a model with all data inside the flatbuffer, as every runtime reads it.

    tflite-runtime 2.14 knows no data behind it.
    """
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _external(content: bytes, offset: int, size: int) -> np.ndarray:
    if offset + size > len(content):
        raise ValueError(
            f"Expected a file of at least {offset + size} bytes, where a constant of it ends. "
            f"Received: {len(content)} bytes. Was the file cut off?"
        )
    return np.frombuffer(content, np.uint8, size, offset)
