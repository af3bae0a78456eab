"""How many bits the values of a quantizer have."""

from typing import Any


def precision_of(quantizer: Any) -> int:
    """Returns the bits of one quantized value; 32 for None.

    Any callable trains. But what it returns cannot be told from the callable, so a plain function
    or lambda is taken to return floats, and its layer stays float in converted files, unless it
    has the attribute `precision`:

        @keras.saving.register_keras_serializable(package="my_package")
        def my_sign(x): ...
        my_sign.precision = 1            # returns -1 and +1 only

    (A registered function can be saved; a lambda cannot.) A subclass of `quantizers.Quantizer`
    needs the attribute in any case.

    Args:
        quantizer: as `quantizers.get` returns it.

    Raises:
        ValueError: if the quantizer does not tell.
    """
    if quantizer is None:
        return 32
    precision = getattr(quantizer, "precision", None)
    if precision is None:
        raise ValueError(
            "A quantizer must tell how many bits its values have: subclass "
            "keras_groupnet.quantizers.Quantizer, or set the attribute `precision` of the function "
            f"(1 for -1 and +1). Received: {quantizer!r}, which has no `precision`"
        )
    return precision
