"""The papers' stages and recipes, and checkpoints that a killed run goes on from."""

import warnings
from typing import Any

from keras_groupnet.training import method_recipes, progressive
from keras_groupnet.training.adversarial import AdversarialTrainer
from keras_groupnet.training.batch_norm_update import BatchNormUpdate
from keras_groupnet.training.binary_statistics import BinaryStatistics
from keras_groupnet.training.center_loss import CenterLoss
from keras_groupnet.training.center_loss_trainer import CenterLossTrainer
from keras_groupnet.training.checkpoint import ResumableCheckpoint
from keras_groupnet.training.discriminator import Discriminator
from keras_groupnet.training.distillation import DistillationTrainer
from keras_groupnet.training.guided import GuidedTrainer
from keras_groupnet.training.method_recipes import method_recipe, paper_recipe, rbcn_recipe
from keras_groupnet.training.optimizers import SGDWithL2
from keras_groupnet.training.projection_callback import ProjectionCallback
from keras_groupnet.training.recipes import (
    Recipe,
    adam_recipe,
    alexnet_recipe,
    release_stage1_recipe,
    release_stage2_recipe,
    resnet_recipe,
)
from keras_groupnet.training.schedules import reduce_when_saturated, step_decay
from keras_groupnet.training.staged_fit import FitResult, fit
from keras_groupnet.training.stages import stage_outputs
from keras_groupnet.training.training_stage import TrainingStage, plan_stages

__all__ = [
    "AdversarialTrainer",
    "BatchNormUpdate",
    "BinaryStatistics",
    "CenterLoss",
    "CenterLossTrainer",
    "Discriminator",
    "DistillationTrainer",
    "FitResult",
    "GuidedTrainer",
    "ProjectionCallback",
    "Recipe",
    "ResumableCheckpoint",
    "SGDWithL2",
    "TrainingStage",
    "adam_recipe",
    "alexnet_recipe",
    "fit",
    "method_recipe",
    "paper_recipe",
    "plan_stages",
    "rbcn_recipe",
    "reduce_when_saturated",
    "release_stage1_recipe",
    "release_stage2_recipe",
    "resnet_recipe",
    "stage_outputs",
    "step_decay",
]

_DEPRECATED = {
    "binary_from_ternary": (
        progressive.binary_from_ternary,
        "training.fit(methods.PCNN(), ...), or the start_from of the method",
    ),
    "pcnn_recipe": (
        method_recipes.pcnn_recipe,
        "training.rbcn_recipe() and training.ProjectionCallback()",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _DEPRECATED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value, instead = _DEPRECATED[name]
    warnings.warn(
        f"keras_groupnet.training.{name} will go in the next release. Use {instead}.",
        DeprecationWarning,
        stacklevel=2,
    )
    return value
