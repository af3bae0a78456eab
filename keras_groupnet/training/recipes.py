"""The training recipes of Group-Net, as far as the paper and its release give them; one of ours.

Example:
    recipe = kgn.training.resnet_recipe(activation_bits=2)
    train = kgn.datasets.Batches(x, y, recipe.batch_size, kgn.datasets.CropAndFlip())
    model.compile(recipe.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        train,
        shuffle=False,
        validation_data=(test_x, test_y),
        epochs=recipe.epochs,
        callbacks=recipe.callbacks,
    )
"""

import dataclasses

import keras

from keras_groupnet.structure.groups import ACTIVATION_BITS
from keras_groupnet.training.optimizers import SGDWithL2
from keras_groupnet.training.schedules import reduce_when_saturated, step_decay
from keras_groupnet.training.training_stage import TrainingStage


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What `compile` and `fit` need.

    Attributes:
        optimizer: new, with its learning rate.
        callbacks: the schedule.
        batch_size: images in a batch.
        epochs: at most.
    """

    optimizer: keras.optimizers.Optimizer
    callbacks: list[keras.callbacks.Callback]
    batch_size: int
    epochs: int


def adam_recipe(stage: TrainingStage, steps: int, learning_rate: float = 2e-3) -> Recipe:
    """Adam whose learning rate falls to 0 along a cosine: ours, for short runs of any method.

    Args:
        stage: not needed; see `fit`.
        steps: of the optimizer, in all.
        learning_rate: at the start.
    """
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    return Recipe(keras.optimizers.Adam(rate), [], batch_size=64, epochs=40)


def resnet_recipe(
    activation_bits: int, epochs: int = 90, monitor: str = "val_loss", patience: int = 5
) -> Recipe:
    """ResNets: Nesterov SGD, momentum 0.9, batch 128, weight decay 1e-4 (see `SGDWithL2`).

    2, 4 and 32 bits train from scratch at 0.05. 1 bit trains at 0.001 and should start from the
    trained full-precision parent: `transfer_weights(parent, model)`. The learning rate is divided
    by 10 when it saturates.

    Args:
        activation_bits: 1, 2, 4 or 32.
        epochs: the paper gives no number.
        monitor: see `reduce_when_saturated`.
        patience: see `reduce_when_saturated`.

    Raises:
        ValueError: for other bits.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, section 4.1.
    """
    if activation_bits not in ACTIVATION_BITS:
        raise ValueError(
            f"`activation_bits` must be one of {ACTIVATION_BITS}. "
            f"Received: activation_bits={activation_bits!r}"
        )
    return _sgd(0.001 if activation_bits == 1 else 0.05, epochs, monitor, patience)


def alexnet_recipe(epochs: int = 90, monitor: str = "val_loss", patience: int = 5) -> Recipe:
    """AlexNet: as `resnet_recipe`, from scratch at 0.01 for all bits.

    Args:
        epochs: the paper gives no number.
        monitor: see `reduce_when_saturated`.
        patience: see `reduce_when_saturated`.

    References:
        Zhuang et al., Group-Net, arXiv 1808.02631, section 4.1.
    """
    return _sgd(0.01, epochs, monitor, patience)


def release_stage1_recipe() -> Recipe:
    """The release's first stage, which trains the float network that stage 2 starts from.

    SGD 0.05, momentum 0.9, weight decay 1e-4, batch 256, 40 epochs, a tenth after 25 and 35 (and,
    without effect, 40). The release puts tanh where the quantizers will be.

    References:
        bohanzhuang/Group-Net-image-classification, pretrain.py.
    """
    return Recipe(
        SGDWithL2(0.05, momentum=0.9, nesterov=False, l2=1e-4),
        [step_decay(0.05, (25, 35, 40))],
        batch_size=256,
        epochs=40,
    )


def release_stage2_recipe() -> Recipe:
    """The release's second stage: binary weights and activations, from the weights of stage 1.

    Adam 5e-4 without decay, batch 256, 40 epochs, a tenth after 20 and 30 (and, without effect,
    40).

    References:
        bohanzhuang/Group-Net-image-classification, finetune.py.
    """
    return Recipe(
        keras.optimizers.Adam(5e-4), [step_decay(5e-4, (20, 30, 40))], batch_size=256, epochs=40
    )


def _sgd(learning_rate: float, epochs: int, monitor: str, patience: int) -> Recipe:
    return Recipe(
        SGDWithL2(learning_rate, momentum=0.9, nesterov=True, l2=1e-4),
        [reduce_when_saturated(monitor, patience=patience)],
        batch_size=128,
        epochs=epochs,
    )
