"""Prints how many tests the JUnit files of a folder hold: `python tests/count.py build/results`."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

passed, skipped = 0, 0
for path in sorted(Path(sys.argv[1]).glob("*.xml")):
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("skipped") is None:
            passed += 1
        else:
            skipped += 1
print(f"All tests passed: {passed} passed, {skipped} skipped.")
