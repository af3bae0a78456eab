"""Wrote tests/golden/v1/ once, when version 1 of the ops was fixed:  python -m tests.golden.make_v1

Files of a version stay readable for ever, so they are never written again; a new version gets a
folder and a script of its own.
"""

from pathlib import Path

import numpy as np

from tests.runtime.op_cases import CASES

FOLDER = Path(__file__).parent / "v1"
NAMES = [
    "conv 1 bit, pad 0",
    "conv 1 bit, pad +1",
    "conv 2 groups",
    "conv 32 bits",
    "conv addend, scaled",
    "conv everything",
    "conv scale map",
    "dense 1 bit",
    "dense 4 bits to 2",
    "dequantize 2 bits",
    "max pool 1 bit",
    "max pool 2 bits, valid",
    "quantize 1 bit",
    "quantize 2 bits, affine",
]


def write(folder, names):
    for name in names:
        case = CASES[name]
        stem = name.replace(",", "").replace("+", "plus ").replace(" ", "_")
        (folder / f"{stem}.tflite").write_bytes(case.model)
        arrays = {f"input_{i}": value for i, value in enumerate(case.run_time_inputs)}
        arrays |= {f"output_{i}": value for i, value in enumerate(case.expected)}
        np.savez_compressed(folder / f"{stem}.npz", **arrays)


if __name__ == "__main__":
    write(FOLDER, NAMES)
