"""Makes our layers known to Keras as soon as there is a Keras.

Keras loads a saved model only if the classes of its layers have been imported. `import
keras_groupnet` alone imports nothing (the command line and devices that only run files need no
Keras), so it asks to be told when somebody imports Keras.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Those with classes of `keras.saving.register_keras_serializable`.
_MODULES = ("constraints", "initializers", "layers", "quantizers", "training")


def register_with_keras() -> None:
    """Imports what Keras must know: now if Keras has been imported, else when it is."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def _register() -> None:
    for name in _MODULES:
        importlib.import_module(f"keras_groupnet.{name}")


class _KerasFinder(MetaPathFinder):
    """Finds Keras where it is, with a loader that registers our classes behind it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Asks the other finders; somebody may only want to know whether there is a Keras."""
        if name != "keras" or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _KerasLoader(spec.loader, self)
        return spec


class _KerasLoader(Loader):
    """Loads Keras as its own loader does, steps aside, and registers our classes."""

    def __init__(self, loader: Loader, finder: _KerasFinder):
        self._loader, self._finder = loader, finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `Loader`."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """See `Loader`."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        _register()
