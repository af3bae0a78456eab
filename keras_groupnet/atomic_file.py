"""Files that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def check_folder(path: Path) -> None:
    """Raises ValueError unless a file of this path can be written."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(
            f"Expected the path of a file in an existing folder. Received: path={str(path)!r}; "
            f"there is no folder {str(folder)!r}. Make it first."
        )
    if path.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(
            f"Expected the path of a file that can be written. Received: path={str(path)!r}"
        )


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A file of the same suffix beside the target to write to, which is renamed when it is done."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside the target and renames, so that no half-written file is ever seen."""
    with replaced(path) as temporary:
        temporary.write_bytes(content)
