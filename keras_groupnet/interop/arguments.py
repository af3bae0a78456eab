"""Constructor arguments of tf.keras 2 → those of a Keras 3 class."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_groupnet import constraints
from keras_groupnet.interop.context import NoCounterpart, find_custom, name_and_config

_ANY = object()

# Arguments that Keras 3 does not have, and the values that change nothing; None never does.
_WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "batch_input_shape": (_ANY,),
    "fused": (_ANY,),
    "groups": (1,),
    "implementation": (_ANY,),
    "input_length": (_ANY,),
    "kernel_initializer": (_ANY,),
    "pad_values": (0, 0.0),
    "ragged": (False,),
    "renorm": (False,),
    "rng_type": (_ANY,),
    "renorm_clipping": (_ANY,),
    "renorm_momentum": (_ANY,),
    "sparse": (False,),
    "time_major": (False,),
    "trainable": (_ANY,),
    "key_shape": (_ANY,),
    "query_shape": (_ANY,),
    "value_shape": (_ANY,),
}


def fitting(
    classes: Sequence[type], config: Mapping[str, Any], custom_objects: Mapping[str, Any]
) -> dict[str, Any]:
    """The config as arguments of a Keras 3 layer.

    Args:
        classes: that of the layer, and others that have arguments which it takes.
        config: that of the tf.keras layer; activations and quantizers have been replaced.
        custom_objects: as in `from_tf_keras`.

    Raises:
        NoCounterpart: for an argument that the layer does not have, unless it has no effect.
    """
    known = {name for cls in classes for name in _parameters(cls)}
    arguments: dict[str, Any] = {}
    for key, value in config.items():
        if key not in known:
            ignored = (*_WITHOUT_EFFECT.get(key, ()), None)
            if not any(one is _ANY or one == value for one in ignored):
                raise NoCounterpart(
                    f"Keras 3 has no argument {key!r} there. Received: {key}={value!r}. Change it "
                    "in the tf.keras model, or pass custom_objects."
                )
        elif key == "dtype":
            arguments[key] = plain_dtype(value)
        elif key.endswith("_initializer"):
            initializer = _initializer(value)
            if initializer is not None:
                arguments[key] = initializer
        elif key.endswith("_regularizer"):
            arguments[key] = _known(value, keras.regularizers, "regularizer", custom_objects)
        elif key.endswith("_constraint"):
            arguments[key] = _constraint(value, custom_objects)
        else:
            arguments[key] = value
    axis = arguments.get("axis")
    if issubclass(classes[0], keras.layers.BatchNormalization) and isinstance(axis, list):
        (arguments["axis"],) = axis
    return arguments


def _parameters(cls: type) -> set[str]:
    """Of all constructors that `**kwargs` reach."""
    names: set[str] = set()
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            names |= set(parameters)
            if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
                break
    return names


def plain_dtype(value: Any) -> Any:
    """The name of a dtype or policy."""
    if isinstance(value, dict):
        value = value["config"].get("name")
    return None if value == "infer" else value


def _initializer(value: Any) -> Any:
    """An initializer, or None for one that Keras does not know: the weights are set anyway."""
    if value is None:
        return None
    name, config = name_and_config(value)
    config.pop("dtype", None)
    cls = getattr(keras.initializers, name, None)
    return None if cls is None else cls(**config)


def _constraint(value: Any, custom_objects: Mapping[str, Any]) -> Any:
    if value is not None:
        name, config = name_and_config(value)
        if name in ("WeightClip", "weight_clip"):
            return constraints.WeightClip(config.get("clip_value", 1.0))
    return _known(value, keras.constraints, "constraint", custom_objects)


def _known(value: Any, module: Any, what: str, custom_objects: Mapping[str, Any]) -> Any:
    """An object of one of Keras' modules, or of the user's."""
    if value is None:
        return None
    name, config = name_and_config(value)
    custom = find_custom(custom_objects, name)
    if custom is not None:
        return custom
    cls = getattr(module, name, None)
    if cls is None:
        raise NoCounterpart(
            f"There is no {what} {name!r} in Keras 3. Pass your own: "
            f"custom_objects={{{name!r}: ...}}."
        )
    return cls(**config)
