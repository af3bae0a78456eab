import itertools
import math

import keras
import keras_tuner
import numpy as np
import pytest

from keras_groupnet import methods, models
from keras_groupnet.expansion import expand
from keras_groupnet.tuning import Space, count_blocks

SMALL = Space(3, bases=(1, 3), activation_bits=(1, 2))
CHAINS = Space((2, 1), bases=(1, 2))


def test_the_partitions_of_the_paper():
    # C(N - 1, P - 1), section 3.4: 128 for the eight blocks of ResNet-18, 32768 for sixteen.
    space = Space(8)
    counts = [space.count_partitions(groups) for groups in range(1, 9)]
    assert counts == [1, 7, 21, 35, 35, 21, 7, 1] and space.count_partitions() == 128
    assert Space(16).count_partitions(4) == 455 and Space(16).count_partitions() == 32768
    for groups, count in enumerate(counts, 1):
        found = list(space.partitions(groups))
        assert len(found) == len(set(found)) == count
        assert {(len(p), sum(p)) for p in found} == {(groups, 8)}
    assert list(space.partitions()) == [p for g in range(1, 9) for p in space.partitions(g)]
    assert not space.count_partitions(9) and not list(space.partitions(9))


def test_the_number_of_candidates():
    # Each partition into P groups, with b choices for each of them.
    for space in (SMALL, Space(8, (1, 3, 5), (1, 2, 4)), CHAINS):
        b = len(space.bases) * len(space.activation_bits)
        assert space.size == sum(
            space.count_partitions(groups) * b**groups for groups in range(1, space.length + 1)
        )
    assert Space(8, (1, 3), (1, 2)).size == 4 * 5**7


@pytest.mark.parametrize("space", [SMALL, CHAINS, Space((1, 1)), Space(1, (2,))])
def test_every_candidate_once_there_and_back(space):
    candidates = list(space)
    assert len(candidates) == space.size == len(set(candidates))
    partitions = {method.partition for method in candidates}
    assert partitions == set(space.partitions()) and len(partitions) == space.count_partitions()
    for number, method in enumerate(candidates):
        assert space.index(method) == number and method in space
        assert space.from_values(space.values(method)) == method


def test_no_group_reaches_over_the_end_of_a_chain():
    assert list(CHAINS.partitions()) == [(2, 1), (1, 1, 1)]
    assert CHAINS.count_partitions(2) == CHAINS.count_partitions(3) == 1
    assert not CHAINS.count_partitions(1)
    wrong = methods.GroupNet(bases=(1, 1), activation_bits=(1, 1), partition=(1, 2))
    with pytest.raises(ValueError, match="no candidate.*Received"):
        CHAINS.index(wrong)


@pytest.mark.parametrize(
    "options", [{"partition": "v1"}, {"partition": (3,)}, {"partition": (1, 2), "bases": 2}]
)
def test_methods_that_are_no_candidates(options):
    method = methods.GroupNet(**options)
    assert method not in SMALL
    with pytest.raises(ValueError, match="no candidate.*Received"):
        SMALL.index(method)


def test_one_number_for_all_groups_is_a_candidate_too():
    method = methods.GroupNet(bases=3, partition=[1, 2])
    assert SMALL.method(SMALL.index(method)).bases == (3, 3)


def test_the_named_partitions():
    space = Space(4, bases=(1, 3), activation_bits=(1, 2), options={"shortcut": "float"})
    for name, partition in (("v1", (1, 1, 1, 1)), ("v2", (2, 2)), ("v3", (4,))):
        method = space.named(name, 3)
        assert method in space and method.partition == partition and method.shortcut == "float"
        assert set(method.bases) == {3} and set(method.activation_bits) == {1}
    assert CHAINS.named("v2", 1) is None  # a chain of a single block
    assert CHAINS.named("v3", 2).partition == (2, 1)


def test_hyperparameters_of_what_is_not_there_do_not_count():
    hp = keras_tuner.HyperParameters()
    SMALL.declare(hp)
    names = {p.name for p in hp.space}
    assert names == {
        "bases_0",
        "bits_0",
        "cut_1",
        "bases_1",
        "bits_1",
        "cut_2",
        "bases_2",
        "bits_2",
    }
    for method in SMALL:
        again = hp.copy()
        again.values = SMALL.values(method)
        assert SMALL.declare(again) == method
        active = {p.name for p in again.space if again.is_active(p)}
        assert active == set(again.values)
    only = keras_tuner.HyperParameters()
    Space((1, 1), bases=(1, 2)).declare(only)
    assert [p.name for p in only.space] == ["bases_0", "bases_1"]


def test_neighbours():
    generator = np.random.default_rng(0)
    for method in SMALL:
        mutated = SMALL.mutated(method, generator)
        assert mutated in SMALL and mutated != method
        assert abs(len(mutated.partition) - len(method.partition)) <= 1
        lowered = SMALL.lowered(method, generator)
        if lowered is None:
            assert set(method.bases) == set(method.activation_bits) == {1}
        else:
            assert lowered.partition == method.partition
            before, after = (
                list(itertools.chain(m.bases, m.activation_bits)) for m in (method, lowered)
            )
            assert [a - b for a, b in zip(before, after, strict=True) if a != b] in ([1], [2])
    lonely = Space(1, (2,))
    assert lonely.mutated(lonely.method(0), generator) == lonely.method(0)


def test_random_candidates_have_every_partition_alike():
    generator = np.random.default_rng(0)
    drawn = [SMALL.random(generator).partition for _ in range(400)]
    for partition in SMALL.partitions():
        assert math.isclose(drawn.count(partition), 100, abs_tol=30)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"blocks": 0}, "positive int.*Received: blocks=0"),
        ({"blocks": (2, 0)}, "positive int.*Received"),
        ({"blocks": ()}, "positive int.*Received"),
        ({"bases": ()}, "at least one.*Received"),
        ({"bases": (1, 1)}, "different.*Received"),
        ({"bases": (0, 1)}, "at least 1.*Received"),
        ({"activation_bits": (3,)}, r"\(1, 2, 4, 32\).*Received"),
        ({"options": {"partition": "v1"}}, "'partition' among them"),
        ({"options": {"activation_scale": "xnor"}, "activation_bits": (1, 2)}, "activation_bits=1"),
    ],
)
def test_impossible_spaces(arguments, message):
    with pytest.raises(ValueError, match=message):
        Space(**({"blocks": 3} | arguments))


@pytest.mark.parametrize("index", [-1, 100])
def test_numbers_without_candidate(index):
    with pytest.raises(ValueError, match="0 ... 99.*Received"):
        SMALL.method(index)


def test_counting_the_blocks_of_a_model():
    def alexnet(method):
        return models.AlexNet(
            (16, 16, 1), 3, method=method, filters=(4,) * 5, units=4, stem="cifar"
        )

    def vgg(method):
        return models.VGGSmall((8, 8, 1), 3, method=method, filters=(4,) * 6)

    assert count_blocks(alexnet) == (2, 1)
    assert count_blocks(vgg) == (3,)
    parent = keras.Sequential(
        [keras.Input((8, 8, 1)), *(keras.layers.Conv2D(2, 3, padding="same") for _ in range(3))]
        + [keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    assert count_blocks(lambda method: expand(parent, method=method, print_fn=None)) == (2,)
    with pytest.raises(ValueError, match="`build` must return"):
        count_blocks(lambda method: vgg("bnn"))
