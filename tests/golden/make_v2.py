"""Wrote tests/golden/v2/ once, for version 2 of KgnConv2D:  python -m tests.golden.make_v2"""

from pathlib import Path

from tests.golden.make_v1 import write
from tests.runtime.op_cases import CASES

FOLDER = Path(__file__).parent / "v2"

if __name__ == "__main__":
    FOLDER.mkdir()
    write(FOLDER, [name for name in CASES if name.startswith("conv compressed")])
