"""Folders that are there as a whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder to fill, which gets the name `path` once its files are on the disk.

    A process that is killed meanwhile leaves `unfinished` beside it, which the next call removes.

    Args:
        path: must not exist; its parents are made if need be.
    """
    unfinished = path.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    yield unfinished
    for file in unfinished.iterdir():  # contents must reach the disk before the name does
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    os.replace(unfinished, path)
