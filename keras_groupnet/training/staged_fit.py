"""The training of a method in one call."""

import copy
import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras

from keras_groupnet.datasets.batches import SeededBatches
from keras_groupnet.distillation import Distiller
from keras_groupnet.training.checkpoint import ResumableCheckpoint
from keras_groupnet.training.recipes import Recipe, adam_recipe
from keras_groupnet.training.run_folder import RunFolder
from keras_groupnet.training.training_stage import (
    TrainingStage,
    needs_teacher,
    options,
    plan_stages,
)

if TYPE_CHECKING:
    from keras_groupnet.methods import Method

History = dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class FitResult:
    """What `fit` returns.

    Attributes:
        model: the trained model, to convert or to save.
        history: for each stage (`"1_pcnn"`, `"2_pcnn"`), what Keras' `History.history` holds.
        teacher: the full-precision network that it learned from, if there is one.
    """

    model: keras.Model
    history: dict[str, History]
    teacher: keras.Model | None


def fit(
    method: "str | Method",
    build: Callable[["Method"], keras.Model],
    data: Any,
    epochs: int | Sequence[int],
    *,
    teacher: keras.Model | None = None,
    distillation_losses: Any = None,
    distillation_loss_weights: Sequence[float] | None = None,
    student_loss_weight: float = 0.5,
    recipe: Callable[[TrainingStage, int], Recipe] = adam_recipe,
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Sequence[Any] = ("accuracy",),
    validation_data: Any = None,
    callbacks: Callable[[TrainingStage], Sequence[keras.callbacks.Callback]] | None = None,
    folder: str | os.PathLike[str] | None = None,
    seed: int = 0,
    verbose: int | str = "auto",
    announce: Callable[[str], None] = print,
) -> FitResult:
    """Trains a model of a method as its paper does: all stages, each with trainer and callbacks.

    The stages are those of `method.stages()`, each of which starts from the one before; a teacher,
    where the method needs one and none is given, is trained first. `plan_stages` names them.

    With a `folder`, run the same script again after a kill, as often as needed: stages that have
    finished are not repeated, the one that was killed goes on after its last epoch, and the weights
    at the end are bit-identical to those of a run that was never killed, under the conditions of
    `ResumableCheckpoint`.

    Example:
        def build(method):
            return kgn.models.ResNet18((32, 32, 3), 100, stem="cifar", method=method)

        train = kgn.datasets.Batches(x, y, 128, kgn.datasets.CropAndFlip())
        result = kgn.training.fit("pcnn", build, train, epochs=[40, 160], folder="run")
        kgn.convert(result.model, "pcnn.tflite")

    Args:
        method: a name of `methods.list()`, or a `Method` with options of its own.
        build: returns a new model of the method that it is given, which is that of a stage, and
            `FullPrecision` for the teacher.
        data: batches with their targets, of known number: `datasets.Batches`, or anything else that
            Keras' `fit` takes as `x` and that has a length. To go on bit-identically takes
            `SeededBatches`. Each stage starts at its first epoch.
        epochs: of each stage, or a list with one number for each.
        teacher: a trained full-precision network of the same architecture, for methods that learn
            from one, or for:
        distillation_losses: of `distillation.Distiller`, with which any method that learns from no
            teacher of its own learns from this one in all stages.
        distillation_loss_weights: see `distillation.Distiller`.
        student_loss_weight: see `distillation.Distiller`; for `distillation_losses`.
        recipe: called with a stage and its number of optimizer steps, returns optimizer and
            schedule; of its other fields no use is made. `adam_recipe`, `paper_recipe`, or yours.
        loss: as in Keras' `compile`.
        metrics: as in Keras' `compile`.
        validation_data: as in Keras' `fit`.
        callbacks: called with a stage, returns more callbacks for it.
        folder: of the run, for checkpoints; None for none.
        seed: to which all global random generators are set when a stage begins, so that all that is
            drawn without a seed of its own (the initial weights, dropout) can be repeated.
        verbose: as in Keras' `fit`.
        announce: gets a line about each stage.

    Returns:
        A `FitResult`.

    Raises:
        ValueError: if `method`, `epochs` or `data` are not as above, if there is a teacher and
            nothing learns from it, if there are `distillation_losses` and no teacher, or a method
            with a trainer of its own, or if the folder holds another run.
    """
    from keras_groupnet import methods  # which uses this package

    method = methods.get(method)
    stages = plan_stages(method, epochs, train_teacher=teacher is None)
    if teacher is not None and distillation_losses is None and not needs_teacher(method):
        raise ValueError(
            f"The method {method.name!r} learns from no teacher; leave it out, or say with "
            "`distillation_losses` how it should. "
            f"Received: teacher={teacher.name!r}"
        )
    distill = None
    if distillation_losses is not None:
        if teacher is None:
            raise ValueError(
                "`distillation_losses` need a trained `teacher`, such as the model that "
                "training.fit('full_precision', ...) returns. Received: teacher=None"
            )
        if needs_teacher(method):
            raise ValueError(
                f"The method {method.name!r} learns from a teacher in a way of its own; leave "
                f"`distillation_losses` out. Received: distillation_losses={distillation_losses!r}"
            )
        distill = _Distillation(distillation_losses, distillation_loss_weights, student_loss_weight)
    compiling = {"loss": loss, "metrics": list(metrics)}
    fitting = {"validation_data": validation_data, "verbose": verbose}
    stage_fit = _StageFit(
        data, _length(data), recipe, callbacks, compiling, fitting, announce, distill
    )
    run = None
    if folder is not None:
        facts = {"method": method.name, "options": options(method), "seed": seed}
        if distill is not None:
            facts["distillation"] = distill.facts()
        run = RunFolder(folder, facts | {"trains_teacher": stages[0].teaches})

    finished = {stage.name: run.finished(stage) for stage in stages} if run else {}
    histories: dict[str, History] = {}
    student: keras.Model | None = None
    for stage, following in zip(stages, [*stages[1:], None], strict=True):
        history = finished.get(stage.name)
        if run and history is not None:
            announce(f"{stage}: has finished before")
            histories[stage.name] = history
            if stage.teaches or following is None or finished[following.name] is None:
                student = build(stage.method)
                run.load(stage, student)
        else:
            keras.utils.set_random_seed(seed)
            previous, student = student, build(stage.method)
            if run:
                run.check(stage, student)
            if previous is not None:
                stage.method.start_from(student, previous)
            learns = previous is not None and stage.method.learns_from_previous
            histories[stage.name] = stage_fit(stage, student, previous if learns else teacher, run)
        if stage.teaches:
            teacher, student = student, None
    return FitResult(student, histories, teacher)


