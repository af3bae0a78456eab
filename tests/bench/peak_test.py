"""The bare loop that binary layers are measured by."""

import pytest

from keras_groupnet.bench.peak import run_popcount_peak


def test_the_loop_does_at_least_what_was_asked():
    once = run_popcount_peak(1)
    if once == 0:
        pytest.skip("needs a CPU with AVX2")
    assert run_popcount_peak(10 * once + 1) == 11 * once
