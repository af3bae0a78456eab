"""Files named on the command line, checked before any work starts."""

import os
import zipfile
from pathlib import Path

from absl import app


def existing_file(path: str, what: str) -> Path:
    """A file to read.

    Args:
        path: as given.
        what: kind of file, for the message.

    Raises:
        absl.app.UsageError: if there is none.
    """
    found = Path(path)
    if not found.is_file():
        kind = "is a folder" if found.is_dir() else "no such file"
        raise app.UsageError(f"{path}: {kind}. Expected {what}.")
    return found


def model_file(path: str) -> Path:
    """A `.keras` file to load.

    Raises:
        absl.app.UsageError: if there is none, or it is something else.
    """
    found = existing_file(path, "the .keras file of a saved model")
    if found.suffix != ".keras" or not zipfile.is_zipfile(found):
        raise app.UsageError(
            f"{path}: not a Keras model file. Expected what model.save('NAME.keras') writes."
        )
    return found


def output_file(path: str, suffix: str) -> Path:
    """A file to write.

    Args:
        path: as given.
        suffix: that it must have.

    Raises:
        absl.app.UsageError: if it has another, or cannot be written.
    """
    target = Path(path)
    if target.suffix != suffix:
        raise app.UsageError(
            f"Expected a name that ends in {suffix} to write to. Received: {path}."
        )
    if not target.parent.is_dir():
        raise app.UsageError(f"{path}: no such folder: {target.parent}. Make it first.")
    if target.is_dir():
        raise app.UsageError(f"{path}: is a folder. Give the name of a file to write.")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise app.UsageError(f"{path}: cannot be written. Change its permissions or the name.")
    return target


def output_folder(path: str) -> Path:
    """A folder to write to, which may not exist yet.

    Raises:
        absl.app.UsageError: if it cannot be made or written.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise app.UsageError(f"{path}: is a file. Expected a folder, or a name for a new one.")
    existing = next(parent for parent in (target, *target.absolute().parents) if parent.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise app.UsageError(f"{path}: {existing} cannot be written. Choose another folder.")
    return target
