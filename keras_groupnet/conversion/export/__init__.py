"""A Keras model, traced with our layers as custom ops."""
