"""The papers' recipes, and checkpoints that a killed run goes on from."""

from keras_groupnet.training.adversarial import AdversarialTrainer
from keras_groupnet.training.batch_norm_update import BatchNormUpdate
from keras_groupnet.training.center_loss import CenterLoss
from keras_groupnet.training.center_loss_trainer import CenterLossTrainer
from keras_groupnet.training.checkpoint import ResumableCheckpoint
from keras_groupnet.training.discriminator import Discriminator
from keras_groupnet.training.distillation import DistillationTrainer
from keras_groupnet.training.guided import GuidedTrainer
from keras_groupnet.training.method_recipes import pcnn_recipe, rbcn_recipe
from keras_groupnet.training.optimizers import SGDWithL2
from keras_groupnet.training.progressive import binary_from_ternary
from keras_groupnet.training.projection_callback import ProjectionCallback
from keras_groupnet.training.recipes import (
    Recipe,
    alexnet_recipe,
    release_stage1_recipe,
    release_stage2_recipe,
    resnet_recipe,
)
from keras_groupnet.training.schedules import reduce_when_saturated, step_decay
from keras_groupnet.training.stages import stage_outputs

__all__ = [
    "AdversarialTrainer",
    "BatchNormUpdate",
    "CenterLoss",
    "CenterLossTrainer",
    "Discriminator",
    "DistillationTrainer",
    "GuidedTrainer",
    "ProjectionCallback",
    "Recipe",
    "ResumableCheckpoint",
    "SGDWithL2",
    "alexnet_recipe",
    "binary_from_ternary",
    "pcnn_recipe",
    "rbcn_recipe",
    "reduce_when_saturated",
    "release_stage1_recipe",
    "release_stage2_recipe",
    "resnet_recipe",
    "stage_outputs",
    "step_decay",
]
