"""Names of before, for one release."""

import keras
import pytest

import keras_groupnet as kgn
from keras_groupnet import methods


@pytest.mark.parametrize(
    "old, new",
    [
        ({"wiring": "v1"}, {"wiring": "block_shortcut"}),
        ({"wiring": "release"}, {"wiring": "layer_shortcut"}),
        ({"shortcut": "real"}, {"shortcut": "float"}),
    ],
)
@pytest.mark.parametrize("method", [methods.GroupNet, methods.BNN, methods.RBCN])
def test_old_values_of_options(method, old, new):
    with pytest.warns(DeprecationWarning, match="is deprecated, use") as warnings:
        renamed = method(**old)
    assert renamed == method(**new)
    assert warnings[0].filename == __file__


def test_old_skip_and_partition():
    with pytest.warns(DeprecationWarning, match="skip='real' is deprecated, use skip='float'"):
        assert methods.GroupNet(skip="real") == methods.GroupNet()
    assert methods.GroupNet(partition="v1").partition == "v1"  # the paper's name


def test_group_spec():
    with pytest.warns(DeprecationWarning, match="GroupSpec is deprecated.*GroupNet"):
        spec_class = kgn.GroupSpec
    spec = spec_class(bases=2, activation_bits=2, seed=3)
    blocks = [kgn.Block("a", (kgn.BlockLayer("conv1", 4, 3),))]
    inputs = keras.Input((8, 8, 4))
    old = keras.Model(inputs, kgn.build_groups(inputs, blocks, spec))
    new = keras.Model(inputs, kgn.build_groups(inputs, blocks, methods.GroupNet(2, 2), seed=3))
    for one, other in zip(old.get_weights(), new.get_weights(), strict=True):
        assert (one == other).all()
    with pytest.raises(ValueError, match="int.*Received: seed='x'"):
        spec_class(seed="x")


def test_list_of_methods():
    with pytest.warns(DeprecationWarning, match="methods.names"):
        names = methods.list
    assert names() == methods.names()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = methods.nothing
