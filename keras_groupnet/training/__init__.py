"""The papers' recipes, and checkpoints that a killed run goes on from."""

from keras_groupnet.training.checkpoint import ResumableCheckpoint
from keras_groupnet.training.optimizers import SGDWithL2
from keras_groupnet.training.recipes import (
    Recipe,
    alexnet_recipe,
    release_stage1_recipe,
    release_stage2_recipe,
    resnet_recipe,
)
from keras_groupnet.training.schedules import reduce_when_saturated, step_decay

__all__ = [
    "Recipe",
    "ResumableCheckpoint",
    "SGDWithL2",
    "alexnet_recipe",
    "reduce_when_saturated",
    "release_stage1_recipe",
    "release_stage2_recipe",
    "resnet_recipe",
    "step_decay",
]
