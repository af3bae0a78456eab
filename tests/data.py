"""Where tests find real data sets."""

import os
from pathlib import Path

import pytest


def shared_data():
    """The folder of real data; skips the test where there is none."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("KGN_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"needs real data: set KGN_DATA (there is no {folder})")
    return folder
