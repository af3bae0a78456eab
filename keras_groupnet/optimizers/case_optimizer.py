"""Different optimizers for different variables."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

Predicate = Callable[[Any], bool]


@keras.saving.register_keras_serializable(package="keras_groupnet")
class CaseOptimizer(keras.optimizers.Optimizer):
    """Each variable is trained by the optimizer whose predicate is true for it.

    The choice is made once, when the optimizer is built with the variables of the model, and goes
    into saved models, so predicates need not be saved. `learning_rate` is that of
    `default_optimizer` (of the first one without a default); schedule the others by themselves.
    Clipping, weight decay and the like are arguments of the optimizers inside.

    Args:
        *predicate_optimizer_pairs: `(predicate, optimizer)`; a predicate is a function of a
            variable.
        default_optimizer: for variables for which no predicate is true; None does not train them,
            and warns.
        name: of the optimizer.

    Raises:
        TypeError: for anything else.
        ValueError: when it is built: several predicates are true for one variable, or one is true
            for none.

    References:
        Helwegen et al., Latent Weights Do Not Exist, arXiv 1906.02107; `larq.optimizers`.
    """

    def __init__(
        self,
        *predicate_optimizer_pairs: tuple[Predicate, keras.optimizers.Optimizer],
        default_optimizer: keras.optimizers.Optimizer | None = None,
        name: str = "case_optimizer",
    ):
        super().__init__(learning_rate=0.0, name=name)
        for pair in predicate_optimizer_pairs:
            if (
                len(pair) != 2
                or not callable(pair[0])
                or not isinstance(pair[1], keras.optimizers.Optimizer)
            ):
                raise TypeError(
                    "Expected pairs of a function of a variable and a keras.optimizers.Optimizer. "
                    f"Received: {pair!r}"
                )
        if not isinstance(default_optimizer, keras.optimizers.Optimizer | None):
            raise TypeError(
                "`default_optimizer` must be a keras.optimizers.Optimizer or None. "
                f"Received: default_optimizer={default_optimizer!r}"
            )
        self._predicates = [predicate for predicate, _ in predicate_optimizer_pairs]
        self.optimizers = [optimizer for _, optimizer in predicate_optimizer_pairs]
        if default_optimizer is not None:
            self.optimizers.append(default_optimizer)
        if not self.optimizers:
            raise TypeError("Expected at least one optimizer. Received: none")
        self.default_optimizer = default_optimizer
        self.choice: list[int | None] | None = None

    def build(self, variables: Sequence[Any]) -> None:
        """Chooses an optimizer for each variable, and builds them all."""
        if self.built:
            return
        variables = list(variables)
        super().build(variables)
        if self.choice is None:
            self.choice = [self._choose(variable) for variable in variables]
        elif len(self.choice) != len(variables):
            raise ValueError(
                f"Expected the {len(self.choice)} trainable variables that optimizers were chosen "
                f"for. Received: {len(variables)}. Make a new CaseOptimizer"
            )
        for number, optimizer in enumerate(self.optimizers):
            own = [v for v, chosen in zip(variables, self.choice, strict=True) if chosen == number]
            if not own and optimizer is not self.default_optimizer:
                raise ValueError(
                    "Expected a predicate that is true for a trainable variable. Received: none "
                    f"for optimizer {optimizer.name!r} (of {len(variables)} variables)"
                )
            optimizer.build(own)

    @property
    def variables(self) -> list[Any]:
        """Its own, and those of all optimizers."""
        inner = getattr(self, "optimizers", ())
        return [*super().variables, *(v for optimizer in inner for v in optimizer.variables)]

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Lets each optimizer apply the gradients of its variables."""
        if trainable_variables is None:
            trainable_variables = self._trainable_variables
        trainable_variables = list(trainable_variables)
        if not self.built:
            self.build(trainable_variables)
        self._check_variables_are_known(trainable_variables)
        pairs: list[list[tuple[Any, Any]]] = [[] for _ in self.optimizers]
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            chosen = (self.choice or [])[self._get_variable_index(variable)]
            if chosen is not None:
                pairs[chosen].append((gradient, variable))
        for optimizer, own in zip(self.optimizers, pairs, strict=True):
            if own:
                optimizer.apply(*map(list, zip(*own, strict=True)))
        self._iterations.assign_add(1)

    @property
    def learning_rate(self) -> Any:
        """That of the default optimizer, or else of the first."""
        return self.optimizers[-1 if self.default_optimizer is not None else 0].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        one = self.optimizers[-1 if self.default_optimizer is not None else 0]
        one.learning_rate = learning_rate

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Lets each optimizer finish its variables (moving averages)."""
        for number, optimizer in enumerate(self.optimizers):
            own = [
                v for v in var_list if (self.choice or [])[self._get_variable_index(v)] == number
            ]
            if own:
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        """Returns what `from_config` takes: the optimizers, and which variable is whose."""
        registered = [
            keras.saving.serialize_keras_object(predicate)
            if keras.saving.get_registered_name(predicate) != getattr(predicate, "__name__", None)
            else None
            for predicate in self._predicates
        ]
        return {
            "name": self.name,
            "optimizers": [keras.saving.serialize_keras_object(one) for one in self.optimizers],
            "predicates": registered,
            "has_default": self.default_optimizer is not None,
            "choice": None if self.choice is None else list(self.choice),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "CaseOptimizer":
        """Builds the optimizer from `get_config()`.

        Raises:
            ValueError: if it was not built when it was saved, and has predicates that are not
                registered with Keras.
        """

        def revived(one):
            return keras.saving.deserialize_keras_object(one, custom_objects=custom_objects)

        if config["choice"] is None and None in config["predicates"]:
            raise ValueError(
                "The predicates of this CaseOptimizer were not saved. Expected an optimizer that "
                "was built (optimizer.build(model.trainable_variables)), or predicates that are "
                "registered with Keras. Received: neither"
            )
        optimizers = [revived(one) for one in config["optimizers"]]
        default = optimizers.pop() if config["has_default"] else None
        predicates = [_unknown if one is None else revived(one) for one in config["predicates"]]
        pairs = zip(predicates, optimizers, strict=True)
        optimizer = cls(*pairs, default_optimizer=default, name=config["name"])
        optimizer.choice = config["choice"]
        return optimizer

    def _choose(self, variable):
        found = [number for number, claims in enumerate(self._predicates) if claims(variable)]
        name = getattr(variable, "path", variable.name)
        if len(found) > 1:
            names = [self.optimizers[number].name for number in found]
            raise ValueError(
                f"Expected one optimizer for variable {name!r}. Received: predicates of {names} "
                "that are true for it"
            )
        if found:
            return found[0]
        if self.default_optimizer is None:
            warnings.warn(
                f"Variable {name!r} is not trained: no predicate is true for it, and there is no "
                "`default_optimizer`",
                stacklevel=2,
            )
            return None
        return len(self.optimizers) - 1


def _unknown(variable):
    """In the place of a predicate that was not saved: its choice was."""
    return False
