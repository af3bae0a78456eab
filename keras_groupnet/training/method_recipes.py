"""The recipe of a method's paper; that of RBCN's stands for PCNN and MCN too.

Their own papers' optimizers could not be recovered.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from keras_groupnet.training.optimizers import SGDWithL2
from keras_groupnet.training.projection_callback import ProjectionCallback
from keras_groupnet.training.recipes import Recipe, resnet_recipe
from keras_groupnet.training.schedules import step_decay
from keras_groupnet.training.training_stage import TrainingStage

if TYPE_CHECKING:
    from keras_groupnet.methods import Method

# (learning rate, epochs between steps, epochs) of section 4.
_SCHEDULES = {"cifar": (0.01, 60, 200), "imagenet": (0.1, 20, 70)}


def rbcn_recipe(data: str = "cifar", l2: float = 1e-4, nesterov: bool = False) -> Recipe:
    """SGD, momentum 0.9, a tenth after every 60 of 200 epochs (ImageNet: 20 of 70), batch 128.

    Args:
        data: `"cifar"` (learning rate 0.01) or `"imagenet"` (0.1).
        l2: of `SGDWithL2`; 1e-4 for ResNet-18. Wide ResNets have 5e-4 and Nesterov's momentum.
        nesterov: whether the momentum is Nesterov's.

    Raises:
        ValueError: for other data.

    Results of such runs should be compared with the paper's with care: it gives one configuration
    (ResNet-18 32-32-64-128, CIFAR-100) as 61.64 % in its ablation and as 61.09 % in its main table,
    and the gain over XNOR-Net on ImageNet as 7.9 points where its table has 59.5 - 51.2 = 8.3.

    References:
        Liu et al., Rectified Binary Convolutional Networks, arXiv 1908.07748, section 4.
    """
    if data not in _SCHEDULES:
        raise ValueError(f"`data` must be one of {sorted(_SCHEDULES)}. Received: data={data!r}")
    learning_rate, step, epochs = _SCHEDULES[data]
    return Recipe(
        SGDWithL2(learning_rate, momentum=0.9, nesterov=nesterov, l2=l2),
        [step_decay(learning_rate, range(step, epochs, step))],
        batch_size=128,
        epochs=epochs,
    )


def paper_recipe(stage: TrainingStage, steps: int) -> Recipe:
    """`method_recipe` of a stage's method, for `fit`.

    Args:
        stage: of `plan_stages`.
        steps: not needed.

    Raises:
        ValueError: if it is not known.
    """
    return method_recipe(stage.method)


def method_recipe(method: "Method") -> Recipe:
    """The recipe of a method's paper, for ResNets; for AlexNet see `alexnet_recipe`.

    Args:
        method: with its options.

    Raises:
        ValueError: if it is not known.
    """
    if method.name not in _RECIPES:
        raise ValueError(
            f"The papers' recipes that are known are those of {', '.join(_RECIPES)}. Use another, "
            f"such as `adam_recipe`. Received: method={method.name!r}"
        )
    return _RECIPES[method.name](method)


def _fewest_bits(method: "Method") -> int:
    """Of the groups: those of 1 bit need the low learning rate, and the start from the parent."""
    bits = method.activation_bits
    return bits if isinstance(bits, int) else min(bits)


_RECIPES: dict[str, Callable[["Method"], Recipe]] = {
    "full_precision": lambda method: resnet_recipe(_fewest_bits(method)),
    "group_net": lambda method: resnet_recipe(_fewest_bits(method)),
    "pcnn": lambda method: rbcn_recipe(),
    "rbcn": lambda method: rbcn_recipe(),
    "mcn": lambda method: rbcn_recipe(),
    "mcn_1": lambda method: rbcn_recipe(),
}


def pcnn_recipe(data: str = "cifar", l2: float = 1e-4, nesterov: bool = False) -> Recipe:
    """Deprecated: `rbcn_recipe`, and the callbacks of `methods.PCNN` (`ProjectionCallback`).

    Args:
        data: see `rbcn_recipe`.
        l2: see `rbcn_recipe`.
        nesterov: see `rbcn_recipe`.

    Raises:
        ValueError: for other data.
    """
    recipe = rbcn_recipe(data, l2, nesterov)
    recipe.callbacks.append(ProjectionCallback())
    return recipe
