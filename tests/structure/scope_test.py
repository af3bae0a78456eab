"""Names of layers, and the way back from a base to the parent."""

import pytest

from keras_groupnet.structure.scope import Scope, name_of_copies, parent_name


@pytest.mark.parametrize("prefix", ["", "stage1_block2", "encoder/conv.block-3"])
@pytest.mark.parametrize("part", ["conv1", "conv_dw", "shortcut_bn", "features.0.conv"])
def test_parent_name_is_the_way_back_from_a_base(prefix, part):
    scope = Scope().of(prefix)
    assert scope.name(part) == parent_name(scope.name(part))
    names = {scope.in_base(base).name(part) for base in (1, 2, 12)}
    assert len(names) == 3
    assert {parent_name(name) for name in names} == {scope.name(part)}
    assert {name_of_copies(name) for name in names} == {scope.in_base("*").name(part)}


def test_names_that_only_look_like_bases_are_kept():
    for name in ("database1_conv", "base_conv1", "my_base2", "basel1_conv"):
        assert parent_name(name) == name


def test_each_layer_has_a_seed_of_its_own():
    scope = Scope(3, "block")
    seeds = {
        Scope(seed, prefix).in_base(base).layer_seed(part)
        for seed in (0, 3)
        for prefix in ("block", "other")
        for base in (1, 2)
        for part in ("conv1", "conv2")
    }
    assert len(seeds) == 16
    assert scope.initializer("conv1").seed == Scope(3).of("block").layer_seed("conv1")


@pytest.mark.parametrize("seed", ["x", 1.5, True, None])
def test_impossible_seeds(seed):
    with pytest.raises(ValueError, match="int.*Received: seed="):
        Scope(seed)
