"""Saved models, and the modules with the layers of the user's that they may need."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import app, flags

if TYPE_CHECKING:
    import keras


def define_import_flag(values: flags.FlagValues) -> None:
    """Defines `--import`, for commands that load a model."""
    flags.DEFINE_multi_string(
        "import",
        [],
        "module (a.b) or file (a.py) with layers of your own that the model has",
        flag_values=values,
    )


def check_imports(values: flags.FlagValues) -> None:
    """Raises absl.app.UsageError if a file of `--import` is not there."""
    for name in _imports(values):
        if name.endswith(".py") and not Path(name).is_file():
            raise app.UsageError(f"--import={name}: no such file. Give a module or a .py file.")


def import_modules(values: flags.FlagValues) -> None:
    """Imports the modules of `--import`, which registers the layers in them.

    Modules are looked for in the present folder too, and those that a file imports beside it.

    Raises:
        absl.app.UsageError: if one cannot be imported.
    """
    if _imports(values) and "" not in sys.path:
        sys.path.insert(0, "")
    for name in _imports(values):
        try:
            if name.endswith(".py"):
                _import_file(Path(name).resolve())
            else:
                importlib.import_module(name)
        except Exception as error:
            raise app.UsageError(
                f"--import={name} failed with {type(error).__name__}: {error}. Give a module that "
                "can be imported here, or the path of a .py file."
            ) from error


def _imports(values: flags.FlagValues) -> list[str]:
    return values["import"].value or []


def _import_file(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    sys.path.insert(0, str(path.parent))
    # Classes without registration are found by the name of their module.
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def load_model(path: Path) -> "keras.Model":
    """Loads a saved model to run it; its loss and optimizer do not matter.

    Raises:
        RuntimeError: if Keras cannot load it.
    """
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        # Keras appends the whole config of the object that it did not know.
        reason = str(error).partition(" Full object config:")[0]
        raise RuntimeError(
            f"{path} cannot be loaded: {reason} Layers of your own are found in the modules that "
            "--import names."
        ) from error
