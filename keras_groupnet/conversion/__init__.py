"""From Keras models to `.tflite` files. Needs TensorFlow as the backend of Keras."""
