"""Flags that describe a model."""

import pytest
from absl import flags

from keras_groupnet.cli.model_flags import (
    build_model,
    check_model_flags,
    define_model_flags,
    flags_method,
)
from keras_groupnet.deployment.describe import binary_deployment


def parsed(*arguments):
    values = flags.FlagValues()
    define_model_flags(values, "resnet")
    values(["groupnet", *arguments])
    check_model_flags(values)
    return values


def test_numbers_for_each_group():
    values = parsed(
        "--partition=1,2", "--bases=2,1", "--activation_bits=1,2", "--blocks=2,1", "--filters=2,4"
    )
    method = flags_method(values)
    assert (method.partition, method.bases, method.activation_bits) == ([1, 2], (2, 1), (1, 2))
    model = build_model(values, (8, 8, 1), 3)
    names = " ".join(layer.name for layer in model.layers if binary_deployment(layer))
    assert "block1_base2" in names and "block2_base1" in names and "block2_base2" not in names


@pytest.mark.parametrize("bases, expected", [("--bases=0", "full_precision"), ("--bases=3", 3)])
def test_one_number(bases, expected):
    method = flags_method(parsed(bases))
    assert expected in (method.name, getattr(method, "bases", None))
