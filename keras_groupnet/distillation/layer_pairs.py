"""Which layers of a student and of its teacher compute the same features."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_groupnet.layers import GroupSum, QuantLayer
from keras_groupnet.structure.scope import parent_name

Shape = tuple[int | None, ...]
# What ends blocks; in a network without residual sums and groups, its batch norms.
_ENDS = ((keras.layers.Add, GroupSum), (keras.layers.BatchNormalization,))


def layer_pairs(
    student: keras.Model,
    teacher: keras.Model,
    comparable: Callable[[Shape, Shape], bool] | None = None,
) -> list[tuple[str, str]]:
    """Pairs the ends of the student's blocks, or groups of bases, with those of the teacher's.

    By name, if names tell: a sum of the student belongs to the teacher's layer of the same name,
    or of its name without `_sum`, or that the layers at the ends of its bases are named after
    (`structure.scope.parent_name`): `group3_sum`, the sum of `stage2_block1_base1_add2` and
    `stage2_block1_base2_add2`, belongs to `stage2_block1_add2`. What has no such counterpart is
    left out: the sums inside of the teacher's blocks.

    Else by shape and order: n sums of the student and k n of the teacher with maps of one shape are
    paired so that each of the student's stands for k blocks of the teacher.

    Example:
    >>> teacher = kgn.models.ResNet18((32, 32, 3), 10, stem="cifar", bases=None)
    >>> student = kgn.models.ResNet18((32, 32, 3), 10, stem="cifar", bases=3)
    >>> kgn.distillation.layer_pairs(student, teacher)[:2]
    [('group1_sum', 'stage1_block1_add2'), ('group2_sum', 'stage1_block2_add2')]

    Args:
        student: functional or Sequential.
        teacher: functional or Sequential.
        comparable: called with the shapes of a student's and of a teacher's output, both with the
            batch; None for equal shapes.

    Returns:
        Names of the student's layer and of the teacher's, in the order of the student.

    Raises:
        ValueError: if a model is subclassed or not built, or if nothing corresponds.
    """
    comparable = comparable or equal_shapes
    for model in (student, teacher):
        check_symbolic(model)
    for kinds in _ENDS:
        pairs = list(_by_name(student, teacher, kinds, comparable))
        if not pairs:
            pairs = _by_order(student, teacher, kinds, comparable)
        if pairs:
            return pairs
    raise ValueError(
        "No residual sum, sum of bases or batch norm of the student has a counterpart of its name "
        "or shape in the teacher. Name the layers yourself: `teacher_layer_name=` and "
        f"`student_layer_name=`. Received: student={student.name!r}, teacher={teacher.name!r}"
    )


def equal_shapes(one: Shape, other: Shape) -> bool:
    """Whether two shapes agree wherever both are known."""
    return len(one) == len(other) and all(
        a == b or a is None or b is None for a, b in zip(one, other, strict=True)
    )


def check_symbolic(model: keras.Model) -> None:
    """Raises ValueError unless the outputs of a model's layers can be asked for."""
    if not getattr(model, "inputs", None):
        raise ValueError(
            "Features can be compared of functional models and of Sequential models with an Input "
            "only; a subclassed model does not tell what its layers compute. "
            f"Received: model={model.name!r} of class {type(model).__name__}"
        )


def _by_name(
    student: keras.Model, teacher: keras.Model, kinds: Any, comparable: Callable[..., bool]
) -> Iterator[tuple[str, str]]:
    known = {layer.name: layer for layer in teacher.layers}
    producers = _producers(student)
    for layer in _ends(student, kinds):
        names = [layer.name, layer.name.removesuffix("_sum")]
        if isinstance(layer, GroupSum):
            names += [parent_name(producers[id(base)].name) for base in layer.input]
        for name in names:
            found = known.get(name)
            if found is not None and comparable(layer.output.shape, found.output.shape):
                yield layer.name, name
                break


def _by_order(
    student: keras.Model, teacher: keras.Model, kinds: Any, comparable: Callable[..., bool]
) -> list[tuple[str, str]]:
    taught = _ends(teacher, kinds)
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for layer in _ends(student, kinds):
        fitting = tuple(
            one.name for one in taught if comparable(layer.output.shape, one.output.shape)
        )
        alike[fitting].append(layer.name)
    pairs: list[tuple[str, str]] = []
    for fitting, names in alike.items():
        if not fitting or len(fitting) % len(names):
            return []
        step = len(fitting) // len(names)
        pairs += zip(names, fitting[step - 1 :: step], strict=True)
    return pairs


def _ends(model: keras.Model, kinds: Any) -> list[keras.layers.Layer]:
    """The layers of these kinds, but for those inside of bases and sums of single layers."""
    producers = _producers(model)

    def sums_layers(layer: keras.layers.Layer) -> bool:
        """Whether it is Eq. 3 of Group-Net, in the middle of a block."""
        return isinstance(layer, GroupSum) and isinstance(
            producers[id(layer.input[0])], (QuantLayer, keras.layers.Multiply)
        )

    return [
        layer
        for layer in model.layers
        if isinstance(layer, kinds)
        and parent_name(layer.name) == layer.name
        and not sums_layers(layer)
    ]


def _producers(model: keras.Model) -> dict[int, keras.layers.Layer]:
    """The layers of a model by the identity of what they give."""
    return {
        id(tensor): layer
        for layer in model.operations
        for tensor in keras.tree.flatten(layer.output)
    }
