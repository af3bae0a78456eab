"""Runs one file in Larq Compute Engine's interpreter, once for each line of standard input.

Run by the interpreter of the environment of `larq_zoo_models.py`, with the path of the file; prints
the seconds of each run. One thread, the faster of its kernels (indirect), XNNPACK for floats.
"""

import sys
import time
from pathlib import Path

import numpy as np
from larq_compute_engine.tflite.python.interpreter import Interpreter

interpreter = Interpreter(
    Path(sys.argv[1]).read_bytes(), num_threads=1, use_indirect_bgemm=True, use_xnnpack=True
)
image = np.random.default_rng(0).normal(0, 1, (1, *interpreter.input_shapes[0][1:]))
image = image.astype(np.float32)
interpreter.predict(image)
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    interpreter.predict(image)
    print(time.perf_counter() - start, flush=True)
