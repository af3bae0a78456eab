"""The code of docs/architectures.md, as it stands there."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def names():
    """What the page's code defines, block after block."""
    return {}


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_code_of_the_page(number, names, capsys):
    exec(compile(BLOCKS[number], str(PAGE), "exec"), names)  # noqa: S102
    expected = [line[2:] for line in BLOCKS[number].splitlines() if line.startswith("# Stage")]
    if expected:
        assert capsys.readouterr().out.splitlines() == expected


def test_the_page_has_code():
    assert len(BLOCKS) > 5 and any("# Stage 4" in block for block in BLOCKS)