@dataclasses.dataclass(frozen=True)
class _Distillation:
    """How methods that learn from no teacher of their own learn from one."""

    losses: Any
    weights: Sequence[float] | None
    student_weight: float

    def trainer(
        self, method: "Method", student: keras.Model, teacher: keras.Model | None
    ) -> keras.Model:
        """Returns a `Distiller`."""
        if method.trainer(student) is not student:
            raise ValueError(
                f"The method {method.name!r} has a trainer of its own, which `distillation_losses` "
                f"would replace; leave them out. Received: distillation_losses={self.losses!r}"
            )
        return Distiller(teacher, student, self.losses, self.weights, self.student_weight)

    def facts(self) -> Any:
        """What must be the same when a run goes on, of JSON."""
        losses = keras.saving.serialize_keras_object(self.losses)
        return [losses, self.weights, self.student_weight]


@dataclasses.dataclass(frozen=True)
class _StageFit:
    """Trains one stage; the fields are what all stages have in common."""

    data: Any
    length: int
    recipe: Callable[[TrainingStage, int], Recipe]
    callbacks: Callable[[TrainingStage], Sequence[keras.callbacks.Callback]] | None
    compiling: dict[str, Any]
    fitting: dict[str, Any]
    announce: Callable[[str], None]
    distillation: _Distillation | None

    def __call__(
        self,
        stage: TrainingStage,
        student: keras.Model,
        teacher: keras.Model | None,
        run: RunFolder | None,
    ) -> History:
        """Returns the history of all epochs, also of those before a kill."""
        method = stage.method
        if self.distillation is not None:
            trainer = self.distillation.trainer(method, student, teacher)
        else:
            trainer = method.trainer(student, teacher if method.needs_teacher else None)
        recipe = self.recipe(stage, self.length * stage.epochs)
        trainer.compile(recipe.optimizer, **self.compiling)
        position = copy.copy(self.data) if isinstance(self.data, SeededBatches) else None
        data = self.data if position is None else position
        record = _Record()
        more = self.callbacks(stage) if self.callbacks else []
        callbacks = [*recipe.callbacks, *method.callbacks(student, data), *more, record]
        first, stopped = 0, False
        if run is not None:
            checkpoint = ResumableCheckpoint(run.of(stage), position, callbacks)
            first, stopped = checkpoint.resume(trainer), checkpoint.stopped
            callbacks = [*callbacks, checkpoint]
        elif position is not None:
            callbacks = [*callbacks, _Position(position)]
        self.announce(f"{stage}: goes on after epoch {first}" if first else str(stage))
        if first < stage.epochs and not stopped:
            trainer.fit(
                data,
                epochs=stage.epochs,
                initial_epoch=first,
                callbacks=callbacks,
                shuffle=False,  # `SeededBatches` do so themselves
                **self.fitting,
            )
        if run is not None:
            run.save(stage, student, record.history)
        return record.history


class _Position(keras.callbacks.Callback):
    """Without a checkpoint, Keras' look at the first batches would move the data on an epoch."""

    def __init__(self, data: SeededBatches):
        super().__init__()
        self._data = data

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._data.epoch = epoch


class _Record(keras.callbacks.Callback):
    """Keras' `History`, but kept over kills."""

    def __init__(self):
        super().__init__()
        self.history: History = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))

    def get_state(self) -> dict[str, Any]:
        return self.history

    def set_state(self, state: dict[str, Any]) -> None:
        self.history.clear()
        self.history.update({name: list(values) for name, values in state.items()})


def _length(data: Any) -> int:
    """Batches in an epoch."""
    try:
        if isinstance(data, (tuple, list)) or hasattr(data, "shape"):
            raise TypeError("not in batches")
        return len(data)
    except TypeError as error:
        raise ValueError(
            "`data` must be batches of a known number, such as "
            "kgn.datasets.Batches(images, labels, batch_size=128). "
            f"Received: data={type(data).__name__}"
        ) from error
