"""Where the stages of a network end."""

from collections.abc import Sequence

import keras

from keras_groupnet.layers import GroupSum


def stage_outputs(model: keras.Model) -> list[str]:
    """Names of the layers that end the stages: the last residual sum at each size of the map.

    In a network without residual sums it is the last batch norm.

    Args:
        model: functional, with `Add`, `GroupSum` or batch norm layers of maps.

    Raises:
        ValueError: if there is no such layer.
    """
    for kinds in ((keras.layers.Add, GroupSum), (keras.layers.BatchNormalization,)):
        last: dict[tuple[int | None, ...], str] = {}
        for layer in model.layers:
            if isinstance(layer, kinds) and len(layer.output.shape) == 4:
                height, width, channels = layer.output.shape[1:]
                # Maps of unknown size are told apart by their channels.
                key = (channels,) if height is None else (height, width)
                last.pop(key, None)
                last[key] = layer.name
        if last:
            return list(last.values())
    raise ValueError(
        "The model has neither residual sums nor batch norms of maps; name the layers yourself. "
        f"Received: model={model.name!r}"
    )


def paired_stages(
    student: keras.Model,
    teacher: keras.Model,
    stages: Sequence[str] | None = None,
    teacher_stages: Sequence[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Names of the layers of two models whose outputs are compared.

    Args:
        student: functional.
        teacher: functional.
        stages: names of the student's layers; None for `stage_outputs`.
        teacher_stages: names of the teacher's layers; None for `stage_outputs`.

    Raises:
        ValueError: if they differ in number or in the shapes of their outputs.
    """
    names = list(stages or stage_outputs(student)), list(teacher_stages or stage_outputs(teacher))
    shapes = [
        [tuple(model.get_layer(name).output.shape) for name in chosen]
        for model, chosen in zip((student, teacher), names, strict=True)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "The features of student and teacher must have the same shapes. "
            f"Received: {dict(zip(names[0], shapes[0], strict=True))} and "
            f"{dict(zip(names[1], shapes[1], strict=True))}"
        )
    return names
