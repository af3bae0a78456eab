"""The one place where a forward pass and a different backward pass are joined."""

from collections.abc import Callable
from typing import Any

from keras import ops


def straight_through(
    forward: Callable[..., Any], gradient: Callable[..., Any]
) -> Callable[..., Any]:
    """Joins `forward(*tensors)` with `gradient(upstream, *tensors)` into one function.

    The usual `x + stop_gradient(q - x)` is wrong in float16 for |x| above about 2,052, where the
    difference is no longer exact. A custom gradient returns exactly what `forward` computes.

    Args:
        forward: maps tensors to one tensor.
        gradient: maps the gradient at the output, followed by the tensors, to the gradient at the
            tensor (to a tuple of gradients if there are several tensors).

    Returns:
        A function of tensors or Keras variables.
    """

    @ops.custom_gradient
    def joined(*tensors):
        def backward(*upstreams, upstream=None):
            # TensorFlow and JAX pass the upstream gradient by position, Torch by name.
            return gradient(upstreams[0] if upstream is None else upstream, *tensors)

        return forward(*tensors), backward

    def apply(*inputs):
        # TensorFlow's custom gradient refuses variables; a copy is a plain tensor, and the
        # gradient still flows through it.
        return joined(*[ops.copy(ops.convert_to_tensor(x)) for x in inputs])

    return apply


def scale_gradient(x: Any, factor: float) -> Any:
    """Returns `x`; gradient `factor * g`.

    Under SGD, with momentum too, a variable read through this has its own learning rate,
    `factor * learning_rate`. Optimizers that divide by the size of the gradient (Adam) undo it.
    """
    return straight_through(lambda x: x, lambda g, x: g * factor)(x)
