"""A `.tflite` model as a graph that can be edited."""
