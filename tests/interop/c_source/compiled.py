"""C files compiled with the system's compiler and called from Python."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest

COMPILER = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
_TYPES = {"float": np.float32, "int32_t": np.int32, "uint8_t": np.uint8}
_PROTOTYPE = re.compile(r"^void (\w+)_run\(([^)]*)\);$", re.MULTILINE)


class Compiled:
    """A C net as a function of arrays.

    Args:
        source: what `to_c` gave.
        folder: for the files of the compiler.
        flags: of the compiler, instead of strict C99 that is optimized.
    """

    def __init__(self, source, folder, flags=(*STRICT, "-O1")):
        if COMPILER is None:
            pytest.skip("needs a C compiler")
        path, library = folder / f"{source.name}.c", folder / f"lib{source.name}.so"
        path.write_text(source.text)
        command = [COMPILER, *flags, "-shared", "-fPIC", "-o", library, path, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]
        self._function = getattr(ctypes.CDLL(str(library)), f"{source.name}_run")
        sizes = dict(re.findall(r"^#define (\w+_SIZE) (\d+)", source.text, re.MULTILINE))
        name, parameters = _PROTOTYPE.search(source.text).groups()
        self._outputs = []
        for parameter in parameters.split(", "):
            kind, called = re.fullmatch(r"(?:const )?(\w+) \*(\w+)", parameter).groups()
            if not parameter.startswith("const "):
                size = int(sizes[f"{name}_{called}_SIZE".upper()])
                self._outputs.append((size, _TYPES[kind]))

    def __call__(self, *inputs):
        """The outputs, flat."""
        inputs = [np.ascontiguousarray(one) for one in inputs]
        outputs = [np.full(size, 77, dtype) for size, dtype in self._outputs]
        self._function(*(ctypes.c_void_p(one.ctypes.data) for one in (*inputs, *outputs)))
        return outputs
