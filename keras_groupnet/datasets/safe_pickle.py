"""Reads pickles of plain data from strangers."""

import io
import pickle
from typing import Any

import numpy as np


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """`_codecs.encode` as pickles written by Python 3 with protocol 2 use it for bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding!r}, not as 'latin1'")
    return text.encode(encoding)


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_FROM_BUFFER = np.empty(0).__reduce_ex__(5)[0]
# The modules are those in the file: numpy 1 wrote numpy.core, numpy 2 writes numpy._core.
_ALLOWED = {
    ("_codecs", "encode"): _encode,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROM_BUFFER,
}


class _PlainDataUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Finds what builds numpy arrays and nothing else: a pickle may name any function."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def load(content: bytes, source: object) -> Any:
    """Returns the data in a pickle that holds only numbers, bytes, text, containers and arrays.

    Args:
        content: the pickle. Text of Python 2 becomes bytes.
        source: its path, for errors.

    Raises:
        ValueError: if it is no such pickle; nothing in it has then been run.
    """
    try:
        return _PlainDataUnpickler(io.BytesIO(content), encoding="bytes").load()
    # A damaged pickle may fail in any of its instructions, with any exception.
    except Exception as error:
        raise ValueError(
            f"{source} should be a pickle of plain data (numbers, bytes, text, containers, numpy "
            f"arrays). Received: {len(content)} bytes that cannot be read: {error}"
        ) from error
