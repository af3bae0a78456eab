"""`groupnet`: `main` finds the command in `commands/`; beside it is what the commands share.

Nothing here imports Keras or TensorFlow before a command has checked its arguments, so that help
and mistakes are answered at once.
"""
