"""Teachers of methods that need one."""

import keras


def required_teacher(teacher: keras.Model | None, alternative: str) -> keras.Model:
    """Returns the teacher.

    Args:
        teacher: as `Method.trainer` got it.
        alternative: what to use without one.

    Raises:
        ValueError: if there is none.
    """
    if teacher is None:
        raise ValueError(
            "Training needs a full-precision model of the same architecture. Received: "
            f"teacher=None. Pass one, or use {alternative}"
        )
    return teacher
