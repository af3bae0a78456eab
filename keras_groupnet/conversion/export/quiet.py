"""Keeps the chatter of libraries off the terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drops what is written to standard error, by Python or by C++ code.

    TensorFlow, the quantizer and the interpreters report every step there and have no switch for
    it. Commands show what they do on standard output; exceptions pass through.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(null)
