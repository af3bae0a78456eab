"""Tensors that are needed at once do not share memory."""

import numpy as np
import pytest

from keras_groupnet.interop.c_source.memory import Lifetime, offsets
from keras_groupnet.interop.c_source.to_c import to_c
from tests.conversion.graphs import GraphBuilder, images, values
from tests.interop.c_source.compiled import Compiled


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


def net_of(builder, output, tmp_path):
    """The C file of a graph of one input, whose values are the interpreter's."""
    content = builder.finish([output])
    source = to_c(content)
    image = images(5, 4, 4, batch=1)
    (found,) = Compiled(source, tmp_path)(image)
    np.testing.assert_array_equal(found, values(content, image)[0].ravel())
    return source


def test_a_sum_takes_the_place_of_its_addend(tmp_path):
    builder = GraphBuilder()
    skip = builder.unary("RELU", builder.image(5, 4, 4))
    packed = builder.unary("NEG", skip)
    y = builder.conv(packed, 4, addend=skip)
    assert net_of(builder, builder.unary("ABS", y), tmp_path).arena_bytes == 2 * 4 * 80


def test_but_not_where_the_convolution_reads(tmp_path):
    builder = GraphBuilder()
    x = builder.unary("RELU", builder.image(5, 4, 4))
    y = builder.conv(x, 4, addend=x)
    net_of(builder, builder.unary("ABS", y), tmp_path)
    builder = GraphBuilder()
    x = builder.unary("RELU", builder.image(5, 4, 4))
    y = builder.conv(x, 4, addend=builder.reshape(x, (-1, 5, 4, 4)))
    net_of(builder, builder.unary("ABS", y), tmp_path)


def test_nor_where_somebody_reads_later(tmp_path):
    builder = GraphBuilder()
    x = builder.unary("RELU", builder.image(5, 4, 4))
    y = builder.add(x, builder.mean(x, (1, 2)))  # broadcast: each mean is read again and again
    z = builder.mul(
        builder.unary("NEG", builder.reshape(y, (-1, 80))), builder.reshape(x, (-1, 80))
    )
    net_of(builder, builder.unary("ABS", z), tmp_path)


def test_a_chain_needs_two_places():
    at, total = offsets({i: Lifetime(10, i, i + 1) for i in range(6)})
    assert total == 20 and [at[i] for i in range(6)] in ([0, 10] * 3, [10, 0] * 3)


def test_nothing_needs_nothing():
    assert offsets({}) == ({}, 0)
