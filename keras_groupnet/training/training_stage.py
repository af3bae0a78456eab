"""What the training of a method consists of."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_groupnet.methods import Method


@dataclasses.dataclass(frozen=True)
class TrainingStage:
    """One call of Keras' `fit`: a model of `method` is trained for `epochs`.

    Attributes:
        number: from 1.
        count: how many stages there are.
        method: of the model.
        epochs: at most.
        teaches: whether this stage trains the teacher of those that follow.
        description: the method, and which of its options differ from those of the last stage.
    """

    number: int
    count: int
    method: "Method"
    epochs: int
    teaches: bool
    description: str

    @property
    def name(self) -> str:
        """`"1_full_precision"`; also that of its folder."""
        return f"{self.number}_{self.method.name}"

    def __str__(self) -> str:
        """What happens, in one line."""
        return f"Stage {self.number} of {self.count}, {self.description}, {self.epochs} epochs"


def plan_stages(
    method: "str | Method", epochs: int | Sequence[int], train_teacher: bool = False
) -> list[TrainingStage]:
    """The stages that `fit` runs, in order.

    Example:
        >>> for stage in kgn.training.plan_stages("pcnn", [10, 30]):
        ...     print(stage)
        Stage 1 of 2, pcnn with levels=3, 10 epochs
        Stage 2 of 2, pcnn, 30 epochs

    Args:
        method: a name of `methods.list()`, or a `Method`.
        epochs: one number for all stages, or one for each.
        train_teacher: whether a full-precision network is trained first, if the method needs a
            teacher.

    Raises:
        ValueError: for an unknown method, or epochs that are too few or not one for each stage.
    """
    from keras_groupnet import methods  # which uses this package

    method = methods.get(method)
    chosen = [(stage, False, _describe(stage, method)) for stage in method.stages()]
    if train_teacher and needs_teacher(method):
        chosen.insert(0, (methods.FullPrecision(), True, "full_precision as the teacher"))
    count = len(chosen)
    numbers = [epochs] * count if isinstance(epochs, int) else list(epochs)
    if len(numbers) != count or min(numbers) < 1:
        named = "; ".join(description for *_, description in chosen)
        raise ValueError(
            f"`epochs` must be one number of at least 1 for all stages, or one for each of the "
            f"{count}: {named}. Received: epochs={epochs!r}"
        )
    return [
        TrainingStage(number, count, stage, epochs, teaches, description)
        for number, ((stage, teaches, description), epochs) in enumerate(
            zip(chosen, numbers, strict=True), start=1
        )
    ]


def needs_teacher(method: "Method") -> bool:
    """Whether any stage of the method learns from a trained full-precision network."""
    return any(stage.needs_teacher for stage in method.stages())


def options(method: "Method") -> dict[str, Any]:
    """The options of a method; a class that is no dataclass has none."""
    return dataclasses.asdict(method) if dataclasses.is_dataclass(method) else {}


def _describe(stage: "Method", last: "Method") -> str:
    expected = options(last)
    different = [f"{k}={v!r}" for k, v in options(stage).items() if v != expected.get(k)]
    return f"{stage.name} with {', '.join(different)}" if different else stage.name
