"""Where tests find real data sets and files of others."""

import os
from pathlib import Path

import pytest


def _data():
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("KGN_DATA", beside))


def shared_data():
    """The folder of real data; skips the test where there is none."""
    folder = _data()
    if not folder.is_dir():
        pytest.skip(f"needs real data: set KGN_DATA (there is no {folder})")
    return folder


def shared_lce():
    """Files of Larq's converter, beside the real data; skips the test where there are none."""
    folder = _data().parent / "lce"
    if not folder.is_dir():
        pytest.skip(f"needs files of Larq's converter: set KGN_DATA (there is no {folder})")
    return folder
