"""Wrote tests/golden/v1_scale_map/ when the op came:  python -m tests.golden.make_scale_map"""

from pathlib import Path

from tests.golden.make_v1 import write
from tests.runtime.op_cases import CASES

FOLDER = Path(__file__).parent / "v1_scale_map"

if __name__ == "__main__":
    FOLDER.mkdir()
    write(FOLDER, [name for name in CASES if name.startswith("scale map")])
