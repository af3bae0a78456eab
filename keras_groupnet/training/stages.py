"""Where the stages of a residual network end."""

import keras

from keras_groupnet.layers import GroupSum


def stage_outputs(model: keras.Model) -> list[str]:
    """Names of the layers that end the stages: the last residual sum at each size of the map.

    Args:
        model: functional, with `Add` or `GroupSum` layers.

    Raises:
        ValueError: if there is no such layer.
    """
    last: dict[tuple[int | None, ...], str] = {}
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Add, GroupSum)) and len(layer.output.shape) == 4:
            height, width, channels = layer.output.shape[1:]
            # Maps of unknown size are told apart by their channels.
            key = (channels,) if height is None else (height, width)
            last.pop(key, None)
            last[key] = layer.name
    if not last:
        raise ValueError(
            "The model has no residual sums; name the layers yourself. "
            f"Received: model={model.name!r}"
        )
    return list(last.values())
