"""The example of docs/methods.md: a method of a user's own."""

import re
from pathlib import Path

from keras_groupnet.quantizers import BinaryWeight

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"


def test_the_example_of_the_page_builds_a_model():
    section = PAGE.read_text().split("## One of your own")[1]
    names = {"__name__": __name__}
    exec(re.search(r"```python\n(.*?)```", section, re.S)[1], names)
    layer = names["model"].get_layer("stage1_block1_conv1")
    assert isinstance(layer.kernel_quantizer, BinaryWeight)
