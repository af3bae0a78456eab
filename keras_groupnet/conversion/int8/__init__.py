"""int8 for what stays float, after training."""
