"""Makes our layers known to Keras as soon as there is a Keras.

Keras loads a saved model only if the classes of its layers have been imported. `import
keras_groupnet` alone imports nothing (the command line and devices that only run files need no
Keras), so it watches for the import of Keras and then imports them.
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
_MODULES = (
    "activations",
    "constraints",
    "distillation",
    "initializers",
    "layers",
    "metrics",
    "optimizers",
    "quantizers",
    "training",
)


def register_with_keras() -> None:
    """Imports what Keras must know: now if Keras has been imported, else when it is."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _Watcher())


def _register() -> None:
    for name in _MODULES:
        importlib.import_module(f"keras_groupnet.{name}")


class _Watcher(MetaPathFinder):
    """Finds Keras and our own modules where they are, and notices when they have been loaded.

    One of our modules may be the first to import Keras. Then the others can only be imported when
    it has been loaded itself, which is when the outermost of the imports has ended.
    """

    def __init__(self) -> None:
        self.depth = 0

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Asks the other finders; somebody may only want to know whether there is a Keras."""
        if name != "keras" and not name.startswith("keras_groupnet."):
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _WatchedLoader(spec.loader, self)
                return spec
        return None

    def loaded(self) -> None:
        """Registers our classes, once, if Keras is there."""
        if self.depth == 0 and self in sys.meta_path and "keras" in sys.modules:
            sys.meta_path.remove(self)
            _register()


class _WatchedLoader(Loader):
    """Loads a module as its own loader does, and tells the watcher."""

    def __init__(self, loader: Loader, watcher: _Watcher):
        self._loader, self._watcher = loader, watcher

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `Loader`."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """See `Loader`."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._watcher.depth += 1
        try:
            self._loader.exec_module(module)
        finally:
            self._watcher.depth -= 1
        self._watcher.loaded()
