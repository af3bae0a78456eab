"""Wrote tests/golden/v3/ once, for version 3 of KgnConv2D and KgnDense, and what came with it:

python -m tests.golden.make_v3
"""

from pathlib import Path

from tests.golden.make_v1 import write
from tests.runtime.op_cases import CASES

FOLDER = Path(__file__).parent / "v3"

if __name__ == "__main__":
    FOLDER.mkdir()
    write(FOLDER, [name for name in CASES if "version 3" in name or "pool version 2" in name])
