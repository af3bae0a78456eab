"""Tensors that are needed at once do not share memory."""

import numpy as np
import pytest

from keras_groupnet.interop.c_source.memory import Lifetime, offsets


@pytest.mark.parametrize("seed", range(20))
def test_no_overlap(seed):
    random = np.random.default_rng(seed)
    lifetimes = {}
    for tensor in range(30):
        first = int(random.integers(20))
        last = first + int(random.integers(5))
        lifetimes[tensor] = Lifetime(int(random.integers(1, 50)), first, last)
    at, total = offsets(lifetimes)
    held = np.full((25, total), -1)
    for tensor, one in lifetimes.items():
        place = held[one.first : one.last + 1, at[tensor] : at[tensor] + one.size]
        assert place.shape[1] == one.size and (place == -1).all()
        place[:] = tensor
    needed = [sum(t.size for t in lifetimes.values() if t.first <= i <= t.last) for i in range(25)]
    assert max(needed) <= total <= 1.3 * max(needed)


def test_a_chain_needs_two_places():
    at, total = offsets({i: Lifetime(10, i, i + 1) for i in range(6)})
    assert total == 20 and [at[i] for i in range(6)] in ([0, 10] * 3, [10, 0] * 3)


def test_nothing_needs_nothing():
    assert offsets({}) == ({}, 0)
