"""Each of our ops, with all its options: C gives the reference's bits."""

import numpy as np
import pytest

from keras_groupnet.interop.c_source.to_c import to_c
from tests.interop.c_source.compiled import Compiled
from tests.runtime.op_cases import CASES

# Of rank 1 the first axis is the channels, not a batch; an empty batch is no array in C.
SKIPPED = ("quantize rank 1", "conv empty batch")


@pytest.mark.parametrize("name", [name for name in CASES if name not in SKIPPED])
def test_bits_of_the_reference(name, tmp_path):
    case = CASES[name]
    net = Compiled(to_c(case.model), tmp_path)
    for sample in range(len(case.run_time_inputs[0])):
        outputs = net(*(value[sample] for value in case.run_time_inputs))
        for found, expected in zip(outputs, case.expected, strict=True):
            wanted = np.ascontiguousarray(expected[sample]).ravel()
            np.testing.assert_array_equal(found.view(wanted.dtype), wanted)
