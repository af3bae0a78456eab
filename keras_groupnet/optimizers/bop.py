"""An optimizer of binary weights without latent ones."""

from typing import Any

import keras
from keras import ops

from keras_groupnet.quantizers.functional import sign


@keras.saving.register_keras_serializable(package="keras_groupnet")
def is_binary_variable(variable: Any) -> bool:
    """Whether a variable is a kernel of 1 bit: one with `variable.precision == 1`.

    The quantized layers mark their kernels with the `precision` of the kernel quantizer, such as
    `quantizers.NoOp(precision=1)`.
    """
    return getattr(variable, "precision", 32) == 1


@keras.saving.register_keras_serializable(package="keras_groupnet")
class Bop(keras.optimizers.Optimizer):
    """Flips a binary weight if the moving average of its gradient pulls it over for long.

        m <- (1 - gamma) m + gamma g
        w <- -w  where  |m| > threshold and sgn(m) = sgn(w),  else w

    The first step makes the weights ±1, their signs. It has no learning rate; gamma, as that of
    others, makes training faster and noisier. Use it for kernels marked as binary, and another
    optimizer for the rest:

        quantizer = kgn.quantizers.NoOp(precision=1)
        layer = kgn.layers.QuantDense(16, kernel_quantizer=quantizer)
        kgn.optimizers.CaseOptimizer(
            (kgn.optimizers.Bop.is_binary_variable, kgn.optimizers.Bop(threshold=1e-6)),
            default_optimizer=keras.optimizers.Adam(0.01),
        )

    Args:
        threshold: at least 0; a number or a `keras.optimizers.schedules.LearningRateSchedule`.
        gamma: in (0, 1]; a number or such a schedule.
        name: of the optimizer.
        **kwargs: arguments of `keras.optimizers.Optimizer`, such as `clipnorm`.

    Raises:
        ValueError: for other numbers.
        TypeError: for a learning rate.

    References:
        Helwegen et al., Latent Weights Do Not Exist, arXiv 1906.02107, Algorithm 1.
    """

    is_binary_variable = staticmethod(is_binary_variable)

    def __init__(self, threshold: Any = 1e-8, gamma: Any = 1e-4, name: str = "bop", **kwargs: Any):
        if "learning_rate" in kwargs:
            raise TypeError(
                "Bop has no learning rate: set `gamma` and `threshold`. "
                f"Received: learning_rate={kwargs['learning_rate']!r}"
            )
        super().__init__(learning_rate=1.0, name=name, **kwargs)
        self._threshold = self._hyperparameter("threshold", threshold, 0 <= _first(threshold))
        self._gamma = self._hyperparameter("gamma", gamma, 0 < _first(gamma) <= 1)

    @property
    def threshold(self) -> Any:
        """The variable, or the value of the schedule."""
        return self._value(self._threshold)

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold.assign(value)

    @property
    def gamma(self) -> Any:
        """The variable, or the value of the schedule."""
        return self._value(self._gamma)

    @gamma.setter
    def gamma(self, value: float) -> None:
        self._gamma.assign(value)

    def build(self, variables: list[Any]) -> None:
        """Makes m, one for each variable."""
        if self.built:
            return
        super().build(variables)
        self._averages = self.add_optimizer_variables(variables, "m")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves m, and flips what it says."""
        average = self._averages[self._get_variable_index(variable)]
        dtype = variable.dtype
        gamma, threshold = (
            ops.cast(ops.convert_to_tensor(one), dtype) for one in (self.gamma, self.threshold)
        )
        before = ops.convert_to_tensor(average)
        after = before + gamma * (ops.cast(gradient, dtype) - before)
        signs = sign(ops.convert_to_tensor(variable))
        self.assign(average, after)
        self.assign(variable, ops.where(signs * after > threshold, -signs, signs))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor arguments."""
        config = super().get_config()
        del config["learning_rate"]
        return config | {
            "threshold": _serialized(self._threshold),
            "gamma": _serialized(self._gamma),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Bop":
        """Builds the optimizer from `get_config()`."""
        config = dict(config)
        for name in ("threshold", "gamma"):
            if isinstance(config.get(name), dict):
                config[name] = keras.saving.deserialize_keras_object(
                    config[name], custom_objects=custom_objects
                )
        return cls(**config)

    def _hyperparameter(self, name, value, possible):
        """A variable, so that callbacks can set it; a schedule as it is."""
        if not possible:
            raise ValueError(
                "`threshold` must be at least 0, `gamma` above 0 and at most 1. "
                f"Received: {name}={value!r}"
            )
        if _is_schedule(value):
            return value
        return self.add_variable(
            (), initializer=keras.initializers.Constant(float(value)), name=name
        )

    def _value(self, hyperparameter):
        return hyperparameter(self.iterations) if _is_schedule(hyperparameter) else hyperparameter


def _is_schedule(value):
    return isinstance(value, keras.optimizers.schedules.LearningRateSchedule)


def _first(value):
    """The number; that of a schedule for the first step."""
    return float(ops.convert_to_numpy(value(0))) if _is_schedule(value) else value


def _serialized(hyperparameter):
    if _is_schedule(hyperparameter):
        return keras.saving.serialize_keras_object(hyperparameter)
    return float(ops.convert_to_numpy(hyperparameter))
