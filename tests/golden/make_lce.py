"""Wrote tests/golden/lce/: files with Larq Compute Engine's ops and its interpreter's answers.

python -m tests.golden.make_lce PYTHON CONVERTED

PYTHON: the interpreter of an environment (Python 3.11) with larq-compute-engine==0.16.0 and
numpy<2. CONVERTED: a folder of files that Larq's converter made, each NAME.tflite with NAME.npz
(x: images, y0: the interpreter's answers). The other files are written by hand, so that every
option occurs.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.runtime.lce_cases import CASES

FOLDER = Path(__file__).parent / "lce"
CONVERTED = ["bconv_c24", "bconv_int8_out", "bconv_s2"]
NAMES = [
    "conv 2 groups, relu, strides",
    "conv dilation",
    "conv int8",
    "conv int8, relu6",
    "conv packed",
    "conv packed, groups inside a word",
    "conv relu -1..1",
    "conv relu6, odd products",
    "conv valid",
    "dequantize bool",
    "dequantize int8, saturated",
    "max pool",
    "quantize bool",
    "quantize int8, zero point",
]

# The package imports TensorFlow for its converter; its interpreter needs none.
ANSWER = """
import importlib.util, sys, types
from pathlib import Path
import numpy as np
root = Path(importlib.util.find_spec("larq_compute_engine").origin).parent
for name in ("", ".tflite", ".tflite.python"):
    module = types.ModuleType("larq_compute_engine" + name)
    module.__path__ = [str(root.joinpath(*name.split(".")))]
    sys.modules[module.__name__] = module
from larq_compute_engine.tflite.python.interpreter import Interpreter
model, arrays = sys.argv[1:]
x = np.load(arrays)["input_0"]
interpreter = Interpreter(Path(model).read_bytes(), use_indirect_bgemm=True)
y = np.asarray(interpreter.predict(x)).reshape(1, *interpreter.output_shapes[0][1:])
np.savez_compressed(arrays, input_0=x, output_0=y)
"""


def main(python, converted):
    for name in CONVERTED:
        model = Path(converted, f"{name}.tflite").read_bytes()
        (FOLDER / f"{name}.tflite").write_bytes(model)
        arrays = np.load(Path(converted, f"{name}.npz"))
        first = {"input_0": arrays["x"][:1], "output_0": arrays["y0"][:1]}
        np.savez_compressed(FOLDER / f"{name}.npz", **first)
    for name in NAMES:
        path = FOLDER / name.replace(",", "").replace("-1..1", "n1 to 1").replace(" ", "_")
        path.with_suffix(".tflite").write_bytes(CASES[name].model)
        np.savez_compressed(path.with_suffix(".npz"), input_0=CASES[name].x)
        files = [str(path.with_suffix(suffix)) for suffix in (".tflite", ".npz")]
        subprocess.run([python, "-c", ANSWER, *files], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
