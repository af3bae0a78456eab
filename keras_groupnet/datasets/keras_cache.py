"""Where Keras keeps the data sets that it has downloaded."""

import os
from pathlib import Path


def keras_cache() -> Path:
    """Returns `$KERAS_HOME/datasets`, or `~/.keras/datasets`."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"
